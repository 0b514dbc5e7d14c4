"""The steps of a run, read backwards: which node (or the run) went from which state to which, and when.

Only event batches are read. Log lines share their numbers, and there may be a million of them between two steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.models import EventBatch
from engine.shapes import iso

STEPS_MAX = 1000
BATCHES = 50
"""Batches of one read, and looked at behind a full page for what its steps left."""
BATCHES_MAX = 500
"""Batches that one call looks at: of one node in a long run there may be few steps in very many."""


@dataclass(slots=True)
class Step:
    """One change of state, or a node's next attempt."""

    seq: int
    at: str
    node: str
    """Id; empty: the run itself."""
    before: str | None
    """State that it left; None where that is not known (far away, or compacted away)."""
    to: str
    attempt: int
    reason: str
    error: dict[str, Any] | None


def read(
    run_id: int, before: int | None = None, limit: int = 200, node: str | None = None
) -> tuple[list[Step], int | None]:
    """At most `limit` steps with numbers below `before` (None: the newest), oldest first, and the `before` of those
    that come earlier; None when there are none. `node`: only of that one, "" only of the run.

    The list may be short although there are earlier ones: the second value says where to go on.
    """
    page = _Page(max(1, min(limit, STEPS_MAX)))
    behind = 0
    following: int | None = None
    for scanned, (first, body) in enumerate(_batches(run_id, before)):
        if page.full:
            behind += 1
        if scanned >= BATCHES_MAX or behind > BATCHES or (page.full and not page.unsettled):
            break
        for stored in reversed(json.loads(body)):
            step = _step(stored)
            if step and (before is None or step.seq < before) and (node is None or step.node == node):
                page.add(step)
        following = first
        if first == 1:
            page.begin()
    else:
        following = None
    return page.steps(), page.found[-1].seq if page.full else following


class _Page:
    """Steps as they are met, the newest first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: list[Step] = []
        # By node: the step whose state before is in what is older.
        self.unsettled: dict[str, Step] = {}
        self.same: set[int] = set()
        # For good: what was passed over since is for the next page, also when one of these turns out to be no step.
        self.full = False

    def add(self, step: Step) -> None:
        newer = self.unsettled.pop(step.node, None)
        if newer is not None:
            newer.before = step.to
            if newer.to == step.to and newer.attempt == step.attempt:
                self.same.add(newer.seq)  # Only what is known about it changed.
        if not self.full:
            self.found.append(step)
            self.unsettled[step.node] = step
            self.full = len(self.found) - len(self.same) >= self.limit

    def begin(self) -> None:
        """There is nothing older: the first that is told of a node is that it left its beginning."""
        for step in self.unsettled.values():
            step.before = "pending" if step.node else None
            if step.before == step.to:
                self.same.add(step.seq)
        self.unsettled = {}

    def steps(self) -> list[Step]:
        return [step for step in reversed(self.found) if step.seq not in self.same]


def _batches(run_id: int, before: int | None) -> Iterator[tuple[int, str]]:
    rows = EventBatch.objects.filter(run_id=run_id).order_by("-first_seq").values_list("first_seq", "body")
    upto = before
    while True:
        page = list((rows if upto is None else rows.filter(first_seq__lt=upto))[:BATCHES])
        yield from page
        if len(page) < BATCHES:
            return
        upto = page[-1][0]


def _step(stored: list[Any]) -> Step | None:
    seq, at_us, kind = stored[:3]
    if kind == "n":
        fields = stored[4]
        attempt, reason = fields.get("a", 0), fields.get("r", "")
        return Step(seq, iso(at_us) or "", stored[3], None, fields["s"], attempt, reason, fields.get("e"))
    if kind == "r":
        return Step(seq, iso(at_us) or "", "", None, stored[3]["s"], 0, stored[3].get("r", ""), None)
    return None
