"""Durations to learn from runs that ended, kept until the scheduler has a moment. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from engine.scheduler.memory import RunState

AT_ONCE = 100
KEPT = 20_000
"""Nodes whose durations wait; beyond that the oldest are given up: they are a forecast, no record."""

Stat = tuple[str, str, list[float], float | None]


class Learning:
    """(workflow, node) -> seconds of successes."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def note(self, run: RunState) -> None:
        """A run ended. Draft runs teach nothing."""
        if run.draft:
            return
        for node in run.nodes:
            if node is not None and node.seconds is not None:
                self.waiting.setdefault((run.workflow, node.plan.id), []).append(node.seconds)
        while len(self.waiting) > KEPT:
            self.waiting.popitem(last=False)

    def take(self, learn: Callable[[str, str, list[float]], Stat]) -> list[Stat]:
        """Some of it, as rows to write."""
        stats = []
        for _ in range(min(AT_ONCE, len(self.waiting))):
            (workflow, node), seconds = self.waiting.popitem(last=False)
            stats.append(learn(workflow, node, seconds))
        return stats
