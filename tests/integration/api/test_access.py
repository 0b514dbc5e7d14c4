"""Who may call what: every address of the API, by nobody and by each role, against one written table.

The table is compared with the URLconf: a new address without a row fails, and so does a row without an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.models import Role
from tests.support import run_rows
from tests.support.api import Answer, Api
from tests.support.documents import chain
from tests.support.people import ROLES, person

OPEN, VIEWER, OPERATOR, EDITOR, ADMIN = "open", "viewer", "operator", "editor", "admin"

# Address -> method -> the least role that may.
TABLE: dict[str, dict[str, str]] = {
    "healthz": {"GET": OPEN},
    "readyz": {"GET": OPEN},
    "api/docs/": {"GET": VIEWER},
    "api/v1/schema/": {"GET": VIEWER},
    "api/v1/workflows/": {"GET": VIEWER, "POST": EDITOR},
    "api/v1/workflows/<slug:slug>/": {"GET": VIEWER, "PATCH": EDITOR, "DELETE": ADMIN},
    "api/v1/workflows/<slug:slug>/draft/": {"GET": EDITOR, "PUT": EDITOR, "PATCH": EDITOR, "DELETE": EDITOR},
    "api/v1/workflows/<slug:slug>/validate/": {"POST": EDITOR},
    "api/v1/workflows/<slug:slug>/versions/": {"GET": VIEWER, "POST": EDITOR},
    "api/v1/workflows/<slug:slug>/versions/<int:number>/": {"GET": VIEWER},
    "api/v1/workflows/<slug:slug>/versions/<int:a>/diff/<int:b>/": {"GET": VIEWER},
    "api/v1/workflows/<slug:slug>/deployments/": {"GET": VIEWER, "POST": OPERATOR},
    "api/v1/workflows/<slug:slug>/deployments/<str:deployment>/promote/": {"POST": OPERATOR},
    "api/v1/workflows/<slug:slug>/deployments/<str:deployment>/abort/": {"POST": OPERATOR},
    "api/v1/workflows/<slug:slug>/rollback/": {"POST": OPERATOR},
    "api/v1/workflows/<slug:slug>/runs/": {"POST": OPERATOR},
    "api/v1/workflows/<slug:slug>/export/": {"GET": VIEWER},
    "api/v1/import/": {"POST": EDITOR},
    "api/v1/runs/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/": {"GET": VIEWER, "DELETE": EDITOR},
    "api/v1/runs/<str:run_id>/nodes/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/output/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/output/download/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/attempts/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/cancel/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/retry/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/skip/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/approve/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/reject/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/stack/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/history/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/nodes/<str:node>/samples/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/logs/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/cancel/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/retry/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/pause/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/resume/": {"POST": OPERATOR},
    "api/v1/runs/<str:run_id>/diagnostics/": {"GET": VIEWER},
    "api/v1/runs/<str:run_id>/timeline/": {"GET": VIEWER},
    "api/v1/node-types/": {"GET": VIEWER},
    "api/v1/pools/": {"GET": VIEWER, "POST": EDITOR},
    "api/v1/pools/<str:name>/": {"GET": VIEWER, "PATCH": EDITOR, "DELETE": EDITOR},
    "api/v1/files/": {"GET": VIEWER},
    "api/v1/files/<path:path>": {"GET": VIEWER, "PUT": EDITOR, "DELETE": EDITOR},
    "api/v1/tokens/": {"GET": VIEWER, "POST": VIEWER},
    "api/v1/tokens/<int:token_id>/": {"GET": VIEWER, "DELETE": VIEWER},
    "api/v1/users/": {"GET": ADMIN, "POST": ADMIN},
    "api/v1/users/<str:username>/": {"GET": ADMIN, "PATCH": ADMIN},
    "api/v1/audit/": {"GET": ADMIN},
    "api/v1/workers/": {"GET": VIEWER},
    "api/v1/alerts/": {"GET": VIEWER},
    "api/v1/secrets/": {"GET": VIEWER, "POST": EDITOR},
    "api/v1/connections/": {"GET": VIEWER, "POST": EDITOR},
    "api/v1/schedules/": {"GET": VIEWER, "POST": EDITOR},
}

# Answered by tests of their own: /metrics has its own door, the rest is no call.
ELSEWHERE = {"metrics", r"^api/(?P<path>[\s\S]*)\Z"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALLS = [(address, method) for address, methods in TABLE.items() for method in methods]
RANK = {role: number for number, role in enumerate([OPEN, *ROLES])}


def api_addresses() -> Iterator[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            address = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif pattern.lookup_str.startswith("dashboard.api."):
                yield address

    yield from walk(get_resolver().url_patterns, "")


def test_every_address_of_the_api_has_its_row() -> None:
    assert set(api_addresses()) - ELSEWHERE == set(TABLE)


@pytest.fixture
def run_id(db: None) -> str:
    """A workflow `one` with a run that failed."""
    admin = Api(person(Role.ADMIN))
    admin.post("workflows/", {"name": "One"})
    admin.post("workflows/one/versions/", {"definition": chain(), "message": ""})
    run: str = admin.post("workflows/one/runs/").json["id"]
    run_rows.ended(run, "failed", a="failed", b="upstream_failed")
    return run


def call(api: Api, address: str, method: str, run_id: str) -> Answer:
    values = {
        "<slug:slug>": "one",
        "<str:run_id>": run_id,
        "<str:node>": "a",
        "<int:number>": "1",
        "<int:a>": "1",
        "<int:b>": "1",
        "<str:deployment>": "1",
        "<str:name>": "nothing",
        "<path:path>": "nothing.csv",
        "<int:token_id>": "0",
        "<str:username>": "nobody",
    }
    for part, value in values.items():
        address = address.replace(part, value)
    kind = "application/json-patch+json" if method == "PATCH" and "draft" in address else "application/json"
    return api.call(method, f"/{address}", content_type=kind)


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is taken back: each call meets the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_nobody_gets_in_without_an_account(run_id: str) -> None:
    for address, method in CALLS:
        if TABLE[address][method] == OPEN:
            assert call(Api(), address, method, run_id).status in (200, 503)
        elif address == "api/docs/":
            response = Api().client.get(f"/{address}")
            assert (response.status_code, response["Location"].split("?")[0]) == (302, "/sign-in/")
        else:
            answer = call(Api(), address, method, run_id)
            assert (answer.status, answer.code) == (401, "not_signed_in"), (address, method)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_as_far_as_the_table_says(run_id: str, role: str) -> None:
    api = Api(person(role))
    assert Api(person(role), session=True).client.get("/api/docs/").status_code == 200
    assert api.client.get("/api/docs/", headers=api.headers).status_code == 200
    for address, method in CALLS:
        if address == "api/docs/":
            continue
        with undone():
            answer = call(api, address, method, run_id)
        where = (address, method, answer)
        if RANK[role] >= RANK[TABLE[address][method]]:
            # Whatever comes then (done, not found, a body that is missing): it is not the role that stops it.
            assert answer.status not in (401, 403, 500), where
        else:
            assert (answer.status, answer.code) == (403, "forbidden"), where


def test_a_method_that_an_address_does_not_have_is_405(run_id: str, admin: Api) -> None:
    for address, methods in TABLE.items():
        for method in METHODS:
            if method not in methods and address != "api/docs/":
                answer = call(admin, address, method, run_id)
                assert (answer.status, answer.code) == (405, "method_not_allowed"), (address, method)
                assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_view_that_forgets_its_rights_lets_nobody_in(db: None) -> None:
    from rest_framework.test import APIRequestFactory, force_authenticate

    from dashboard.api.base import ApiView

    class Forgetful(ApiView):
        def get(self, request: object) -> None:
            raise AssertionError("reached")

    request = APIRequestFactory().get("/")
    force_authenticate(request, person(Role.ADMIN))
    assert Forgetful.as_view()(request).status_code == 403


def test_a_closed_account_gets_nowhere(run_id: str, admin: Api) -> None:
    user = person(Role.EDITOR)
    by_token, by_session = Api(user), Api(user, session=True)
    assert by_token.get("runs/").status == by_session.get("runs/").status == 200
    admin.patch("users/editor-person/", {"active": False})
    assert by_token.get("runs/").status == by_session.get("runs/").status == 401


def test_a_changed_role_holds_at_once(run_id: str, admin: Api, editor: Api) -> None:
    assert editor.post("workflows/", {"name": "Two"}).status == 201
    admin.patch("users/editor-person/", {"role": "viewer"})
    assert editor.post("workflows/", {"name": "Three"}).status == 403


def test_a_write_with_a_session_needs_the_csrf_token(db: None) -> None:
    api = Api(person(Role.EDITOR), session=True)
    assert api.get("workflows/").status == 200
    refused = api.post("workflows/", {"name": "One"})
    assert (refused.status, refused.code) == (403, "csrf_failed")
    token = "a" * 32
    api.client.cookies["interlock_csrf"] = token
    assert api.post("workflows/", {"name": "One"}, headers={"X-CSRFToken": token}).status == 201
    assert api.put("workflows/one/draft/", {"definition": {}}, headers={"If-Match": "*"}).code == "csrf_failed"
    assert api.delete("workflows/one/draft/").code == "csrf_failed"
    assert api.put("files/x.txt", raw=b"x").code == "csrf_failed"


def test_a_foreign_token_is_401_even_beside_a_session(db: None) -> None:
    api = Api(person(Role.ADMIN), session=True)
    for header in ("Bearer nonsense", "Bearer ", "bearer interlock_x", "Bearer \u00e9"):
        answer = api.get("workflows/", headers={"Authorization": header})
        assert (answer.status, answer.code) == (401, "invalid_token"), header
    assert api.get("workflows/", headers={"Authorization": "Basic eDp5"}).status == 200
