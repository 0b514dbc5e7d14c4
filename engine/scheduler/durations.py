"""Learned durations: those of each node's last successes, and those of ended runs that are still to be learned."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from cachetools import LRUCache

from engine.scheduler.core.state import RunState

LEARNED_MAX = 50
"""Successes of a node that count."""
LEARNED_MIN = 3
"""Successes that a median needs."""
AT_ONCE = 100
"""Nodes whose durations are learned in one tick."""
WAITING_MAX = 20_000
"""Nodes whose durations may wait. Beyond that the oldest are dropped, because durations serve only as a forecast."""

DurationRow = tuple[str, str, list[float], float | None]
"""(workflow, node, seconds of the last successes, median)."""


@dataclass(slots=True)
class _Workflow:
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Node -> seconds of its last successes, the oldest first."""
    medians: dict[str, float] = field(default_factory=dict)


class LearnedDurations:
    """Durations by workflow, read when they are first needed. Only the leading scheduler changes them."""

    def __init__(self, read: Callable[[str], Iterable[tuple[str, list[float], float | None]]]) -> None:
        """`read` gives (node, seconds, median) of a workflow from the database."""
        self._read = read
        self._workflows: LRUCache[str, _Workflow] = LRUCache(maxsize=256)

    def medians(self, workflow: str) -> Mapping[str, float]:
        """Return {node: seconds} of a workflow."""
        return self._workflow(workflow).medians

    def _workflow(self, name: str) -> _Workflow:
        found = self._workflows.get(name)
        if found is None:
            found = self._workflows[name] = _Workflow()
            for node, seconds, middle in self._read(name):
                found.seconds[node] = list(seconds)
                if middle is not None:
                    found.medians[node] = middle
        return found

    def add(self, name: str, node: str, seconds: list[float]) -> DurationRow:
        """Add successes of a node; return the row to write."""
        workflow = self._workflow(name)
        last = [*workflow.seconds.get(node, ()), *(round(value, 6) for value in seconds)][-LEARNED_MAX:]
        workflow.seconds[node] = last
        middle = None
        if len(last) >= LEARNED_MIN:
            middle = workflow.medians[node] = median(last)
        return name, node, last, middle

    def clear(self) -> None:
        """Forget all durations, so that they are read again."""
        self._workflows.clear()


class DurationQueue:
    """Durations of ended runs, kept until the scheduler has time to learn them. Pure."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, run: RunState) -> None:
        """Queue the durations of a run that ended. Nothing is learned from runs of drafts."""
        if run.draft:
            return
        for node in run.nodes:
            if node is not None and node.seconds is not None:
                self._waiting.setdefault((run.workflow, node.plan.id), []).append(node.seconds)
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)

    def take(self, learned: LearnedDurations) -> list[DurationRow]:
        """Learn some of them; return the rows to write."""
        rows = []
        for _ in range(min(AT_ONCE, len(self._waiting))):
            (workflow, node), seconds = self._waiting.popitem(last=False)
            rows.append(learned.add(workflow, node, seconds))
        return rows
