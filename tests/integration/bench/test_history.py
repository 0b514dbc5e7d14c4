"""What `bench history` makes of a run that really ran: others like it, which every read takes for runs."""

from __future__ import annotations

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
from engine.reads import events, queries
from tests.bench import many, past, plans, postgres
from tests.support import run_rows
from tests.support.factories import chain
from tests.support.people import person


@pytest.mark.parametrize("kind", [*past.kinds(), *many.kinds(1000)], ids=lambda kind: kind.slug)
def test_what_is_run_for_the_history_is_a_valid_definition(kind):
    for document in (kind.document, kind.failing):
        assert document is None or definition.problems(document) == []


def test_the_history_is_as_long_as_it_says():
    assert sum(kind.runs * len(kind.document["nodes"]) for kind in past.kinds()) == pytest.approx(1_000_000, rel=0.05)


def test_there_are_as_many_runs_as_are_asked_for_in_workflows_of_very_different_share():
    kinds = many.kinds(1_000_000)
    runs_of = sorted(kind.runs for kind in kinds)
    assert sum(runs_of) == pytest.approx(1_000_000, rel=0.01)
    assert runs_of[-1] > 1000 * runs_of[0]
    assert {way.state for kind in kinds for way in kind.ways} == {"succeeded", "failed", "timed_out", "cancelled"}
    assert all(sum(way.share for way in kind.ways) < 0.2 for kind in kinds)


def address() -> str:
    found = connection.settings_dict
    password = quote(found["PASSWORD"])
    return f"postgresql://{quote(found['USER'])}:{password}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="databases are a server's")


@pytest.mark.django_db(transaction=True)
def test_copies_of_a_run_are_runs_of_their_own_in_the_last_weeks():
    made = runs.start(runs.store_definition(chain(2)), workflow="w", by="me")
    run = run_rows.ended(made.pk, "failed", n0="succeeded", n1="failed")
    stored = [[seq, 1_700_000_000_000_000, "n", f"n{seq - 1}", {"s": "ready"}] for seq in (1, 2)]
    EventBatch.objects.create(run=run, first_seq=1, last_seq=2, body=json.dumps(stored))
    run_rows.lines(run, "n0", 3, "hello")
    Run.objects.filter(pk=run.pk).update(seq=3)
    if connection.vendor == "sqlite":
        past.multiply(connection.connection, [(run.pk, 3)])
    else:
        counted = postgres.multiply(address(), [(run.pk, 3)])
        assert (counted["runs"], counted["noderuns"]) == (4, 8)
        # Ids go on after the copies.
        assert runs.start(runs.store_definition(chain(2)), workflow="v", by="me").pk > run.pk + 3
    copies = list(queries.runs(states=["failed"]))
    assert len(copies) == 4
    assert run.finished_at
    for one in copies[:3]:
        assert one.finished_at
        assert one.created_at - run.created_at == one.finished_at - run.finished_at
        assert timedelta() < clock.now() - one.finished_at <= timedelta(days=past.DAYS, minutes=1)
        assert events.read(one.pk, 0) == events.read(run.pk, 0)
        assert [(n["state"], n["error"]) for n in queries.node_runs(one)] == [
            (n["state"], n["error"]) for n in queries.node_runs(run)
        ]
        assert [a["state"] for a in queries.attempts(one, "n1")] == ["failed"]
    assert queries.counters()["runs_running"] == 0


@on_postgresql
def test_a_kept_database_is_made_once_and_stays_unless_filling_it_failed():
    good, bad = (f"interlock_kept_{secrets.token_hex(4)}" for _ in range(2))
    try:
        with postgres.kept(address(), good) as (url, new):
            assert new
            assert url.endswith(f"/{good}")
        with postgres.kept(address(), good) as (_, new):
            assert not new
        with pytest.raises(ValueError, match="in the middle"), postgres.kept(address(), bad):
            raise ValueError("in the middle")
        with postgres.kept(address(), bad) as (_, new):
            assert new
    finally:
        for name in (good, bad):
            postgres._do(address(), f'DROP DATABASE IF EXISTS "{name}"')


@on_postgresql
@pytest.mark.django_db
def test_a_page_is_told_with_its_queries_and_their_indexes():
    made = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    client = Client()
    client.force_login(person("viewer"))
    told = plans._asked(client, f"/runs/{made.pk}/", {})
    assert any("engine_run" in query for query in told["queries"])
    assert told["cpu_ms"] > 0
    assert told["database_ms"] > 0
    with pytest.raises(SystemExit, match="404"):
        plans._asked(client, "/runs/999999/", {})
