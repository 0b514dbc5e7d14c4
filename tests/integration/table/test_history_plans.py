"""With a long history, every page, call and socket finds its rows by an index, according to PostgreSQL's plans.

SQLite's plans do not show how much was read: see `integration/engine/test_query_plans.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection

from dashboard.pages import overview
from engine import clock
from engine.actions import retention
from engine.definition import store
from engine.models import EventBatch, Run
from engine.text import dump
from tests.bench import plans, postgres
from tests.bench.long_history import Distribution
from tests.integration.table.calls import CALLS
from tests.integration.table.test_pages import OPEN, PAGES
from tests.integration.table.test_queries import SOCKETS
from tests.integration.table.world import World
from tests.support import run_rows

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's"),
]

RUNS = 25_000
READ_MAX = 10_100
"""Rows that one step of a plan may read: as many as runs are counted, or skipped for a page by number."""
SORTED_MAX = 2_000
DISCARDED_MAX = 3_000
"""Runs that one step may read and discard: all of a person who started a tenth of them."""
LARGE = ("engine_run", "engine_noderun", "engine_attempt", "engine_eventbatch", "engine_logbatch")

RUN_LISTS = (
    "", "page=2", "page=500", "page=500&before=20000", "state=succeeded", "state=bad", "state=cancelled", "state=open",
    "workflow=one", "workflow=one&state=bad", "workflow=rare", "workflow=rare&state=bad", "workflow=one&version=1",
    "by=nobody", "by=ann", "by=ann&state=bad", "by=ann&workflow=rare", "by=nobody&state=bad",
)  # fmt: skip
CALL_LISTS: tuple[Mapping[str, Any], ...] = (
    {"workflow": "one", "state": "failed,timed_out"},
    {"draft": "true"},
    {"draft": "true", "workflow": "one"},
    {"created_by": "nobody"},
    {"since": -60},
    {"until": -86400 * 14},
    {"until": -86400 * 14, "before": "20000"},
    {"until": -86400 * 14, "workflow": "one"},
    {"until": -86400 * 14, "workflow": "rare"},
    {"since": -86400 * 15, "until": -86400 * 14, "state": "failed"},
    {"until": -86400 * 14, "state": "failed", "workflow": "rare"},
    {"until": -86400 * 14, "state": "cancelled"},
)
"""Times are in seconds from now."""


@pytest.fixture(scope="module")
def long_history(world: World) -> World:
    """RUNS runs over four weeks, one in nine failed, of two workflows. `rare` has ten, and there are no drafts."""
    admin = world.apis["admin"]
    admin.post("workflows/", {"name": "Rare"})
    definition = {"schema": "interlock/1", "nodes": [{"id": "a", "type": "noop"}], "edges": []}
    admin.post("workflows/rare/versions/", {"definition": definition, "message": ""})
    failed = int(world.ids["ended"])
    _event(failed)
    many = [(failed, RUNS // 8), (_succeeded(world, "one"), RUNS), (_succeeded(world, "rare"), 10)]
    distribution = Distribution(people=(*["admin-person"] * 9, "ann"))
    with connection.cursor() as cursor:
        for _ in postgres.copy_runs(cursor.cursor, many, distribution):
            pass
        for table in LARGE:
            cursor.execute(f"ANALYZE {table}")
    return world


def _succeeded(world: World, slug: str) -> int:
    run = run_rows.ended(world.apis["admin"].post(f"workflows/{slug}/runs/", {}).json["id"], "succeeded")
    run_rows.node_run(run, "a", "succeeded", output={"kind": "json", "value": 1, "bytes": 1, "ports": ["out"]})
    run_rows.lines(run, "a", 2, "hello")
    _event(run.pk)
    return run.pk


def _event(run: int) -> None:
    stored = dump([[1, 1_700_000_000_000_000, "n", "a", {"s": "ready", "a": 1}]])
    EventBatch.objects.create(run_id=run, first_seq=1, last_seq=1, body=stored)
    Run.objects.filter(pk=run).update(seq=2)


def _requests(world: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield (name, request) of everything that only reads."""
    api, session = world.apis["admin"], world.apis["session"].client

    def call(path: str) -> Any:
        return api.client.get(path, headers=api.headers)

    for one in CALLS:
        if one.method == "GET" and not one.missing:
            yield one.name, lambda one=one: call(f"{one.path(world)}?{one.query}")  # type: ignore[misc]
    for page in PAGES + OPEN:
        if page.see:
            yield page.name, lambda page=page: session.get(page.path(world))  # type: ignore[misc]
    for tab in ("why", "output", "attempts", "config", "history"):
        yield f"panel {tab}", partial(session.get, f"/runs/{world.ids['ended']}/nodes/a/panel/?tab={tab}")
    yield "the draft's form", partial(session.get, "/workflows/one/run/?draft=1")
    for query in RUN_LISTS:
        yield f"run list {query}", partial(session.get, f"/runs/?{query}")
    yield "workflow far back", partial(session.get, "/workflows/one/?page=500&before=20000")
    for filters in CALL_LISTS:
        yield f"calls {filters}", partial(call, f"/api/v1/runs/?{urlencode(_times(filters))}")
    for name, read in SOCKETS.items():
        yield name, partial(read, int(world.ids["ended"]))


def _times(filters: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: (clock.now() + timedelta(seconds=value)).isoformat() if isinstance(value, int) else value
        for key, value in filters.items()
    }


def test_every_read_uses_an_index(long_history: World) -> None:
    violations = []
    for name, ask in _requests(long_history):
        store.clear_cache()
        overview._rate = (float("-inf"), 0, "")
        with plans.queries() as statements:
            answer = ask()
            if getattr(answer, "streaming", False):
                b"".join(answer)
        assert getattr(answer, "status_code", 200) in (200, 204, 302, 410), (name, answer)
        for sql, params in statements:
            if plans.about_history(sql):
                violations += [f"{name}: {why}\n  {sql}" for why in _violations(plans.plan(sql, params).nodes)]
    assert not violations, "\n".join(violations)


def _violations(nodes: list[plans.PlanNode]) -> Iterator[str]:
    for node in nodes:
        if node.node_type == "Seq Scan" and node.table in LARGE:
            yield f"reads all of {node.table}"
        elif node.table in LARGE and node.rows > READ_MAX:
            yield f"{node.node_type} {node.index_name} reads {node.rows} rows"
        elif node.table == "engine_run" and node.discarded > DISCARDED_MAX:
            yield f"{node.node_type} {node.index_name} reads {node.discarded} rows in vain"
        elif node.node_type in plans.SORTS and node.rows > SORTED_MAX:
            yield f"sorts {node.rows} rows"


def test_reading_or_sorting_everything_is_reported(long_history: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM engine_run")
        (runs,) = cursor.fetchone()
    assert runs > RUNS
    found = plans.plan("SELECT id FROM engine_run WHERE reason = %s ORDER BY created_by", ["none"]).nodes
    assert "reads all of engine_run" in list(_violations(found))
    found = plans.plan("SELECT id FROM engine_run WHERE workflow = %s ORDER BY seq", ["one"]).nodes
    assert any(why.startswith("sorts") for why in _violations(found)), found


def test_pruning_uses_an_index(long_history: World) -> None:
    with plans.queries() as statements:
        retention.prune(days=27.99)
    large = [(sql, params) for sql, params in statements if '"engine_run"' in sql]
    assert large
    assert not [why for one in large for why in _violations(plans.plan(*one).nodes)]
