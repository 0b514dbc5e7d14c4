"""A disk that is full and a database that is locked or away: told as what they are, with nothing half written."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from django.db import OperationalError, connection

from dashboard.models import Role
from dashboard.outage import outage
from tests.support.api import Api
from tests.support.documents import chain
from tests.support.people import person
from versions.actions import drafts, workflows
from versions.models import Workflow

DRAFT = "workflows/one/draft/"


@pytest.fixture
def full_disk(transactional_db: Any):
    """Lets the database grow no more: SQLite then says what it says when the disk is full."""
    if connection.vendor != "sqlite":
        pytest.skip("a limit of pages is SQLite's")

    def limit(pages: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {pages}")

    with connection.cursor() as cursor:
        # Pages that other tests left free would be room.
        cursor.execute("VACUUM")
    yield lambda: limit(1)
    limit(2**32 - 2)


def test_a_draft_that_finds_no_room_is_507_and_the_one_before_stays(full_disk: Any) -> None:
    api = Api(person(Role.EDITOR))
    api.post("workflows/", {"name": "One"})
    first = api.put(DRAFT, {"definition": chain("a")}, headers={"If-Match": '"0"'})
    full_disk()
    large = {**chain("a"), "notes": "x" * 400_000}
    answer = api.put(DRAFT, {"definition": large}, headers={"If-Match": first.headers["ETag"]})
    assert (answer.status, answer.code) == (507, "storage_full")
    assert "Nothing was saved" in answer.json["detail"]
    assert answer.headers["Retry-After"]
    after = api.get(DRAFT)
    assert (after.json["definition"], after.headers["ETag"]) == (chain("a"), first.headers["ETag"])


def test_a_page_says_that_the_disk_is_full(full_disk: Any, client: Any) -> None:
    editor = person(Role.EDITOR)
    flow = workflows.create("One", slug="one", by="x")
    drafts.save(flow, editor, {"nodes": "x" * 400_000}, expected_saves=None)
    client.force_login(editor)
    client.raise_request_exception = False
    full_disk()
    answer = client.post("/workflows/new/", {"name": "N" * 100, "description": "d" * 400_000})
    text = answer.content.decode()
    assert answer.status_code == 507, text
    assert "disk is full" in text
    assert not Workflow.objects.filter(name="N" * 100).exists()


@pytest.mark.parametrize(
    ("cause", "status", "code"),
    [
        ({"sqlite_errorname": "SQLITE_FULL"}, 507, "storage_full"),
        ({"sqlite_errorname": "SQLITE_IOERR"}, 507, "storage_full"),
        ({"sqlite_errorname": "SQLITE_IOERR_WRITE"}, 507, "storage_full"),
        ({"pgcode": "53100"}, 507, "storage_full"),
        ({"pgcode": "53300"}, 503, "database_unavailable"),
        ({"sqlite_errorname": "SQLITE_BUSY"}, 503, "database_unavailable"),
        ({}, 503, "database_unavailable"),
    ],
)
def test_what_a_database_says_tells_a_full_disk_from_a_moment_away(cause: Any, status: int, code: str) -> None:
    inner = Exception()
    for name, value in cause.items():
        setattr(inner, name, value)
    error = OperationalError("what it says")
    error.__cause__ = inner
    found = outage(error)
    assert found is not None
    assert (found.status, found.code) == (status, code)


def test_whose_disk_is_full_is_said() -> None:
    error = OperationalError("could not extend file")
    error.__cause__ = type("Inner", (Exception,), {"pgcode": "53100"})()
    found = outage(error)
    assert found is not None
    assert found.message.startswith("PostgreSQL: The server's disk is full")


def test_other_errors_of_files_and_code_are_no_outage() -> None:
    assert outage(OSError(errno.ENOSPC, "No space left on device")) is not None
    assert outage(OSError(errno.EACCES, "Permission denied")) is None
    assert outage(ValueError()) is None
    wrong = OperationalError("no such column")
    wrong.__cause__ = type("Inner", (Exception,), {"sqlite_errorname": "SQLITE_ERROR"})()
    assert outage(wrong) is None
    assert outage(None) is None


def test_a_database_that_is_away_is_told_on_a_page_without_asking_it(client: Any, db: Any, monkeypatch: Any) -> None:
    client.force_login(person(Role.ADMIN))
    client.raise_request_exception = False

    def locked(*_arguments: Any, **_named: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("versions.queries.workflows", locked)
    answer = client.get("/workflows/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"
    assert "not reachable" in answer.content.decode()
    # Where no view could catch it: the session itself cannot be read.
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", locked)
    answer = client.get("/")
    assert answer.status_code == 503
    part = client.get("/", headers={"HX-Request": "true"})
    assert (part.status_code, "<html" in part.content.decode()) == (503, False)
