"""When the attempts of a run waited, ran and ended: bars for a timeline."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from engine import clock
from engine.models import Attempt, Run
from engine.models.conditions import unfinished_nodes

BARS_MAX = 10_000


def timeline(run: Run, *, after: str | None = None, limit: int = BARS_MAX) -> dict[str, Any]:
    """Return {run_id, from, to, now, bars, next}, with one bar per attempt and one per node that waits for its next.

    A bar is {node, attempt, state, waiting_from, started_at, finished_at, retry_at}. `state` is that of the attempt, or
    ready, retrying or waiting with `started_at` null. `waiting_from`: since when it could have started; `retry_at`:
    when a retrying node becomes ready. Bars are ordered by node id, then by attempt. `to` is null until the run has
    ended; `next` is the `after` of the bars that follow, or null.
    """
    rows = Attempt.objects.filter(run=run, item=-1)
    if after:
        node, _, number = after.rpartition(":")
        rows = rows.filter(node__gte=node).filter(Q(node__gt=node) | Q(number__gt=int(number)))
    # The order of the unique index; the item is the same in all rows.
    found = list(
        rows.order_by("node", "item", "number").values_list(
            "node", "number", "state", "ready_at", "started_at", "finished_at"
        )[: limit + 1]
    )
    following = f"{found[limit - 1][0]}:{found[limit - 1][1]}" if len(found) > limit else None
    bars = [_bar(*row) for row in found[:limit]]
    if following is None:
        bars.extend(_waiting(run))
    started_at = run.started_at or run.created_at
    return {
        "run_id": str(run.pk),
        "from": _iso(started_at),
        "to": _iso(run.finished_at),
        "now": _iso(clock.now()),
        "bars": bars,
        "next": following,
    }


def _waiting(run: Run) -> list[dict[str, Any]]:
    """Return the bars of attempts that are still to come."""
    rows = (
        unfinished_nodes()
        .filter(run=run, item=-1)
        .exclude(state="running")
        .order_by("node")
        .annotate(
            last_end=Subquery(
                Attempt.objects.filter(run=run, item=-1, node=OuterRef("node"), number=OuterRef("attempt")).values(
                    "finished_at"
                )
            )
        )
        .values_list("node", "attempt", "state", "ready_at", "retry_at", "last_end")
    )
    # A node whose attempt was lost keeps the time when it became ready first, and waits since the end of that attempt.
    return [
        _bar(node, attempt + 1, state, max(filter(None, (ready_at, last_end)), default=None), None, None, retry_at)
        for node, attempt, state, ready_at, retry_at, last_end in rows
    ]


def _bar(
    node: str,
    attempt: int,
    state: str,
    waiting_from: datetime | None,
    started_at: datetime | None,
    finished_at: datetime | None,
    retry_at: datetime | None = None,
) -> dict[str, Any]:
    return {
        "node": node,
        "attempt": attempt,
        "state": state,
        "waiting_from": _iso(waiting_from),
        "started_at": _iso(started_at),
        "finished_at": _iso(finished_at),
        "retry_at": _iso(retry_at),
    }


def _iso(moment: datetime | None) -> str | None:
    # One answer has tens of thousands of times: this is several times faster than engine.shapes.iso.
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
