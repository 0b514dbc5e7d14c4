"""The copied runs of `bench history`, which all reads treat as real runs."""

import json
import secrets
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client

from engine import clock, definition
from engine.actions import runs
from engine.models import EventBatch, Run
from engine.reads import events, node_runs, queries
from tests.bench import long_history, many_runs, plans, postgres
from tests.support import run_rows
from tests.support.factories import chain
from tests.support.people import person


@pytest.mark.parametrize("kind", [*long_history.kinds(), *many_runs.kinds(1000)], ids=lambda kind: kind.slug)
def test_the_definitions_of_the_history_are_valid(kind):
    for document in (kind.document, kind.failing):
        assert document is None or definition.problems(document) == []


def test_the_history_has_a_million_node_runs():
    assert sum(kind.runs * len(kind.document["nodes"]) for kind in long_history.kinds()) == pytest.approx(
        1_000_000, rel=0.05
    )


def test_the_runs_have_the_requested_number_and_very_different_shares():
    kinds = many_runs.kinds(1_000_000)
    runs_of = sorted(kind.runs for kind in kinds)
    assert sum(runs_of) == pytest.approx(1_000_000, rel=0.01)
    assert runs_of[-1] > 1000 * runs_of[0]
    assert {one.state for kind in kinds for one in kind.outcomes} == {
        "succeeded",
        "failed",
        "timed_out",
        "cancelled",
    }
    assert all(sum(outcome.share for outcome in kind.outcomes) < 0.2 for kind in kinds)


def database_url() -> str:
    found = connection.settings_dict
    password = quote(found["PASSWORD"])
    return f"postgresql://{quote(found['USER'])}:{password}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


supports_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="databases are a server's")


@pytest.mark.django_db(transaction=True)
def test_copies_of_a_run_are_separate_runs_of_the_last_weeks():
    started = runs.start(runs.store_definition(chain(2)), workflow="w", by="me")
    run = run_rows.ended(started.pk, "failed", n0="succeeded", n1="failed")
    stored = [[seq, 1_700_000_000_000_000, "n", f"n{seq - 1}", {"s": "ready"}] for seq in (1, 2)]
    EventBatch.objects.create(run=run, first_seq=1, last_seq=2, body=json.dumps(stored))
    run_rows.lines(run, "n0", 3, "hello")
    Run.objects.filter(pk=run.pk).update(seq=3)
    if connection.vendor == "sqlite":
        long_history.multiply(connection.connection, [(run.pk, 3)])
    else:
        counted = postgres.multiply(database_url(), [(run.pk, 3)])
        assert (counted["runs"], counted["noderuns"]) == (4, 8)
        # New ids follow those of the copies.
        assert runs.start(runs.store_definition(chain(2)), workflow="v", by="me").pk > run.pk + 3
    copies = list(queries.runs(states=["failed"]))
    assert len(copies) == 4
    assert run.finished_at
    for one in copies[:3]:
        assert one.finished_at
        assert one.created_at - run.created_at == one.finished_at - run.finished_at
        assert timedelta() < clock.now() - one.finished_at <= timedelta(days=long_history.DAYS, minutes=1)
        assert events.read(one.pk, 0) == events.read(run.pk, 0)
        assert [(n["state"], n["error"]) for n in node_runs.node_runs(one)] == [
            (n["state"], n["error"]) for n in node_runs.node_runs(run)
        ]
        assert [a["state"] for a in queries.attempts(one, "n1")] == ["failed"]
    assert queries.counters()["runs_running"] == 0


@supports_postgresql
def test_a_kept_database_is_created_once_and_dropped_if_filling_fails():
    good, bad = (f"interlock_kept_{secrets.token_hex(4)}" for _ in range(2))
    try:
        with postgres.kept_database(database_url(), good) as (url, new):
            assert new
            assert url.endswith(f"/{good}")
        with postgres.kept_database(database_url(), good) as (_, new):
            assert not new
        with pytest.raises(ValueError, match="in the middle"), postgres.kept_database(database_url(), bad):
            raise ValueError("in the middle")
        with postgres.kept_database(database_url(), bad) as (_, new):
            assert new
    finally:
        for name in (good, bad):
            postgres._execute(database_url(), f'DROP DATABASE IF EXISTS "{name}"')


@supports_postgresql
@pytest.mark.django_db
def test_a_page_is_measured_with_its_queries_and_indexes():
    started = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    client = Client()
    client.force_login(person("viewer"))
    measured = plans._measure(client, f"/runs/{started.pk}/", {})
    assert any("engine_run" in query for query in measured["queries"])
    assert measured["cpu_ms"] > 0
    assert measured["database_ms"] > 0
    with pytest.raises(SystemExit, match="404"):
        plans._measure(client, "/runs/999999/", {})
