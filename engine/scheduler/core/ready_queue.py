"""Queues of ready nodes, ordered by key. Pure.

The key is `ready_at + priority x aging` (see engine.admission.rules): a step of priority is worth a fixed time, so the
order of two nodes never changes while they wait. A node is in one queue at a time: the common ready queue, or parked in
the queue of the pool, run or Celery queue that it waits for, where it blocks nobody else.
"""

import heapq
import itertools
from typing import Generic, Protocol, TypeVar


class Queueable(Protocol):
    """What a queue needs of its entries."""

    key: tuple[float, int, int]
    ticket: int


T = TypeVar("T", bound=Queueable)

# Tickets are never used twice, because a run that is read again has new objects with the same keys.
_tickets = itertools.count(1)


class ReadyQueue(Generic[T]):
    """A heap of nodes. An entry is void once its node has another ticket, and is dropped when it is the first."""

    __slots__ = ("heap",)

    def __init__(self) -> None:
        self.heap: list[tuple[tuple[float, int, int], int, T]] = []

    def push(self, node: T) -> None:
        """Add `node`, which leaves the queue that it was in."""
        node.ticket = next(_tickets)
        heapq.heappush(self.heap, (node.key, node.ticket, node))

    def first(self) -> T | None:
        """Return the node with the smallest key, which stays; None: the queue is empty."""
        heap = self.heap
        while heap:
            _, ticket, node = heap[0]
            if node.ticket == ticket:
                return node
            heapq.heappop(heap)
        return None

    def pop(self) -> T | None:
        """Remove and return the node with the smallest key."""
        node = self.first()
        if node is not None:
            heapq.heappop(self.heap)
            node.ticket = 0
        return node


def leave(node: Queueable) -> None:
    """Remove `node` from the queue that it is in, if any."""
    node.ticket = 0
