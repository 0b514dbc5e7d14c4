"""Every call of the API, met with every kind of badness.

Each cell of the table is one request in which one thing is wrong. It must be refused as it should, with a problem
document, without a traceback, and with nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard.api.docs import openapi_document
from dashboard.models import ApiToken
from engine import clock
from tests.integration.table.badness import Cell, Cells
from tests.integration.table.calls import CALLS, Call
from tests.integration.table.watch import Watch
from tests.integration.table.world import World
from tests.support.api import Answer
from tests.support.openapi import contract

# Answered by tests of their own: /metrics has its own door, the page of the documentation is none of the calls.
ELSEWHERE = {"metrics", "api/docs/", r"^api/(?P<path>[\s\S]*)\Z"}


def addresses() -> Iterator[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            address = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif pattern.lookup_str.startswith("dashboard.api."):
                yield address

    yield from walk(get_resolver().url_patterns, "")


def test_every_address_has_its_rows() -> None:
    assert set(addresses()) - ELSEWHERE == {call.place for call in CALLS}


def test_the_document_has_the_calls_of_the_table_and_no_others() -> None:
    paths = openapi_document("en")["paths"]
    found = {(path, method.upper()) for path, methods in paths.items() for method in methods}
    assert found == {(call.template, call.method) for call in CALLS} | {("/metrics", "GET")}


def test_every_conflict_that_is_documented_has_a_cell() -> None:
    for call in CALLS:
        documented = openapi_document("en")["paths"][call.template][call.method.lower()]["responses"]
        for status in {"409", "422"} & set(documented):
            assert any(str(refused.status) == status for refused in call.refused), (call.method, call.address, status)


@dataclass
class Table:
    world: World
    watch: Watch

    def cells(self, call: Call) -> Iterator[Cell]:
        methods = tuple(other.method for other in CALLS if other.address == call.address)
        yield from Cells(call, self.world, openapi_document("en"), methods).all()

    def wrong(self, cell: Cell) -> str:
        """What is wrong with the answer to a cell; empty: nothing."""
        api = self.world.apis[cell.who]
        with self.watch.request():
            extra: dict[str, Any] = dict(cell.extra)
            headers = {**api.headers, **cell.headers}
            response = api.client.generic(
                cell.method, cell.path, cell.raw, content_type=cell.content_type, headers=headers, **extra
            )
            answer = Answer(response)
            changed = self.watch.changed()
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
    return Table(world, Watch(world.home))


@pytest.mark.django_db
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.address}")
def test_each_kind_of_badness_is_refused_as_it_should_be(table: Table, call: Call) -> None:
    wrong = [f"{cell.kind}: {found}" for cell in table.cells(call) if (found := table.wrong(cell))]
    assert not wrong, "\n".join([f"{len(wrong)} cells of {call.method} {call.address}", *wrong])
