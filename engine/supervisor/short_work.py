"""Which work is known to be short, so that it may be sent ahead. Pure."""

from __future__ import annotations

from typing import Protocol

from engine.executors.base import Work


class WorkKind(Protocol):
    """What a work is remembered by."""

    workflow: str
    node: str
    entry: str


SHORT_SECONDS = 0.05
STREAK = 4
"""Short attempts of one kind in a row after which the next ones are believed to be short too."""
KINDS_MAX = 4096


class ShortWork:
    """Remembers how long attempts took, by node and by the code that runs a node type."""

    __slots__ = ("_nodes", "_types")

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], bool] = {}
        """(workflow, node) -> whether its last attempt was short and printed nothing."""
        self._types: dict[str, int] = {}
        """Entry -> short attempts since the last that was not."""

    def is_short(self, work: Work) -> bool:
        """Whether `work` is believed to take less than 50 ms: by the author's or learned figure, else by the past."""
        if work.expected is not None and work.expected >= SHORT_SECONDS:
            return False
        known = self._nodes.get((work.workflow, work.node))
        if known is not None:
            return known
        return work.expected is not None or self._types.get(work.entry, 0) >= STREAK

    def record(self, work: WorkKind, seconds: float, printed: bool) -> None:
        """An attempt ended. One that prints counts as long: its output must not meet that of the next one."""
        short = seconds < SHORT_SECONDS and not printed
        self._remember(work, short)
        entry = work.entry
        self._types[entry] = self._types.get(entry, 0) + 1 if short else 0

    def mark_long(self, work: WorkKind) -> None:
        """Count the node as long until an attempt of it has ended."""
        self._remember(work, False)

    def _remember(self, work: WorkKind, short: bool) -> None:
        if len(self._nodes) >= KINDS_MAX:
            self._nodes.clear()
        self._nodes[work.workflow, work.node] = short
