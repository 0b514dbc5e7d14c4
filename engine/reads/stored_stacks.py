"""Stored stacks of attempts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.models import Run, Stack
from engine.shapes import iso, micros

STACKS_MAX = 100


def stack_shape(row: Stack) -> dict[str, Any]:
    """Return the contract's stack, with `why` it was taken and of which `attempt`."""
    return {
        "samples": [],
        "children": [],
        **row.body,
        "taken_at": iso(micros(row.taken_at)),
        "why": row.why,
        "attempt": row.attempt,
    }


def stacks(run: Run, node: str, attempt: int | None = None, limit: int = STACKS_MAX) -> list[dict[str, Any]]:
    """Return the stored stacks of one node, or of one attempt of it, newest first."""
    found = Stack.objects.filter(run=run, node=node, item=-1)
    if attempt is not None:
        found = found.filter(attempt=attempt)
    return [stack_shape(row) for row in found.order_by("-taken_at", "-id")[: min(limit, STACKS_MAX)]]


def newest(
    run: Run, node: str, attempt: int | None = None, *, since: datetime | None = None, why: str | None = None
) -> dict[str, Any] | None:
    """Return the newest stored stack of a node; if given, only of this attempt, since this time, or for this reason."""
    found = Stack.objects.filter(run=run, node=node, item=-1)
    if attempt is not None:
        found = found.filter(attempt=attempt)
    if since is not None:
        found = found.filter(taken_at__gte=since)
    if why is not None:
        found = found.filter(why=why)
    row = found.order_by("-taken_at", "-id").first()
    return None if row is None else stack_shape(row)


def newest_of(run: Run, nodes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return {node: its newest stored stack} of those that have one. Two queries; only the wanted bodies are read."""
    rows = Stack.objects.filter(run=run, node__in=list(nodes), item=-1).order_by("node", "taken_at", "id")
    # The last entry of each node stays.
    ids = dict(rows.values_list("node", "id"))
    return {row.node: stack_shape(row) for row in Stack.objects.filter(pk__in=list(ids.values()))}
