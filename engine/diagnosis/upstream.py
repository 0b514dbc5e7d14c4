"""Which nodes wait for which: what lies downstream of nodes, and what a pending node really waits for. Pure.

Nothing here recurses, and every node is visited once: a definition may be a chain of 10,000 nodes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from engine.definition import Document

T = TypeVar("T")


def downstream_of(document: Document, nodes: Iterable[str], most: int | None = None) -> list[str]:
    """Return the nodes downstream of `nodes`, the nearest first; at most `most` of them."""
    seen = set(nodes)
    queue, found = deque(seen), []
    while queue:
        for edge in document.downstream.get(queue.popleft(), ()):
            if edge.target not in seen:
                seen.add(edge.target)
                queue.append(edge.target)
                found.append(edge.target)
                if len(found) == most:
                    return found
    return found


def upstream_of(document: Document, node: str) -> set[str]:
    """Return the nodes upstream of `node`."""
    seen: set[str] = set()
    stack = [node]
    while stack:
        for edge in document.upstream.get(stack.pop(), ()):
            if edge.source not in seen:
                seen.add(edge.source)
                stack.append(edge.source)
    return seen


def roots(document: Document, active: Mapping[str, T], blame: Callable[[T], Any]) -> dict[str, T]:
    """Return, for each node downstream of `active` nodes, the one of them with the greatest `blame`."""
    found: dict[str, T] = {}
    for name in sorted(active, key=lambda name: blame(active[name]), reverse=True):
        # Everything downstream of a node that is found already has a root with greater blame.
        stack = [name]
        while stack:
            for edge in document.downstream.get(stack.pop(), ()):
                if edge.target not in found:
                    found[edge.target] = active[name]
                    stack.append(edge.target)
    return found
