"""The state changes of a run, read backwards: which node, or the run, changed from which state to which, and when.

Only event batches are read. Between two changes there may be a million log lines, which share their numbers.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.models import EventBatch
from engine.shapes import iso

STEPS_MAX = 1000
BATCHES = 50
"""Batches that are read at once, and that are read beyond a full page to find the states before its steps."""
BATCHES_MAX = 500
"""Batches that one call reads: one node of a long run may have few steps in very many batches."""


@dataclass(slots=True)
class Step:
    """One change of state, or a node's next attempt."""

    seq: int
    at: str
    node: str
    """Its id; empty: the run."""
    before: str | None
    """The state before; None: not known (too far away, or deleted)."""
    to: str
    attempt: int
    reason: str
    error: dict[str, Any] | None


def read(
    run_id: int, before: int | None = None, limit: int = 200, node: str | None = None
) -> tuple[list[Step], int | None]:
    """Return at most `limit` steps with numbers below `before` (None: the newest), oldest first, and the `before` of
    earlier steps (None: there are none). `node`: only of this node, "" only of the run.

    There may be fewer than `limit` although there are earlier ones: the second value says where to continue.
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
    """Steps in the order in which they are read, the newest first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: list[Step] = []
        # By node: the step whose `before` is in older batches.
        self.unsettled: dict[str, Step] = {}
        self.same: set[int] = set()
        # The page stays full, even if one of its steps turns out to be none: older ones are for the next page.
        self.full = False

    def add(self, step: Step) -> None:
        newer = self.unsettled.pop(step.node, None)
        if newer is not None:
            newer.before = step.to
            if newer.to == step.to and newer.attempt == step.attempt:
                # Something other than the state changed.
                self.same.add(newer.seq)
        if not self.full:
            self.found.append(step)
            self.unsettled[step.node] = step
            self.full = len(self.found) - len(self.same) >= self.limit

    def begin(self) -> None:
        """Note that there are no older batches: the first event of a node is that it left `pending`."""
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
