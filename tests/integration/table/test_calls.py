"""Every call of the API with every kind of invalid request.

Each must be refused with the expected problem document, without a traceback, and change nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.api.docs import openapi_document
from dashboard.models import ApiToken
from engine import clock
from tests.integration.table.calls import CALLS, Call
from tests.integration.table.changes import ChangeDetector
from tests.integration.table.invalid_requests import Cell, Cells
from tests.integration.table.world import World
from tests.support.api import Answer
from tests.support.openapi import contract

# Tested elsewhere: /metrics has its own authentication, the documentation page is no call.
TESTED_ELSEWHERE = {"metrics", "api/docs/", r"^api/(?P<path>[\s\S]*)\Z"}


def urls() -> Iterator[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            url = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, url)
            elif pattern.lookup_str.startswith("dashboard.api."):
                yield url

    yield from walk(get_resolver().url_patterns, "")


def test_every_url_has_its_rows() -> None:
    assert set(urls()) - TESTED_ELSEWHERE == {call.pattern for call in CALLS}


def test_the_document_has_the_calls_of_the_table_and_no_others() -> None:
    paths = openapi_document("en")["paths"]
    found = {(path, method.upper()) for path, methods in paths.items() for method in methods}
    assert found == {(call.template, call.method) for call in CALLS} | {("/metrics", "GET")}


def test_every_documented_conflict_has_a_request() -> None:
    for call in CALLS:
        documented = openapi_document("en")["paths"][call.template][call.method.lower()]["responses"]
        for status in {"409", "422"} & set(documented):
            assert any(str(refused.status) == status for refused in call.refused), (call.method, call.url, status)


@dataclass
class Table:
    world: World
    changes: ChangeDetector

    def cells(self, call: Call) -> Iterator[Cell]:
        methods = tuple(other.method for other in CALLS if other.url == call.url)
        yield from Cells(call, self.world, openapi_document("en"), methods).all()

    def check(self, cell: Cell) -> str:
        """Return what is wrong with the answer, or ""."""
        api = self.world.apis[cell.who]
        with self.changes.request():
            extra: dict[str, Any] = dict(cell.extra)
            headers = {**api.headers, **cell.headers}
            response = api.client.generic(
                cell.method, cell.path, cell.raw, content_type=cell.content_type, headers=headers, **extra
            )
            answer = Answer(response)
            changed = self.changes.changed()
        if answer.status not in cell.status:
            return f"{answer.status}, not {cell.status}: {answer.body[:300]!r}"
        if b"Traceback (most" in answer.body:
            return "a traceback"
        if cell.method != "HEAD":
            try:
                contract().check(
                    cell.method,
                    response.wsgi_request.path,
                    answer.status,
                    answer.headers.get("Content-Type", ""),
                    answer.body,
                )
            except AssertionError as error:
                return str(error)
        if answer.status < 400:
            return ""
        if changed:
            return f"{answer.status}, but it changed {changed}"
        if cell.method == "HEAD":
            return f"{len(answer.body)} bytes of a body" if answer.body else ""
        if cell.code and answer.code != cell.code:
            return f"{answer.code}, not {cell.code}: {answer.body[:300]!r}"
        if cell.error and not answer.json.get("errors", [{"path": ""}])[0]["path"].startswith(cell.error):
            return f"it does not name {cell.error}: {answer.body[:300]!r}"
        if answer.status == 401 and not answer.headers.get("WWW-Authenticate", "").startswith("Bearer"):
            return "401 without WWW-Authenticate"
        return ""


@pytest.fixture(scope="module")
def table(world: World) -> Table:
    # The use of a token is noted once an hour, and an hour may begin while we ask.
    ApiToken.objects.update(used_at=clock.now() + timedelta(days=1))
    return Table(world, ChangeDetector(world.home))


@pytest.mark.django_db
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.url}")
def test_each_invalid_request_is_refused(table: Table, call: Call) -> None:
    failures = [f"{cell.kind}: {found}" for cell in table.cells(call) if (found := table.check(cell))]
    assert not failures, "\n".join([f"{len(failures)} cells of {call.method} {call.url}", *failures])
