"""Runs, nodes and pools for pages, the API and sockets.

Reads run outside transactions: on SQLite even a read-only one would wait for the scheduler's lock.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from engine import clock
from engine.database.heartbeat import is_alive
from engine.definition import Document, store
from engine.errors import NotFound
from engine.models import Attempt, Leader, NodeRun, Pool, Run
from engine.models.conditions import runs_without_success, unfinished_nodes, unfinished_runs
from engine.models.runs import RUN_UNFINISHED
from engine.reads import workers
from engine.reads.waiting import slot_holders
from engine.shapes import iso, micros, optional_micros, run_shape, shown_error
from engine.text import clean_text


def run(run_id: int | str) -> Run:
    """Return the run with this id. Raises NotFound."""
    try:
        return Run.objects.get(pk=int(run_id))
    except (ValueError, OverflowError, Run.DoesNotExist):
        raise NotFound.run(run_id) from None


def runs(
    *,
    workflow: str | None = None,
    states: Iterable[str] | None = None,
    version: int | None = None,
    draft: bool | None = None,
    created_by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
) -> QuerySet[Run]:
    """Return the runs that match all given filters, newest first. `since`: created then or later; `until`: created
    before then; `before`: only those that follow the run with this id (paging)."""
    found = Run.objects.all()
    few = False
    if states is not None:
        states = set(states)
        # Few of many runs are in these states: without an index of their own, a page of them would read the whole
        # history.
        few = "succeeded" not in states
        if states.issubset(RUN_UNFINISHED):
            found = unfinished_runs()
        elif few:
            found = runs_without_success()
        found = found.filter(state__in=sorted(states))
    if workflow is not None:
        found = found.filter(workflow=workflow)
    if version is not None:
        found = found.filter(version=version)
    if draft is not None:
        found = found.filter(draft=draft)
    if created_by is not None:
        found = found.filter(created_by=created_by)
    if since is not None:
        found = found.filter(created_at__gte=since)
    if until is not None:
        found = found.filter(created_at__lt=until)
    if not few and (since is not None or until is not None):
        return _by_time(found, before)
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.order_by("-id")


def _by_time(found: QuerySet[Run], before: int | None) -> QuerySet[Run]:
    """Order by the index of times, because by ids all newer runs would be read first. Both orders are the same unless
    the clock was set back."""
    if before is not None:
        # The run may have been deleted: then the one before it takes its place.
        last = Run.objects.filter(pk__lte=before).order_by("-id").values_list("created_at", flat=True).first()
        if last is None:
            return found.none()
        found = found.filter(Q(created_at__lt=last) | Q(pk__lt=before), created_at__lte=last)
    return found.order_by("-created_at", "-id")


def document(run: Run) -> Document:
    """Return the parsed definition of the run; cached."""
    return store.load(run.definition_id)


def run_dict(run: Run) -> dict[str, Any]:
    """Return the contract's Run."""
    return run_shape(
        run.pk,
        workflow=run.workflow,
        version=run.version,
        draft=run.draft,
        state=run.state,
        reason=run.reason,
        inputs=run.inputs,
        priority=run.priority,
        altered=bool(run.altered),
        rerun_of=run.rerun_of,
        created_by=run.created_by,
        created_us=micros(run.created_at),
        started_us=optional_micros(run.started_at),
        finished_us=optional_micros(run.finished_at),
        counts=run.counts,
    )


def node_output(run: Run, node: str) -> dict[str, Any] | None:
    """Return the stored output (see engine.artifacts.outputs); None: there is none. Raises NotFound."""
    if node not in document(run).by_id:
        raise NotFound.node(run.pk, node)
    output: dict[str, Any] | None = (
        NodeRun.objects.filter(run=run, node=node, item=-1).values_list("output", flat=True).first()
    )
    return output


# Attempts


def attempts(run: Run, node: str) -> list[dict[str, Any]]:
    """Return the contract's attempts of one node in order. Raises NotFound."""
    if node not in document(run).by_id:
        raise NotFound.node(run.pk, node)
    return [
        {
            "number": row.number,
            "state": row.state,
            "worker": row.worker,
            "pid": row.pid,
            "started_at": iso(micros(row.started_at)),
            "finished_at": iso(optional_micros(row.finished_at)),
            "error": shown_error(row.error),
            "usage": row.usage,
            "receipt": row.receipt,
        }
        for row in Attempt.objects.filter(run=run, node=node, item=-1).order_by("number")
    ]


# Pools and the overview


def pools() -> list[dict[str, Any]]:
    """Return the contract's pools by name."""
    return _pool_dicts(list(Pool.objects.order_by("name")))


def pool(name: str) -> dict[str, Any]:
    """Return the contract's pool. Raises NotFound."""
    row = Pool.objects.filter(name=clean_text(name)).first()
    if row is None:
        raise NotFound.pool(name)
    return _pool_dicts([row])[0]


def _pool_dicts(rows: list[Pool]) -> list[dict[str, Any]]:
    held = slot_holders([row.name for row in rows])
    waiting = dict(
        unfinished_nodes()
        .filter(state="ready", claim="", pool__in=[row.name for row in rows])
        .values_list("pool")
        .annotate(Count("id"))
    )
    return [
        {
            "name": row.name,
            "slots": row.slots,
            "in_use": sum(holder.slots for holder in held.get(row.name, ())),
            "waiting": waiting.get(row.name, 0),
            "acquired": row.acquired,
            "released": row.released,
            "longest_wait": row.longest_wait,
            "holders": [holder.shape() for holder in held.get(row.name, ())],
        }
        for row in rows
    ]


def pool_waiters(names: Iterable[str], most: int) -> dict[str, list[dict[str, Any]]]:
    """Return by pool the nodes that wait for slots, {run, node, slots, since (a datetime)}, the longest first; at most
    `most` of each pool. Pools that no node waits for are left out."""
    place = Window(RowNumber(), partition_by="pool", order_by=["ready_at", "id"])
    rows = unfinished_nodes().filter(state="ready", claim="", pool__in=list(names)).annotate(place=place)
    found: dict[str, list[dict[str, Any]]] = {}
    for pool, run, node, slots, since in (
        rows.filter(place__lte=most)
        .order_by("pool", "place")
        .values_list("pool", "run_id", "node", "slots", "ready_at")
    ):
        found.setdefault(pool, []).append({"run": run, "node": node, "slots": slots, "since": since})
    return found


def counters() -> dict[str, Any]:
    """Return the numbers of the overview: unfinished runs and nodes, and those that ended in the last day."""
    states = dict(unfinished_runs().values_list("state").annotate(Count("id")))
    nodes = dict(unfinished_nodes().values_list("state").annotate(Count("id")))
    since = clock.now() - timedelta(days=1)
    age = beat_age()
    ended = dict(
        Run.objects.filter(finished_at__gte=since)
        .exclude(state__in=RUN_UNFINISHED)
        .values_list("state")
        # Not of ids, which are not in the index.
        .annotate(n=Count("*"))
    )
    return {
        "runs_queued": states.get("queued", 0),
        "runs_running": states.get("running", 0),
        "nodes_running": nodes.get("running", 0),
        "nodes_ready": nodes.get("ready", 0),
        "nodes_retrying": nodes.get("retrying", 0),
        "succeeded_today": ended.get("succeeded", 0),
        "failed_today": ended.get("failed", 0) + ended.get("timed_out", 0),
        "cancelled_today": ended.get("cancelled", 0),
        "scheduler": is_alive(age),
        "workers": workers.counts(age),
    }


def beat_age() -> float | None:
    """Return the seconds since the scheduler's last heartbeat; None: there was none."""
    leader = Leader.seen()
    return None if leader is None or leader.silent is None else leader.silent.total_seconds()


def scheduler_alive() -> bool:
    """Return whether a scheduler has sent a heartbeat lately."""
    return is_alive(beat_age())
