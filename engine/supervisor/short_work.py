"""Predicts which work is short, so that it can be dispatched ahead of time. Pure."""

from typing import Protocol

from engine.executors.base import Work

SHORT_SECONDS = 0.05
STREAK = 4
"""Short attempts of one node type in a row after which its next attempts are expected to be short."""
NODES_MAX = 4096


class WorkKey(Protocol):
    """The part of a work by which its duration is remembered."""

    workflow: str
    node: str
    entry: str


class ShortWork:
    """Remembers which attempts were short, by node and by the module that runs the node type."""

    __slots__ = ("_nodes", "_streaks")

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], bool] = {}
        """(workflow, node) -> whether its last attempt was short and printed nothing."""
        self._streaks: dict[str, int] = {}
        """Entry -> short attempts since the last one that was not."""

    def is_short(self, work: Work) -> bool:
        """Return whether `work` is expected to take less than 50 ms.

        The last attempt of the node decides; before the first one, the expected duration or the node type.
        """
        if work.expected is not None and work.expected >= SHORT_SECONDS:
            return False
        was_short = self._nodes.get((work.workflow, work.node))
        if was_short is not None:
            return was_short
        return work.expected is not None or self._streaks.get(work.entry, 0) >= STREAK

    def record(self, work: WorkKey, seconds: float, printed: bool) -> None:
        """Remember an ended attempt. One that prints counts as long: its output must not mix with the next one's."""
        short = seconds < SHORT_SECONDS and not printed
        self._remember(work, short)
        self._streaks[work.entry] = self._streaks.get(work.entry, 0) + 1 if short else 0

    def mark_long(self, work: WorkKey) -> None:
        """Count the node as long until an attempt of it has ended."""
        self._remember(work, False)

    def _remember(self, work: WorkKey, short: bool) -> None:
        if len(self._nodes) >= NODES_MAX:
            self._nodes.clear()
        self._nodes[work.workflow, work.node] = short
