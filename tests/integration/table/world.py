"""The rows and files that the requests meet, each id by a name."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from dashboard import accounts, tokens
from dashboard.models import ApiToken, Role, Session, User
from engine import clock
from engine.models import Leader, Stack
from engine.states import HostReason
from tests.support import run_rows
from tests.support.api import Api
from tests.support.documents import chain, with_input
from tests.support.people import ROLES, person


@dataclass
class World:
    home: Path
    ids: dict[str, str] = field(default_factory=dict)
    """Name of an object -> its id in URLs."""
    apis: dict[str, Api] = field(default_factory=dict)
    """Name of a client -> the client; `nobody` has no credentials."""


def build(home: Path) -> World:
    """Create workflows `one` (v1, v2 live, a draft, runs `ended` and `waiting`), `bare` (empty) and `old`
    (archived, run `archived`); pools `spare` and `named` (used by a live version); workers in every state; a file, a
    folder; two tokens; an account of each role."""
    world = World(home)
    for role in ROLES:
        world.apis[role] = Api(person(role))
    admin = world.apis["admin"]
    done = [
        admin.post("pools/", {"name": "spare", "slots": 2}),
        admin.post("pools/", {"name": "named", "slots": 2}),
        *(admin.post("workflows/", {"name": name}) for name in ("One", "Bare", "Old", "Pooled")),
        admin.post("workflows/one/versions/", {"definition": {**chain("a", "b"), **_inputs()}, "message": "first"}),
        admin.post("workflows/one/versions/", {"definition": chain("a", "b"), "message": "second"}),
        admin.post("workflows/one/deployments/", {"version": 2}),
        admin.post("workflows/old/versions/", {"definition": chain(), "message": ""}),
        admin.post("workflows/pooled/versions/", {"definition": _pooled(), "message": ""}),
        admin.put("workflows/one/draft/", {"definition": chain("a"), "base_version": 2}, headers={"If-Match": "*"}),
        *(
            admin.put(f"files/{path}", raw=b"x,y\n1,2\n", headers={"Content-Length": "8"})
            for path in ("data.csv", "folder/inner.csv")
        ),
    ]
    assert all(answer.status in (200, 201) for answer in done), done
    world.ids["archived"] = admin.post("workflows/old/runs/", {}).json["id"]
    run_rows.ended(world.ids["archived"], "succeeded")
    assert admin.patch("workflows/old/", {"archived": True}).status == 200
    for name in ("ended", "waiting"):
        world.ids[name] = admin.post("workflows/one/runs/", {}).json["id"]
    run = run_rows.ended(world.ids["ended"], "failed")
    run_rows.node_run(run, "a", "failed")
    run_rows.node_run(run, "b", "succeeded", output={"kind": "json", "value": {"x": 1}, "bytes": 8, "ports": ["out"]})
    run_rows.lines(run, "a", 1, "one", "two")
    Stack.objects.create(run=run, node="a", attempt=1, taken_at=clock.now(), why="asked", body=stack())
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() + timedelta(hours=1)})
    for name, state, reason in (
        ("one", "active", ""),
        ("rests", "draining", HostReason.DRAIN_REQUESTED),
        ("stops", "draining", HostReason.STOPPING),
        ("lost", "gone", HostReason.LEASE_EXPIRED),
    ):
        run_rows.host(f"{name}@here", state, reason=reason)
    world.ids["own_token"] = str(ApiToken.objects.filter(user=person("admin")).latest("pk").pk)
    world.ids["another_token"] = str(ApiToken.objects.filter(user=person("viewer")).latest("pk").pk)
    _add_invalid_clients(world)
    world.ids["session"] = Session.objects.filter(user=person("admin")).latest("pk").pk[: accounts.SESSION_ID_LENGTH]
    return world


def _add_invalid_clients(world: World) -> None:
    """Create clients with invalid credentials, each named by what is wrong."""
    admin = person("admin")
    world.apis["nobody"] = Api()
    world.apis["wrong"] = Api(token="interlock_" + "x" * 43)
    deleted = Api(admin)
    ApiToken.objects.filter(user=admin).latest("pk").delete()
    world.apis["taken back"] = deleted
    expired = tokens.create_token(admin, "expired")
    ApiToken.objects.filter(name="expired").update(expires_at=clock.now() - timedelta(seconds=1))
    world.apis["expired"] = Api(token=expired)
    closed = person(Role.ADMIN, "closed-person")
    world.apis["closed"] = Api(closed)
    world.apis["closed session"] = Api(closed, session=True)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    world.apis["metrics"] = Api(token=tokens.create_token(admin, "metrics", ["metrics"]))
    world.apis["session"] = Api(admin, session=True)


def _inputs() -> dict[str, object]:
    return {"inputs": with_input()["inputs"]}


def _pooled() -> dict[str, object]:
    return {
        "schema": "interlock/1",
        "nodes": [{"id": "a", "type": "noop", "policy": {"pool": "named", "slots": 2}}],
        "edges": [],
    }


def stack() -> dict[str, object]:
    frame = {"file": "node.py", "line": 2, "function": "main", "source": "    time.sleep(60)", "author": True}
    thread = {"id": 7, "name": "MainThread", "waits_on": {"kind": "sleep", "message": "sleeps"}, "frames": [frame]}
    return {
        "samples": [{"at": "2026-11-24T08:00:00.000000Z", "threads": [thread]}],
        "children": [],
        "moves": False,
        "cpu_percent": 0.5,
        "pid": 11,
    }
