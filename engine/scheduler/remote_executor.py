"""The scheduler and an executor whose works stand in the database: what differs from one in its own process.

Work is written in the tick that admits it and taken out in the tick that takes its end, so what is under way is what
the database says; and each queue has workers of its own, so lines wait by queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.executors.base import PREFETCH_MAX, Credit, RemoteExecutor, Report, ReportBatch, Work
from engine.scheduler.core import Core
from engine.scheduler.envelopes import Envelopes
from engine.scheduler.memory import NodeState


class QueueRoom:
    """What the workers of each queue will take in this tick, counting what was granted."""

    __slots__ = ("credits", "envelopes", "executor", "full", "works")

    def __init__(self, executor: RemoteExecutor, envelopes: Envelopes) -> None:
        self.executor = executor
        self.envelopes = envelopes
        self.credits = executor.credits()
        self.full: set[str] = set()
        """Queues of which one was refused: nobody behind it overtakes."""
        self.works: dict[NodeState, Work] = {}

    def __call__(self, node: NodeState) -> bool:
        queue = node.plan.policy.queue
        credits = self.credits.get(queue)
        if credits is None or queue in self.full:
            return False
        work = self.envelopes.sketch(node)
        work.queue = queue
        work.short = self.executor.is_short(work)
        if not _take(credits, work.short):
            self.full.add(queue)
            return False
        self.works[node] = work
        return True


def _take(credits: Iterable[Credit], short: bool) -> bool:
    if all(one.idle > 0 for one in credits):
        for one in credits:
            one.idle -= 1
            # What an idle process could be sent ahead it cannot be behind a long node.
            one.prefetch -= 1 if short else PREFETCH_MAX
        return True
    if not short or any(one.prefetch <= 0 for one in credits):
        return False
    for one in credits:
        one.idle -= 1
        one.prefetch -= 1
    return True


def admit(core: Core, executor: RemoteExecutor, envelopes: Envelopes, asked: set[str]) -> tuple[QueueRoom, set[str]]:
    """Send what may start. `asked`: claims that were asked back once; what it is from now on."""
    core.served = executor.served_queues()
    room = QueueRoom(executor, envelopes)
    core.admit(room)
    firsts = core.first_of_each()
    if not firsts:
        return room, asked

    def stands_behind(node: NodeState) -> bool:
        first = firsts.get(node.plan.policy.queue)
        return first is not None and node.state == "ready" and node.key > first.key

    # Somebody stands before what was sent ahead and has not begun: that comes back and lines up again.
    if any(claim not in asked and stands_behind(node) for claim, node in core.claims.items()):
        asked = {claim for claim, node in core.claims.items() if node.state == "ready"}
        core.changes.take_back = True
    return room, asked


def without_batches(reports: Iterable[Report | ReportBatch]) -> Sequence[Report | ReportBatch]:
    """Reports that memory alone has: the others stand in the database, unless they were taken up."""
    return [report for report in reports if type(report) is not ReportBatch]
