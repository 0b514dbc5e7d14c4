"""How much work an executor takes in one tick, counted down as nodes are admitted.

Nothing is dispatched before the tick is written, so the executor cannot count the nodes itself. A room is called with
each node that may start, in order. It returns whether there is room for the node, and then keeps the node's work.
"""

from collections.abc import Iterable

from engine.executors.base import PREFETCH_MAX, Credit, Executor, RemoteExecutor, Work
from engine.scheduler.core.state import NodeState
from engine.scheduler.envelopes import Envelopes


class LocalRoom:
    """The node processes of this host."""

    __slots__ = ("envelopes", "executor", "idle", "prefetch", "takes_short", "works")

    def __init__(self, executor: Executor, envelopes: Envelopes) -> None:
        self.executor = executor
        self.envelopes = envelopes
        self.idle = executor.idle_credit()
        self.prefetch = executor.prefetch_credit()
        self.takes_short: dict[str, bool] = {}
        """Interpreter -> whether short work would be taken."""
        self.works: dict[NodeState, Work] = {}

    def __call__(self, node: NodeState) -> bool:
        if self.idle <= 0 and self.prefetch <= 0:
            return False
        work = self.envelopes.sketch(node)
        short = self.executor.is_short(work)
        if self.idle > 0:
            self.idle -= 1
            # Behind long work nothing can be prefetched.
            self.prefetch -= 1 if short else PREFETCH_MAX
        elif short and self._takes_short(work):
            self.prefetch -= 1
        else:
            return False
        self.works[node] = work
        return True

    def _takes_short(self, work: Work) -> bool:
        taken = self.takes_short.get(work.python)
        if taken is None:
            taken = self.takes_short[work.python] = self.executor.has_room(work)
        return taken


class RemoteRoom:
    """The hosts that take work from each Celery queue."""

    __slots__ = ("credits", "envelopes", "executor", "full", "works")

    def __init__(self, executor: RemoteExecutor, envelopes: Envelopes) -> None:
        self.executor = executor
        self.envelopes = envelopes
        self.credits = executor.credits()
        self.full: set[str] = set()
        """Queues that had no room for a node: no later node overtakes it."""
        self.works: dict[NodeState, Work] = {}

    def __call__(self, node: NodeState) -> bool:
        queue = node.plan.policy.queue
        credits = self.credits.get(queue)
        if credits is None or queue in self.full:
            return False
        work = self.envelopes.sketch(node)
        work.queue = queue
        # What a host had when it fell silent counts as lost. That must not fail a node that is never to be lost.
        work.short = node.plan.policy.lost_retries > 0 and self.executor.is_short(work)
        if not _take(credits, work.short):
            self.full.add(queue)
            return False
        self.works[node] = work
        return True


def _take(credits: Iterable[Credit], short: bool) -> bool:
    if all(credit.idle > 0 for credit in credits):
        for credit in credits:
            credit.idle -= 1
            # Behind long work nothing can be prefetched.
            credit.prefetch -= 1 if short else PREFETCH_MAX
        return True
    if not short or any(credit.prefetch <= 0 for credit in credits):
        return False
    for credit in credits:
        credit.idle -= 1
        credit.prefetch -= 1
    return True
