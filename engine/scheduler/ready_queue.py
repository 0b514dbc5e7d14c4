"""Lines of ready nodes: heaps by key, from which a node leaves by its ticket.

Pure. The key is `ready_at + priority x aging`: waiting and priority trade at a fixed rate, so order never
changes while nodes wait, and the heap never needs sorting again. A node stands in one line at a time: the common
one, or parked with the pool or the run whose limit it waits for, where it blocks nobody else.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.scheduler.memory import NodeState


_tickets = itertools.count(1)
"""Never the same twice: a run that was read again has other objects with the same keys."""


class Line:
    """A heap of nodes. Entries whose ticket the node has given up are void, and dropped when they come up."""

    __slots__ = ("heap",)

    def __init__(self) -> None:
        self.heap: list[tuple[tuple[float, int, int], int, NodeState]] = []

    def push(self, node: NodeState) -> None:
        """Put `node` here; it leaves the line in which it stood."""
        node.ticket = next(_tickets)
        heapq.heappush(self.heap, (node.key, node.ticket, node))

    def first(self) -> NodeState | None:
        """The node with the smallest key; it stays."""
        heap = self.heap
        while heap:
            _, ticket, node = heap[0]
            if node.ticket == ticket:
                return node
            heapq.heappop(heap)
        return None

    def pop(self) -> NodeState | None:
        """Take the first out."""
        node = self.first()
        if node is not None:
            heapq.heappop(self.heap)
            node.ticket = 0
        return node

    def __len__(self) -> int:
        """Nodes that stand here (counts; not for the hot path)."""
        return sum(1 for _, ticket, node in self.heap if node.ticket == ticket)


def leave(node: NodeState) -> None:
    """Take `node` out of whatever line it stands in."""
    node.ticket = 0
