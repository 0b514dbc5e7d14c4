"""What `prune` deletes, merges and leaves."""

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from engine import clock
from engine.actions import deletion, retention, runs
from engine.artifacts import Artifacts
from engine.models import Command, Definition, EventBatch, Leader, LogBatch, NodeRun, Run, Stack
from engine.reads import events
from engine.scheduler import periodic
from tests.support.factories import chain

pytestmark = pytest.mark.django_db


def ended(days: float, length: int = 1) -> Run:
    run = runs.start(runs.store_definition(chain(length)), workflow="w", by="me")
    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=clock.now() - timedelta(days=days))
    return run


def test_old_runs_are_deleted_with_all_their_rows_and_younger_ones_stay(capsys):
    old, young, running = ended(31), ended(29), runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    LogBatch.objects.create(run=old, node="n0", attempt=1, first_seq=1, last_seq=1, body="[]")
    for run in (old, young):
        Stack.objects.create(run=run, node="n0", attempt=1, taken_at=clock.now(), why="asked", body={})
    call_command("prune")
    assert "Deleted 1 runs" in capsys.readouterr().out
    assert set(Run.objects.values_list("pk", flat=True)) == {young.pk, running.pk}
    assert not LogBatch.objects.exists()
    assert [stack.run_id for stack in Stack.objects.all()] == [young.pk]


def test_many_log_lines_of_an_old_run_are_deleted_in_slices():
    old, young = ended(31), ended(1)
    for run in (old, young):
        LogBatch.objects.bulk_create(
            LogBatch(run=run, node="n0", attempt=1, first_seq=seq, last_seq=seq, body="[]") for seq in range(1201)
        )
    gone = []

    def count(execute, sql, parameters, many, context):
        result = execute(sql, parameters, many, context)
        if sql.startswith('DELETE FROM "engine_logbatch"'):
            gone.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(count):
        call_command("prune", stdout=StringIO())
    assert [rows for rows in gone if rows] == [500, 500, 201]
    assert LogBatch.objects.filter(run=young).count() == LogBatch.objects.count() == 1201


def test_the_leading_scheduler_prunes_daily_by_the_setting(monkeypatch):
    assert any(job.run is retention.prune_daily for job in periodic.registered())
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, retention_days=7))
    Leader.objects.update_or_create(pk=1, defaults={"pruned_at": None})
    old, young = ended(8), ended(6)
    retention.prune_daily()
    assert list(Run.objects.all()) == [young]
    old = ended(8)
    # A scheduler that takes over does not prune again.
    retention.prune_daily()
    assert set(Run.objects.all()) == {old, young}
    Leader.objects.update(pruned_at=clock.now() - timedelta(days=1, seconds=1))
    retention.prune_daily()
    assert list(Run.objects.all()) == [young]


def test_prune_deletes_runs_older_than_the_given_days():
    ended(3)
    call_command("prune", days=2, stdout=StringIO())
    assert not Run.objects.exists()


def test_done_commands_and_unused_definitions_are_deleted_after_a_day():
    run = ended(40, length=7)
    Command.objects.update(done_at=clock.now() - timedelta(days=2))
    Definition.objects.update(created_at=clock.now() - timedelta(days=2))
    kept = ended(0, length=2)
    call_command("prune", stdout=StringIO())
    assert list(Definition.objects.values_list("pk", flat=True)) == [kept.definition_id]
    assert not Command.objects.filter(run_id=run.pk).exists()


def test_events_of_ended_runs_are_merged_and_read_the_same():
    run = ended(1)
    for seq in range(1, 3001):
        stored = [[seq, 1_700_000_000_000_000, "n", "n0", {"s": "ready"}]]
        EventBatch.objects.create(run=run, first_seq=seq, last_seq=seq, body=json.dumps(stored))
    Run.objects.filter(pk=run.pk).update(seq=3000)
    before = events.read(run.pk, 0, 5000)
    call_command("prune", stdout=StringIO())
    assert EventBatch.objects.count() == 3
    assert events.read(run.pk, 0, 5000) == before
    assert events.read(run.pk, 1500, 10)[1] == 1510


def test_events_are_merged_in_however_many_runs_there_are(monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    made = [ended(1) for _ in range(5)]
    EventBatch.objects.bulk_create(
        EventBatch(run=run, first_seq=seq, last_seq=seq, body="[]") for run in made for seq in (1, 2, 3)
    )
    assert retention.prune().batches == 10
    assert EventBatch.objects.count() == 5


def test_events_of_running_runs_are_left_alone():
    run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    for seq in (1, 2, 3, 4):
        EventBatch.objects.create(run=run, first_seq=seq, last_seq=seq, body="[]")
    call_command("prune", stdout=StringIO())
    assert EventBatch.objects.count() == 4


def test_unused_artifacts_are_deleted_after_an_hour():
    store = Artifacts(settings.INTERLOCK.artifacts)
    kept, fresh, orphan = (store.put_bytes(text.encode(), ".json") for text in ("kept", "fresh", "orphan"))
    run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    NodeRun.objects.create(run=run, node="n0", state="succeeded", artifact=kept)
    for name in (kept, orphan):
        os.utime(store.path(name), (time.time() - 7200,) * 2)
    call_command("prune", stdout=StringIO())
    assert [Path(store.path(name)).exists() for name in (kept, fresh, orphan)] == [True, True, False]


def test_the_artifact_of_a_skip_is_kept_until_its_run_has_ended():
    store = Artifacts(settings.INTERLOCK.artifacts)
    name = store.put_bytes(b"an empty table", ".parquet")
    os.utime(store.path(name), (time.time() - 7200,) * 2)
    run = runs.start(runs.store_definition(chain(1)), workflow="w", by="me")
    runs.skip_node(run, "n0", output={"kind": "table", "artifact": name}, by="me")
    # Applied, while the attempt of the node is being killed: the node run names the artifact only after that.
    for done_at in (None, clock.now()):
        Command.objects.filter(kind="skip").update(done_at=done_at)
        call_command("prune", stdout=StringIO())
        assert deletion.drop_artifacts({name: time.time()}) == 0
        assert store.exists(name)
    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=clock.now())
    call_command("prune", stdout=StringIO())
    assert not store.exists(name)
