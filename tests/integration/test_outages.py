"""A full disk and a locked or unreachable database: reported as such, with nothing written in part."""

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
    """Stop the growth of the database: SQLite then reports a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("a limit of pages is SQLite's")

    def limit(pages: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {pages}")

    with connection.cursor() as cursor:
        # Free pages of other tests would leave room.
        cursor.execute("VACUUM")
    yield lambda: limit(1)
    limit(2**32 - 2)


def test_a_draft_on_a_full_disk_is_507_and_the_old_one_stays(full_disk: Any) -> None:
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
def test_database_errors_tell_a_full_disk_from_an_outage(cause: Any, status: int, code: str) -> None:
    inner = Exception()
    for name, value in cause.items():
        setattr(inner, name, value)
    error = OperationalError("what it says")
    error.__cause__ = inner
    found = outage(error)
    assert found is not None
    assert (found.status, found.code) == (status, code)


def test_the_message_says_which_disk_is_full() -> None:
    error = OperationalError("could not extend file")
    error.__cause__ = type("Inner", (Exception,), {"pgcode": "53100"})()
    found = outage(error)
    assert found is not None
    assert found.message.startswith("PostgreSQL: The server's disk is full")


def test_other_errors_are_no_outage() -> None:
    assert outage(OSError(errno.ENOSPC, "No space left on device")) is not None
    assert outage(OSError(errno.EACCES, "Permission denied")) is None
    assert outage(ValueError()) is None
    wrong = OperationalError("no such column")
    wrong.__cause__ = type("Inner", (Exception,), {"sqlite_errorname": "SQLITE_ERROR"})()
    assert outage(wrong) is None
    assert outage(None) is None


def test_a_database_outage_is_shown_on_a_page_without_queries(client: Any, db: Any, monkeypatch: Any) -> None:
    client.force_login(person(Role.ADMIN))
    client.raise_request_exception = False

    def locked(*_arguments: Any, **_named: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("versions.queries.workflows", locked)
    answer = client.get("/workflows/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"
    assert "not reachable" in answer.content.decode()
    # Here no view can catch it: the session itself cannot be read.
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", locked)
    answer = client.get("/")
    assert answer.status_code == 503
    part = client.get("/", headers={"HX-Request": "true"})
    assert (part.status_code, "<html" in part.content.decode()) == (503, False)
