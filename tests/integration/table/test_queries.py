"""No query for each row: every page, call and socket asks the database as often for many rows as for few.

The rows are those of the tables of pages and calls, which no new page or call can be left out of.
"""

from __future__ import annotations

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
from tests.integration.table import crowd
from tests.integration.table.badness import JSON, PATCH
from tests.integration.table.calls import CALLS, NOTHING, Call
from tests.integration.table.test_pages import OPEN, PAGES, Page
from tests.integration.table.watch import Watch
from tests.integration.table.world import World
from tests.support.documents import chain

FEW, MANY = 6, 30
MOST = 30
"""Queries that a page, a call or a socket may ask, its session or token and account included."""
DIAGNOSED = 45
MORE: Mapping[str, int] = {
    # A run that goes on, fails and hangs at once is diagnosed in them.
    **dict.fromkeys(("run", "run-node", "run-summary"), DIAGNOSED),
    # Up to five runs are, that hang.
    "overview": 70,
}
SLICES: Mapping[str, int] = dict.fromkeys(("GET runs/<str:run_id>/logs/", "run-log-download", "run-log-search"), 1)
"""Logs are read in slices, the first of which is small."""

PLACES = {"slug": "crowd", "run_id": "crowd_run", "node": crowd.LIVE, "name": "pool0", "path": "crowd/f0.csv"}
OTHER: Mapping[str, Mapping[str, str]] = {
    "DELETE runs/<str:run_id>/": {"run_id": "crowd_over"},
    "DELETE workflows/<slug:slug>/": {"slug": "bare"},
    "DELETE pools/<str:name>/": {"name": "spare"},
    "POST workers/<str:name>/drain/": {"name": "one@here"},
    "POST workers/<str:name>/resume/": {"name": "rests@here"},
    "GET runs/<str:run_id>/nodes/<str:node>/output/": {"node": crowd.OUTPUT},
    "GET runs/<str:run_id>/nodes/<str:node>/output/download/": {"node": crowd.OUTPUT},
}
"""Of a call: what else its path's parameters are here."""
BODIES: Mapping[str, Any] = {
    "POST runs/<str:run_id>/retry/": {"nodes": [crowd.ENDED], "policy": {crowd.ENDED: {"hard_timeout": 5}}},
    "POST workflows/<slug:slug>/runs/": {"targets": [crowd.ENDED]},
    "POST workflows/<slug:slug>/versions/": {"definition": chain("a"), "message": "x"},
}
READS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are asked inside, without those that only begin and end transactions."""
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(READS):
            asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


class Crowds:
    """Asks each thing in a world with few rows, then in one with many."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: dict[tuple[str, int], tuple[Any, list[str]]] = {}
        for size in (FEW, MANY):
            store.forget()
            with Watch(world.home).request():
                crowd.build(world, size)
                watch = Watch(world.home)
                for name, ask in self.things():
                    self.found[name, size] = self.ask(watch, ask)
        store.forget()

    def ask(self, watch: Watch, ask: Callable[[], Any]) -> tuple[Any, list[str]]:
        """What it answers, and the statements; what is kept in memory has been read before."""
        with watch.request():
            ask()
        # It is counted every two seconds only.
        overview._rate = (float("-inf"), 0, "")
        with watch.request(), counted() as asked:
            answer = ask()
        return answer, asked

    def things(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        for call in CALLS:
            if not call.later:
                yield call.name, lambda call=call: self.call(call)  # type: ignore[misc]
        for page in PAGES + OPEN:
            if page.see:
                yield page.name, lambda page=page: self.page(page)  # type: ignore[misc]
        for name, read in SOCKETS.items():
            yield name, lambda read=read: read(int(self.world.ids["crowd_run"]))  # type: ignore[misc]

    def call(self, call: Call) -> int:
        api = self.world.apis["admin"]
        path = call.path(self.world, **{**PLACES, **OTHER.get(call.name, {})})
        body = BODIES.get(call.name, call.body)
        raw = call.raw or (b"" if body is NOTHING else json.dumps(body).encode())
        length = {"Content-Length": str(len(raw))} if call.raw else {}
        response = api.client.generic(
            call.method, f"{path}?{call.query}", raw, content_type=PATCH if type(body) is list else JSON,
            headers={**api.headers, **call.headers, **length},
        )  # fmt: skip
        return self.done(response)

    @staticmethod
    def done(response: Any) -> int:
        """The status, after all of it was read: what is streamed may ask on the way."""
        if response.streaming:
            for _ in response.streaming_content:
                pass
        return int(response.status_code)

    def page(self, page: Page) -> int:
        there = {
            "one": "crowd",
            "ended": "crowd_run",
            "waiting": "crowd_run",
            "a": crowd.LIVE,
            "b": crowd.OUTPUT,
            "spare": "pool0",
        }
        where = [there.get(value, value) for value in page.where]
        return self.done(self.world.apis["session"].client.get(page.path(self.world, *where)))


SOCKETS: Mapping[str, Callable[[int], Any]] = {
    "snapshot of a run": feed._snapshot,
    "events of a run": lambda run: feed._read(run, 0, 2000),
    "heads of runs": lambda run: feed.heads([run - back for back in range(FEW)]),
    "overview as sockets tell it": lambda run: live_overview._read(live_overview.OverviewState()),
}


NAMES = [
    *(call.name for call in CALLS if not call.later),
    *(page.name for page in PAGES + OPEN if page.see),
    *SOCKETS,
]


@pytest.fixture(scope="module")
def crowds(world: World) -> Crowds:
    # The use of a token is noted once an hour, and an hour may begin while we ask.
    ApiToken.objects.update(used_at=clock.now() + timedelta(days=1))
    return Crowds(world)


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_many_rows_cost_no_more_queries_than_few(crowds: Crowds, name: str) -> None:
    (first, few), (second, many) = crowds.found[name, FEW], crowds.found[name, MANY]
    assert first == second or name in SOCKETS
    assert name in SOCKETS or first in (410, *range(200, 400)), first
    more = Counter(map(shape, many)) - Counter(map(shape, few))
    assert len(many) <= len(few) + SLICES.get(name, 0), "\n".join(f"{times} x {sql}" for sql, times in more.items())
    assert len(many) <= MORE.get(name, MOST), len(many)


def shape(sql: str) -> str:
    """A statement without what differs between two of its kind."""
    return re.sub(r"%s(, %s)*|\d+", "?", sql)
