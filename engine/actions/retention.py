"""Deletes what is old: runs with everything that belongs to them, done commands, and artifacts that no row names.

It works in small batches, each in a short transaction, so that other writers on SQLite do not wait long.
"""

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef

from engine import clock
from engine.actions import deletion
from engine.artifacts import artifacts_of
from engine.models import Command, Definition, EventBatch, Leader, Run
from engine.models.conditions import with_artifact
from engine.states import RUN_TERMINAL
from engine.text import dump

log = logging.getLogger("interlock.scheduler")

LOOK_SECONDS = 3600.0
"""How often the leading scheduler looks whether it is time to prune."""
PRUNE_EVERY = timedelta(days=1)
COMMAND_DAYS = 1
ARTIFACT_HOURS = 1
"""Younger files are not deleted: one that no row names yet may belong to an attempt that is just ending."""
EVENTS_IN_BATCH = 1000
AT_ONCE = 500
"""Runs or artifacts that are read at once."""


@dataclass(slots=True)
class Pruned:
    """How much was deleted."""

    runs: int = 0
    commands: int = 0
    definitions: int = 0
    artifacts: int = 0
    artifact_bytes: int = 0
    batches: int = 0
    """Event batches that were merged into larger ones."""


def prune_daily() -> None:
    """Prune if no scheduler has done so within a day. The leading scheduler calls this every LOOK_SECONDS."""
    now = clock.now()
    if Leader.objects.filter(pk=1, pruned_at__gt=now - PRUNE_EVERY).exists():
        return
    pruned = prune()
    Leader.objects.filter(pk=1).update(pruned_at=now)
    log.info("pruned runs=%s artifacts=%s definitions=%s", pruned.runs, pruned.artifacts, pruned.definitions)


def prune(*, days: float | None = None, now: datetime | None = None) -> Pruned:
    """Delete runs that ended more than `days` ago (by default as the settings say) and what only they needed; compact
    the events of other ended runs."""
    now = now or clock.now()
    days = settings.INTERLOCK.retention_days if days is None else days
    pruned = Pruned()
    _prune_runs(pruned, now - timedelta(days=days))
    _prune_commands(pruned, now - timedelta(days=COMMAND_DAYS))
    _prune_definitions(pruned, now - timedelta(days=COMMAND_DAYS))
    _compact_events(pruned)
    _prune_artifacts(pruned, time.time() - ARTIFACT_HOURS * 3600)
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return pruned


def _prune_runs(pruned: Pruned, before: datetime) -> None:
    ended = Run.objects.filter(finished_at__lt=before, state__in=RUN_TERMINAL).order_by("finished_at")
    while gone := deletion.delete_many(ended.only("counts")[:AT_ONCE]):
        pruned.runs += gone


def _prune_commands(pruned: Pruned, before: datetime) -> None:
    while True:
        ids = list(Command.objects.filter(done_at__lt=before).values_list("pk", flat=True)[:500])
        if not ids:
            return
        pruned.commands += Command.objects.filter(pk__in=ids).delete()[0]


def _prune_definitions(pruned: Pruned, before: datetime) -> None:
    """Delete definitions that no row refers to."""
    unused = Definition.objects.filter(created_at__lt=before)
    for relation in Definition._meta.related_objects:
        # A subquery looks up each definition in an index; a join would read all runs.
        pointing = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        unused = unused.filter(~Exists(pointing))
    for definition in unused[:1000]:
        with transaction.atomic():
            # If a run of it has started since, its protected row refuses the deletion.
            try:
                definition.delete()
            except Exception as error:
                if type(error).__name__ not in ("ProtectedError", "IntegrityError"):
                    raise
                continue
        pruned.definitions += 1


def _compact_events(pruned: Pruned) -> None:
    """Merge the many small batches of ended runs, which got one row per tick while they ran."""
    ended = Run.objects.filter(state__in=RUN_TERMINAL).order_by("pk")
    after = 0
    while looked_at := dict(ended.filter(pk__gt=after).values_list("pk", "seq")[:AT_ONCE]):
        after = max(looked_at)
        # Reads only the index: the rows of the whole history are gigabytes.
        batches = (
            EventBatch.objects.filter(run_id__in=list(looked_at)).values_list("run_id").annotate(n=Count("run_id"))
        )
        for run_id, n in batches.order_by():
            if n > 2 * (looked_at[run_id] // EVENTS_IN_BATCH + 1):
                pruned.batches += _compact(run_id)


def _compact(run_id: int) -> int:
    """Merge the batches of one run; return how many rows that saved."""
    after = saved = 0
    while True:
        batches = list(
            EventBatch.objects.filter(run_id=run_id, first_seq__gt=after).order_by("first_seq")[:EVENTS_IN_BATCH]
        )
        if not batches:
            return saved
        taken: list[EventBatch] = []
        events: list[Any] = []
        for batch in batches:
            found = json.loads(batch.body)
            if taken and len(events) + len(found) > EVENTS_IN_BATCH:
                break
            taken.append(batch)
            events.extend(found)
        after = taken[-1].last_seq
        if len(taken) > 1:
            body = dump(events)
            with transaction.atomic():
                EventBatch.objects.filter(pk__in=[batch.pk for batch in taken[1:]]).delete()
                EventBatch.objects.filter(pk=taken[0].pk).update(body=body, last_seq=after)
            saved += len(taken) - 1


def _prune_artifacts(pruned: Pruned, stored_before: float) -> None:
    """Delete artifacts that no node run names, no skip awaits, and that were not stored lately.

    Raises ArtifactStoreError.
    """
    artifacts = artifacts_of(settings.INTERLOCK)
    old = (entry for entry in artifacts.files() if entry.stored_at < stored_before)
    while part := {entry.name: entry.size for entry in islice(old, AT_ONCE)}:
        named = with_artifact().filter(artifact__in=list(part)).values_list("artifact", flat=True)
        unnamed = sorted(part.keys() - deletion.awaited_artifacts() - set(named))
        artifacts.delete_all(unnamed)
        pruned.artifacts += len(unnamed)
        pruned.artifact_bytes += sum(part[name] for name in unnamed)
