"""No query per row: every page, call and socket takes as many queries for many rows as for few.

Pages and calls come from the complete tables of the other tests.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from dashboard.live import feed
from dashboard.live import overview as live_overview
from dashboard.models import ApiToken
from dashboard.pages import overview
from engine import clock
from engine.definition import store
from tests.integration.table import many_rows
from tests.integration.table.calls import CALLS, NOTHING, Call
from tests.integration.table.changes import ChangeDetector
from tests.integration.table.invalid_requests import JSON, PATCH
from tests.integration.table.test_pages import OPEN, PAGES, Page
from tests.integration.table.world import World
from tests.support.documents import chain

FEW, MANY = 6, 30
QUERIES_MAX = 30
"""Queries that a page, call or socket may take, with those for the session or token and the account."""
DIAGNOSIS_QUERIES_MAX = 45
QUERIES_MAX_OF: Mapping[str, int] = {
    # A run that is running, failed and stuck at once is diagnosed.
    **dict.fromkeys(("run", "run-node", "run-summary"), DIAGNOSIS_QUERIES_MAX),
    # Up to five stuck runs are diagnosed.
    "overview": 70,
}
EXTRA: Mapping[str, int] = dict.fromkeys(("GET runs/<str:run_id>/logs/", "run-log-download", "run-log-search"), 1)
"""Logs are read in slices, of which the first is small."""

PARAMETERS = {"slug": "crowd", "run_id": "crowd_run", "node": many_rows.LIVE, "name": "pool0", "path": "crowd/f0.csv"}
OTHER_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "DELETE runs/<str:run_id>/": {"run_id": "crowd_over"},
    "DELETE workflows/<slug:slug>/": {"slug": "bare"},
    "DELETE pools/<str:name>/": {"name": "spare"},
    "POST workers/<str:name>/drain/": {"name": "one@here"},
    "POST workers/<str:name>/resume/": {"name": "rests@here"},
    "GET runs/<str:run_id>/nodes/<str:node>/output/": {"node": many_rows.OUTPUT},
    "GET runs/<str:run_id>/nodes/<str:node>/output/download/": {"node": many_rows.OUTPUT},
}
"""By call: other values of path parameters."""
BODIES: Mapping[str, Any] = {
    "POST runs/<str:run_id>/retry/": {"nodes": [many_rows.ENDED], "policy": {many_rows.ENDED: {"hard_timeout": 5}}},
    "POST workflows/<slug:slug>/runs/": {"targets": [many_rows.ENDED]},
    "POST workflows/<slug:slug>/versions/": {"definition": chain("a"), "message": "x"},
}
READS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@contextmanager
def captured_statements() -> Iterator[list[str]]:
    """Collect the executed statements, without those that begin and end transactions."""
    statements: list[str] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(READS):
            statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield statements


class Requests:
    """Requests everything in a world with few rows, then in one with many."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: dict[tuple[str, int], tuple[Any, list[str]]] = {}
        for size in (FEW, MANY):
            store.clear_cache()
            with ChangeDetector(world.home).request():
                many_rows.build(world, size)
                changes = ChangeDetector(world.home)
                for name, ask in self.all_requests():
                    self.found[name, size] = self.ask(changes, ask)
        store.clear_cache()

    def ask(self, changes: ChangeDetector, ask: Callable[[], Any]) -> tuple[Any, list[str]]:
        """Return the answer and the statements of a second request, which finds filled caches."""
        with changes.request():
            ask()
        # The overview counts only every two seconds.
        overview._rate = (float("-inf"), 0, "")
        with changes.request(), captured_statements() as statements:
            answer = ask()
        return answer, statements

    def all_requests(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        for call in CALLS:
            if not call.missing:
                yield call.name, lambda call=call: self.call(call)  # type: ignore[misc]
        for page in PAGES + OPEN:
            if page.see:
                yield page.name, lambda page=page: self.page(page)  # type: ignore[misc]
        for name, read in SOCKETS.items():
            yield name, lambda read=read: read(int(self.world.ids["crowd_run"]))  # type: ignore[misc]

    def call(self, call: Call) -> int:
        api = self.world.apis["admin"]
        path = call.path(self.world, **{**PARAMETERS, **OTHER_PARAMETERS.get(call.name, {})})
        body = BODIES.get(call.name, call.body)
        raw = call.raw or (b"" if body is NOTHING else json.dumps(body).encode())
        length = {"Content-Length": str(len(raw))} if call.raw else {}
        response = api.client.generic(
            call.method, f"{path}?{call.query}", raw, content_type=PATCH if type(body) is list else JSON,
            headers={**api.headers, **call.headers, **length},
        )  # fmt: skip
        return self.read_answer(response)

    @staticmethod
    def read_answer(response: Any) -> int:
        """Read the whole answer, because streaming may take queries too. Return its status."""
        if response.streaming:
            for _ in response.streaming_content:
                pass
        return int(response.status_code)

    def page(self, page: Page) -> int:
        renamed = {
            "one": "crowd",
            "ended": "crowd_run",
            "waiting": "crowd_run",
            "a": many_rows.LIVE,
            "b": many_rows.OUTPUT,
            "spare": "pool0",
        }
        where = [renamed.get(value, value) for value in page.where]
        return self.read_answer(self.world.apis["session"].client.get(page.path(self.world, *where)))


SOCKETS: Mapping[str, Callable[[int], Any]] = {
    "snapshot of a run": feed._snapshot,
    "events of a run": lambda run: feed._read(run, 0, 2000),
    "heads of runs": lambda run: feed.heads([run - back for back in range(FEW)]),
    "overview as sockets tell it": lambda run: live_overview._read(live_overview.OverviewState()),
}


NAMES = [
    *(call.name for call in CALLS if not call.missing),
    *(page.name for page in PAGES + OPEN if page.see),
    *SOCKETS,
]


@pytest.fixture(scope="module")
def requests(world: World) -> Requests:
    # The use of a token is recorded once an hour, and an hour may begin during the test.
    ApiToken.objects.update(used_at=clock.now() + timedelta(days=1))
    return Requests(world)


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_many_rows_take_no_more_queries_than_few(requests: Requests, name: str) -> None:
    (first, few), (second, many) = requests.found[name, FEW], requests.found[name, MANY]
    assert first == second or name in SOCKETS
    assert name in SOCKETS or first in (410, *range(200, 400)), first
    more = Counter(map(shape, many)) - Counter(map(shape, few))
    assert len(many) <= len(few) + EXTRA.get(name, 0), "\n".join(f"{times} x {sql}" for sql, times in more.items())
    assert len(many) <= QUERIES_MAX_OF.get(name, QUERIES_MAX), len(many)


def shape(sql: str) -> str:
    """Return a statement without what differs between two of its kind."""
    return re.sub(r"%s(, %s)*|\d+", "?", sql)
