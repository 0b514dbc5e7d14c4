"""Deletes ended runs with everything that belongs to them: several runs in one short transaction."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from engine.artifacts import artifacts_of
from engine.errors import NotFound, WrongState
from engine.models import Attempt, Command, EventBatch, LogBatch, NodeRun, Run, Sample, Stack
from engine.models.conditions import unfinished_runs, with_artifact
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.states import RUN_TERMINAL

NODES_AT_ONCE = 500
"""Node runs deleted in one transaction, with their attempts and events. On SQLite it holds the only write lock."""
SLICE = 500
"""Rows of logs or samples deleted in one transaction, and artifacts looked up in one query."""


def delete(run: Run) -> None:
    """Delete an ended run with everything that belongs to it. Raises NotFound, and WrongState if it has not ended."""
    if _delete([run.pk]):
        return
    state = Run.objects.filter(pk=run.pk).values_list("state", flat=True).first()
    if state is None:
        raise NotFound.run(run.pk)
    message = _("Run {run} cannot be deleted: it is {state}. Cancel it first.")
    raise WrongState(Sentence(message, {"run": run.pk, "state": state}), run=str(run.pk), state=state)


def delete_many(found: Iterable[Run]) -> int:
    """Delete those of these runs that have ended; return how many were deleted."""
    gone = 0
    for group in _groups(found):
        _thin(group)
        gone += _delete(group)
    return gone


def _groups(found: Iterable[Run]) -> Iterator[list[int]]:
    group: list[int] = []
    nodes = 0
    for run in found:
        more = sum(run.counts.values())
        if group and nodes + more > NODES_AT_ONCE:
            yield group
            group, nodes = [], 0
        group.append(run.pk)
        nodes += more
    if group:
        yield group


def _thin(ids: Sequence[int]) -> None:
    """Delete most logs and samples in slices: in one transaction with the rest they would hold SQLite's lock too long.

    A run that is retried at this moment goes on without them.
    """
    for model in (LogBatch, Sample):
        rows = model.objects.filter(run_id__in=ids)
        while len(part := list(rows.values_list("pk", flat=True)[:SLICE])) == SLICE:
            rows.filter(pk__in=part).delete()


def _delete(ids: Sequence[int]) -> int:
    with transaction.atomic():
        # Ordered, so that concurrent deletions cannot deadlock. Locked, so that none of the runs is retried now.
        ended = Run.objects.select_for_update().filter(pk__in=ids, state__in=RUN_TERMINAL).order_by("pk")
        finished = dict(ended.values_list("pk", "finished_at"))
        if not finished:
            return 0
        idle_since: dict[str, float] = {}
        named = NodeRun.objects.filter(run_id__in=finished).exclude(artifact="")
        for name, run in named.values_list("artifact", "run_id"):
            at = finished[run]
            idle_since[name] = max(idle_since.get(name, 0.0), at.timestamp() if at else 0.0)
        # Not left to the cascade, which would load every row into Python.
        for model in (EventBatch, LogBatch, Sample, Stack, Attempt, NodeRun, Command):
            rows = model.objects.filter(run_id__in=finished)
            rows._raw_delete(using=rows.db)
        Run.objects.filter(pk__in=finished).delete()
        # On commit, because the caller may have opened the transaction: files are deleted only after their rows.
        transaction.on_commit(lambda: drop_artifacts(idle_since))
    return len(finished)


def awaited_artifacts() -> set[str]:
    """Return the artifacts with which nodes are to be skipped: the node run names one only when its attempt has ended,
    which may be long after the command was applied."""
    skips = Command.objects.filter(Q(done_at=None) | Q(run__in=unfinished_runs()), kind="skip")
    bodies = skips.values_list("body", flat=True)
    return {body["output"]["artifact"] for body in bodies if body.get("output")}


def drop_artifacts(idle_since: Mapping[str, float], *, grace_seconds: float = 10.0) -> int:
    """Delete artifacts that no node run names and no skip awaits; return how many were deleted.

    `idle_since`: {name: unix time}.
    A file is named by its content, so an attempt that ends now may reuse an existing file; it then renews the file's
    time. While any run is unfinished, files renewed after `idle_since` or within the grace are left for `prune`.
    Everything in an object store is left for `prune` too.
    """
    if settings.INTERLOCK.artifact_store:
        # The caller would wait for two responses per file, and only `prune` allows for a difference of the clocks.
        return 0
    store = artifacts_of(settings.INTERLOCK)
    busy = unfinished_runs().exists()
    dropped = 0
    wanted = sorted(idle_since)
    for start_at in range(0, len(wanted), SLICE):
        part = wanted[start_at : start_at + SLICE]
        still = awaited_artifacts().union(with_artifact().filter(artifact__in=part).values_list("artifact", flat=True))
        for name in part:
            if name in still:
                continue
            stored_at = store.stored_at(name)
            if stored_at is None:
                continue
            if busy and (stored_at > idle_since[name] or time.time() - stored_at < grace_seconds):
                continue
            store.delete(name)
            dropped += 1
    return dropped
