"""Every call of the API: the role it requires, a valid example, and requests that the state of the world refuses.

The rows are compared with the URLconf and the OpenAPI document, so a new call without a row fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.table.world import World
from tests.support.documents import chain

OPEN, VIEWER, OPERATOR, EDITOR, ADMIN = "open", "viewer", "operator", "editor", "admin"
NOTHING = object()
"""No body at all (None is JSON's null)."""


@dataclass(frozen=True)
class Refused:
    """A variant of the call's example, and its refusal."""

    status: int
    code: str
    where: Mapping[str, str] = field(default_factory=dict)
    """Other values of path parameters."""
    body: Any = NOTHING
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    """As in the URLconf, after the version's prefix; with a leading slash from the root."""
    role: str
    """The lowest role that may call it."""
    status: int = 200
    """Status of the example: `where`, `body`, `raw`, `headers` and `query`."""
    where: Mapping[str, str] = field(default_factory=dict)
    body: Any = NOTHING
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    refused: tuple[Refused, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def pattern(self) -> str:
        return self.url[1:] if self.url.startswith("/") else f"api/v1/{self.url}"

    @property
    def template(self) -> str:
        """The path as in the OpenAPI document."""
        return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", self.pattern)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """(converter, name) of each parameter of the path."""
        return re.findall(r"<(\w+):(\w+)>", self.pattern)

    @property
    def missing(self) -> bool:
        """Whether the feature is missing: refused by name before anything else is read."""
        return self.status == 501

    def values(self, world: World) -> dict[str, str]:
        """Return the values of the path's parameters."""
        values = {**PARAMETER_VALUES, **self.where}
        return {name: world.ids.get(values[name], values[name]) for _converter, name in self.parameters}

    def path(self, world: World, **other: str) -> str:
        values = {**self.values(world), **{name: world.ids.get(value, value) for name, value in other.items()}}
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: values[found[1]], self.pattern)


# Default values of path parameters. A key of `World.ids` stands for that id.
PARAMETER_VALUES = {
    "slug": "one",
    "number": "1",
    "a": "1",
    "b": "2",
    "deployment": "1",
    "run_id": "ended",
    "node": "a",
    "name": "spare",
    "path": "data.csv",
    "token_id": "own_token",
    "session_id": "session",
    "username": "viewer-person",
}
SAVED = {"If-Match": '"1"'}
ENDED, WAITING = {"run_id": "ended"}, {"run_id": "waiting"}
ACTIVE_RUN = Refused(409, "wrong_state", where=WAITING)
OVER = Refused(409, "wrong_state", where=ENDED)
NEW = chain("a", "b", "c")
INVALID = {"schema": "interlock/1", "nodes": [{"id": "a", "type": "nope"}], "edges": []}


_FUTURE = {"schema": "interlock/2", "nodes": [], "edges": []}
INVALID_DOCUMENTS: tuple[Any, ...] = (None, 7, "x", [], {}, {"nodes": 1}, _FUTURE)
INVALID_INPUTS: tuple[Any, ...] = ({"month": "x"}, {"other": 1}, {"month": None}, [1], "x", 7, True)


def patches(status: int, code: str, *wrong: Any) -> tuple[Refused, ...]:
    return tuple(Refused(status, code, body=patch) for patch in wrong)


CALLS = [
    Call("GET", "/healthz", OPEN),
    Call("GET", "/readyz", OPEN),
    Call("GET", "schema/", VIEWER),
    # Workflows
    Call("GET", "workflows/", VIEWER),
    Call(
        "POST",
        "workflows/",
        EDITOR,
        201,
        body={"name": "Two", "slug": "two", "description": "x", "tags": ["t"]},
        refused=(
            Refused(409, "slug_taken", body={"name": "One", "slug": "one"}),
            Refused(400, "invalid", body={"name": "x", "slug": "new"}),
            Refused(400, "invalid", body={"name": "x", "slug": "A b"}),
        ),
    ),
    Call("GET", "workflows/<slug:slug>/", VIEWER),
    Call(
        "PATCH",
        "workflows/<slug:slug>/",
        EDITOR,
        body={"name": "Uno", "description": "x", "tags": ["t"], "archived": False},
    ),
    Call(
        "DELETE",
        "workflows/<slug:slug>/",
        ADMIN,
        204,
        where={"slug": "bare"},
        refused=(Refused(409, "run_in_progress", where={"slug": "one"}),),
    ),
    Call("GET", "workflows/<slug:slug>/draft/", EDITOR),
    Call(
        "PUT",
        "workflows/<slug:slug>/draft/",
        EDITOR,
        headers=SAVED,
        body={"definition": chain("x"), "base_version": 1},
        refused=(
            Refused(412, "stale_draft", headers={"If-Match": '"0"'}),
            Refused(428, "precondition_required", headers={"If-Match": ""}),
            Refused(422, "invalid_value", body={"definition": {}, "base_version": 9}),
        ),
    ),
    Call(
        "PATCH",
        "workflows/<slug:slug>/draft/",
        EDITOR,
        headers=SAVED,
        body=[{"op": "add", "path": "/notes", "value": "x"}],
        refused=(
            Refused(412, "stale_draft", headers={"If-Match": '"0"'}),
            Refused(428, "precondition_required", headers={"If-Match": ""}),
            Refused(412, "stale_draft", query="on=1"),
            *patches(
                400,
                "bad_patch",
                *({}, "x", 7, 1.5, True, None, [1], ["x"], [None], [[]], [{}]),
                [{"op": "add"}],
                [{"op": "grow", "path": "/notes", "value": 1}],
                [{"op": "add", "path": "/notes"}],
                [{"op": "add", "path": 7, "value": 1}],
                [{"op": ["add"], "path": "/notes", "value": 1}],
                [{"op": "move", "path": "/notes"}],
                [{"op": "copy", "from": None, "path": "/notes"}],
            ),
            *patches(
                422,
                "patch_does_not_apply",
                [{"op": "add", "path": "notes", "value": 1}],
                [{"op": "remove", "path": "/nothing"}],
                [{"op": "remove", "path": "/nodes/99"}],
                [{"op": "remove", "path": "/nodes/-1"}],
                [{"op": "replace", "path": "/nodes/abc", "value": 1}],
                [{"op": "add", "path": "/nodes/9999999999999999999999", "value": 1}],
                [{"op": "move", "from": "/nodes", "path": "/nodes/0/x"}],
                [{"op": "copy", "from": "/nothing", "path": "/notes"}],
                [{"op": "test", "path": "/schema", "value": "other"}],
                [{"op": "add", "path": "/notes/deeper/still", "value": 1}],
                [{"op": "add", "path": "/~2", "value": 1}, {"op": "remove", "path": "/~"}],
            ),
        ),
    ),
    Call(
        "DELETE",
        "workflows/<slug:slug>/draft/",
        EDITOR,
        204,
        refused=(Refused(412, "stale_draft", headers={"If-Match": '"7"'}),),
    ),
    Call("POST", "workflows/<slug:slug>/validate/", EDITOR, body={"definition": INVALID}),
    Call("GET", "workflows/<slug:slug>/export/", VIEWER, 501),
    Call("POST", "import/", EDITOR, 501),
    # Versions and deployments
    Call("GET", "workflows/<slug:slug>/versions/", VIEWER),
    Call(
        "POST",
        "workflows/<slug:slug>/versions/",
        EDITOR,
        201,
        body={"definition": NEW, "message": "third", "base_version": 2},
        refused=(
            Refused(409, "outdated_base_version", body={"definition": NEW, "message": "", "base_version": 1}),
            Refused(409, "archived", where={"slug": "old"}, body={"definition": NEW, "message": ""}),
            Refused(422, "invalid_document", body={"definition": INVALID, "message": ""}),
            *(Refused(422, "invalid_document", body={"definition": bad, "message": ""}) for bad in INVALID_DOCUMENTS),
        ),
    ),
    Call("GET", "workflows/<slug:slug>/versions/<int:number>/", VIEWER),
    Call("GET", "workflows/<slug:slug>/versions/<int:a>/diff/<int:b>/", VIEWER, 501),
    Call("GET", "workflows/<slug:slug>/deployments/", VIEWER),
    Call(
        "POST",
        "workflows/<slug:slug>/deployments/",
        OPERATOR,
        201,
        body={"version": 1, "strategy": "immediate"},
        refused=(
            Refused(404, "unknown_version", body={"version": 99}),
            Refused(501, "not_available_yet", body={"version": 1, "strategy": "canary", "canary_percent": 10}),
            Refused(400, "canary_only", body={"version": 1, "strategy": "immediate", "canary_percent": 10}),
            Refused(409, "archived", where={"slug": "old"}),
        ),
    ),
    Call("POST", "workflows/<slug:slug>/deployments/<str:deployment>/promote/", OPERATOR, 501),
    Call("POST", "workflows/<slug:slug>/deployments/<str:deployment>/abort/", OPERATOR, 501),
    Call(
        "POST",
        "workflows/<slug:slug>/rollback/",
        OPERATOR,
        body={"version": 1, "reason": "worse"},
        refused=(
            Refused(409, "already_live", body={"version": 2, "reason": "x"}),
            Refused(409, "nothing_to_roll_back_to", where={"slug": "bare"}, body={"reason": "x"}),
            Refused(404, "unknown_version", body={"version": 99, "reason": "x"}),
            Refused(400, "invalid", body={"version": 1, "reason": "  "}),
        ),
    ),
    # Runs
    Call(
        "POST",
        "workflows/<slug:slug>/runs/",
        OPERATOR,
        202,
        body={"inputs": {"month": 2}, "priority": 3, "version": 1, "draft": False, "targets": ["a"]},
        refused=(
            Refused(409, "nothing_live", where={"slug": "bare"}, body={}),
            Refused(409, "no_draft", where={"slug": "bare"}, body={"draft": True}),
            Refused(409, "archived", where={"slug": "old"}, body={}),
            Refused(404, "unknown_version", body={"version": 99}),
            Refused(400, "version_and_draft", body={"version": 1, "draft": True}),
            Refused(422, "invalid_targets", body={"targets": ["ghost"]}),
            Refused(501, "not_available_yet", headers={"Idempotency-Key": "x"}),
            *(Refused(422, "invalid_inputs", body={"version": 1, "inputs": wrong}) for wrong in INVALID_INPUTS),
        ),
    ),
    Call("GET", "runs/", VIEWER),
    Call("GET", "runs/<str:run_id>/", VIEWER),
    Call("DELETE", "runs/<str:run_id>/", EDITOR, 204, refused=(ACTIVE_RUN,)),
    Call("POST", "runs/<str:run_id>/cancel/", OPERATOR, 202, where=WAITING, body={}, refused=(OVER,)),
    Call(
        "POST",
        "runs/<str:run_id>/retry/",
        OPERATOR,
        202,
        body={"nodes": ["a"], "from": "start", "policy": {"a": {"hard_timeout": 5}}},
        refused=(
            ACTIVE_RUN,
            Refused(404, "not_found", body={"nodes": ["ghost"]}),
            Refused(404, "not_found", body={"policy": {"ghost": {"hard_timeout": 5}}}),
            Refused(400, "invalid", body={"policy": {"a": 5}}),
            Refused(422, "invalid_value", body={"policy": {"a": {"hard_timeout": "x"}}}),
            Refused(422, "invalid_value", body={"policy": {"a": {"other": 1}}}),
            Refused(422, "invalid_value", body={"policy": {"a": {"pool": "ghost"}}}),
        ),
    ),
    Call(
        "POST",
        "runs/<str:run_id>/rerun/",
        OPERATOR,
        202,
        body={},
        refused=(
            Refused(409, "archived", where={"run_id": "archived"}),
            *(Refused(422, "invalid_inputs", body={"inputs": wrong}) for wrong in INVALID_INPUTS),
        ),
    ),
    Call("POST", "runs/<str:run_id>/pause/", OPERATOR, 501),
    Call("POST", "runs/<str:run_id>/resume/", OPERATOR, 501),
    Call("GET", "runs/<str:run_id>/logs/", VIEWER),
    Call("GET", "runs/<str:run_id>/diagnostics/", VIEWER, refused=(Refused(404, "not_found", query="node=ghost"),)),
    Call("GET", "runs/<str:run_id>/timeline/", VIEWER, refused=(Refused(400, "bad_parameter", query="after=x"),)),
    # Nodes
    Call("GET", "runs/<str:run_id>/nodes/", VIEWER),
    Call("GET", "runs/<str:run_id>/nodes/<str:node>/", VIEWER),
    Call("GET", "runs/<str:run_id>/nodes/<str:node>/attempts/", VIEWER),
    Call(
        "GET",
        "runs/<str:run_id>/nodes/<str:node>/output/",
        VIEWER,
        where={"node": "b"},
        refused=(Refused(404, "no_output", where={"node": "a"}),),
    ),
    Call(
        "GET",
        "runs/<str:run_id>/nodes/<str:node>/output/download/",
        VIEWER,
        where={"node": "b"},
        refused=(
            Refused(404, "no_output", where={"node": "a"}),
            Refused(400, "not_a_table", where={"node": "b"}, query="format=csv"),
        ),
    ),
    Call(
        "GET",
        "runs/<str:run_id>/nodes/<str:node>/stack/",
        VIEWER,
        refused=(Refused(404, "no_stack", where={"node": "b"}),),
    ),
    Call("GET", "runs/<str:run_id>/nodes/<str:node>/history/", VIEWER),
    Call("GET", "runs/<str:run_id>/nodes/<str:node>/samples/", VIEWER),
    Call(
        "POST",
        "runs/<str:run_id>/nodes/<str:node>/cancel/",
        OPERATOR,
        202,
        where=WAITING,
        body={},
        refused=(OVER,),
    ),
    Call(
        "POST",
        "runs/<str:run_id>/nodes/<str:node>/retry/",
        OPERATOR,
        202,
        body={"from": "start", "policy": {"hard_timeout": 5}},
        refused=(
            ACTIVE_RUN,
            Refused(422, "invalid_value", body={"policy": {"hard_timeout": "x"}}),
            Refused(422, "invalid_value", body={"policy": {"pool": "ghost"}}),
        ),
    ),
    Call(
        "POST",
        "runs/<str:run_id>/nodes/<str:node>/skip/",
        OPERATOR,
        202,
        body={},
        refused=(
            Refused(409, "wrong_state", where={"node": "b"}),
            Refused(422, "no_known_schema", body={"output": "empty_table"}),
        ),
    ),
    Call("GET", "runs/<str:run_id>/nodes/<str:node>/skip/", VIEWER),
    Call("POST", "runs/<str:run_id>/nodes/<str:node>/approve/", OPERATOR, 501),
    Call("POST", "runs/<str:run_id>/nodes/<str:node>/reject/", OPERATOR, 501),
    # The installation
    Call("GET", "node-types/", VIEWER),
    Call("GET", "pools/", VIEWER),
    Call(
        "POST",
        "pools/",
        EDITOR,
        201,
        body={"name": "more", "slots": 2},
        refused=(Refused(409, "already_exists", body={"name": "spare", "slots": 1}),),
    ),
    Call("GET", "pools/<str:name>/", VIEWER),
    Call(
        "PATCH",
        "pools/<str:name>/",
        EDITOR,
        body={"slots": 5},
        refused=(Refused(409, "in_use_by_version", where={"name": "named"}, body={"slots": 1}),),
    ),
    Call(
        "DELETE",
        "pools/<str:name>/",
        EDITOR,
        204,
        refused=(Refused(409, "in_use_by_version", where={"name": "named"}),),
    ),
    Call(
        "GET",
        "files/",
        VIEWER,
        refused=(Refused(404, "not_found", query="under=ghost"), Refused(422, "bad_path", query="under=../out")),
    ),
    Call(
        "GET",
        "files/<path:path>",
        VIEWER,
        refused=(
            Refused(404, "not_found", where={"path": "data.csv/inner"}),
            Refused(422, "bad_path", where={"path": "../out.csv"}),
        ),
    ),
    Call(
        "PUT",
        "files/<path:path>",
        EDITOR,
        201,
        where={"path": "new.csv"},
        raw=b"a,b\n",
        refused=(
            Refused(409, "is_folder", where={"path": "folder"}),
            Refused(422, "bad_path", where={"path": "data.csv/inner"}),
            Refused(422, "bad_path", where={"path": "../out.csv"}),
            Refused(422, "bad_path", where={"path": "a/%2e%2e/%2e%2e/out.csv"}),
            Refused(422, "bad_path", where={"path": ".uploads/x"}),
        ),
    ),
    Call(
        "DELETE",
        "files/<path:path>",
        EDITOR,
        204,
        refused=(
            Refused(409, "is_folder", where={"path": "folder"}),
            Refused(422, "bad_path", where={"path": "../out.csv"}),
        ),
    ),
    Call("GET", "audit/", ADMIN),
    Call("GET", "workers/", VIEWER),
    Call(
        "POST",
        "workers/<str:name>/drain/",
        OPERATOR,
        where={"name": "one@here"},
        body={},
        refused=(
            Refused(404, "not_found", where={"name": "nobody@here"}),
            *(Refused(409, "wrong_state", where={"name": name}) for name in ("local", "rests@here", "lost@here")),
        ),
    ),
    Call(
        "POST",
        "workers/<str:name>/resume/",
        OPERATOR,
        where={"name": "rests@here"},
        body={},
        refused=(
            Refused(404, "not_found", where={"name": "nobody@here"}),
            *(
                Refused(409, "wrong_state", where={"name": name})
                for name in ("local", "one@here", "stops@here", "lost@here")
            ),
        ),
    ),
    Call("GET", "alerts/", VIEWER, 501),
    Call("GET", "secrets/", VIEWER, 501),
    Call("POST", "secrets/", EDITOR, 501),
    Call("GET", "connections/", VIEWER, 501),
    Call("POST", "connections/", EDITOR, 501),
    Call("GET", "schedules/", VIEWER, 501),
    Call("POST", "schedules/", EDITOR, 501),
    # People
    Call("GET", "tokens/", VIEWER, refused=(Refused(404, "not_found", query="user=ghost"),)),
    Call(
        "POST",
        "tokens/",
        VIEWER,
        201,
        body={"name": "more", "scopes": ["metrics"], "expires_at": "2100-01-01T00:00:00Z"},
        refused=(
            Refused(422, "invalid_value", body={"name": "x", "expires_at": "2001-01-01T00:00:00Z"}),
            Refused(400, "invalid", body={"name": "x", "expires_at": "0001-01-01T00:00:00+23:59"}),
            Refused(400, "invalid", body={"name": "x", "expires_at": "9999-12-31T23:59:59-23:59"}),
        ),
    ),
    Call("GET", "tokens/<int:token_id>/", VIEWER, where={"token_id": "another_token"}),
    Call("DELETE", "tokens/<int:token_id>/", VIEWER, 204, where={"token_id": "another_token"}),
    Call("GET", "sessions/", VIEWER, refused=(Refused(404, "not_found", query="user=ghost"),)),
    Call("DELETE", "sessions/<str:session_id>/", VIEWER, 204),
    Call("GET", "users/", ADMIN),
    Call(
        "POST",
        "users/",
        ADMIN,
        201,
        body={"username": "fresh", "role": "viewer", "password": "correct horse battery"},
        refused=(
            Refused(409, "already_exists", body={"username": "viewer-person", "role": "viewer"}),
            Refused(422, "invalid_value", body={"username": "fresh", "role": "viewer", "password": "123"}),
            Refused(422, "invalid_value", body={"username": "a b/c", "role": "viewer"}),
        ),
    ),
    Call("GET", "users/<str:username>/", ADMIN),
    Call(
        "PATCH",
        "users/<str:username>/",
        ADMIN,
        body={"role": "editor", "active": True, "password": "correct horse battery"},
        refused=(
            Refused(409, "last_admin", where={"username": "admin-person"}, body={"role": "viewer"}),
            Refused(409, "last_admin", where={"username": "admin-person"}, body={"active": False}),
            Refused(422, "invalid_value", body={"password": "123"}),
        ),
    ),
]
