"""The history of a node: its last runs, and the last samples of its newest attempt."""

from typing import Any

from engine.definition import store
from engine.errors import NotFound
from engine.models import NodeRun, Run, Sample
from engine.shapes import iso, micros
from engine.states import NOT_ASKED

HISTORY_MAX = 50
RUNS_AT_ONCE = 100
RUNS_MAX = 1000
"""Runs that are searched: a node that is new or was renamed is in few of a workflow's runs."""
SAMPLES_MAX = 300


def node_history(run: Run, node: str, limit: int = HISTORY_MAX, *, before: int | None = None) -> list[dict[str, Any]]:
    """Return this node in the last runs of the same workflow, newest first: [{run, version, state, started_at, seconds,
    expected}]. `seconds`: of its newest attempt, null unless that has ended.

    Runs of drafts are left out, and runs in which the node is pending or was not selected. `before`: only runs with
    smaller ids.
    """
    _check_node(run, node)
    limit = max(1, min(limit, HISTORY_MAX))
    found: list[dict[str, Any]] = []
    searched = 0
    while len(found) < limit and searched < RUNS_MAX:
        runs = Run.objects.filter(workflow=run.workflow, draft=False).order_by("-id")
        if before is not None:
            runs = runs.filter(pk__lt=before)
        versions: dict[int, int | None] = dict(runs.values_list("id", "version")[:RUNS_AT_ONCE])
        if not versions:
            break
        rows = NodeRun.objects.filter(run_id__in=list(versions), node=node, item=-1).exclude(reason=NOT_ASKED)
        rows = rows.order_by("-run_id")
        fields = ("run_id", "state", "started_at", "finished_at", "expected")
        for run_id, state, started_at, finished_at, expected in rows.values_list(*fields)[: limit - len(found)]:
            if state == "pending":
                continue
            seconds = None
            if started_at is not None and finished_at is not None:
                seconds = max(0.0, (finished_at - started_at).total_seconds())
            found.append(
                {
                    "run": str(run_id),
                    "version": versions[run_id],
                    "state": state,
                    "started_at": None if started_at is None else iso(micros(started_at)),
                    "seconds": seconds,
                    "expected": expected,
                }
            )
        before = min(versions)
        searched += len(versions)
    return found


def node_samples(run: Run, node: str, limit: int = SAMPLES_MAX) -> list[dict[str, Any]]:
    """Return the last samples of the node's newest attempt, oldest first: [{attempt, at, cpu_percent, memory_bytes,
    io_wait, io_bytes, network_bytes, network_scope}]; null where not determined."""
    _check_node(run, node)
    attempt = NodeRun.objects.filter(run=run, node=node, item=-1).values_list("attempt", flat=True).first()
    if not attempt:
        return []
    fields = ("at", "cpu_percent", "memory_bytes", "io_wait", "io_bytes", "network_bytes", "network_scope")
    rows = Sample.objects.filter(run=run, node=node, item=-1, attempt=attempt).order_by("-at")
    newest = list(rows.values(*fields)[: max(1, min(limit, SAMPLES_MAX))])
    return [{**row, "attempt": attempt, "at": iso(micros(row["at"]))} for row in reversed(newest)]


def _check_node(run: Run, node: str) -> None:
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
