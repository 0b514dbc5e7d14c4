"""Graph algorithms over ids, none of them recursive: a definition may be a chain of 10,000 nodes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush


def topological(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the ids with every source before its targets, otherwise in the order of `nodes`.

    Nodes on a cycle and downstream of one are left out: the graph has no cycle if all nodes are in the result.
    """
    index = {node: place for place, node in enumerate(nodes)}
    targets: list[list[int]] = [[] for _ in nodes]
    missing = [0] * len(nodes)
    for source, target in edges:
        behind = index[target]
        targets[index[source]].append(behind)
        missing[behind] += 1
    free = [place for place, count in enumerate(missing) if not count]
    heapify(free)
    order: list[str] = []
    while free:
        place = heappop(free)
        order.append(nodes[place])
        for behind in targets[place]:
            missing[behind] -= 1
            if not missing[behind]:
                heappush(free, behind)
    return order


def find_cycles(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return one short cycle of every strongly connected component, each as ids in the direction of the edges."""
    edges = list(edges)
    sorted_out = set(topological(nodes, edges))
    rest = [node for node in nodes if node not in sorted_out]
    if not rest:
        return []
    targets: dict[str, list[str]] = {node: [] for node in rest}
    for source, target in edges:
        if source in targets and target in targets:
            targets[source].append(target)
    cycles = []
    for part in _components(rest, targets):
        first = min(part, key=rest.index) if len(part) < 50 else part[-1]
        if len(part) > 1 or first in targets[first]:
            cycles.append(_cycle_through(first, set(part), targets))
    return cycles


def _components(nodes: Sequence[str], targets: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the strongly connected components (Tarjan 1972, with an explicit stack)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for root in nodes:
        if root in number:
            continue
        work = [(root, iter(targets[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, waiting = work[-1]
            for target in waiting:
                if target not in number:
                    number[target] = low[target] = len(number)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(targets[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    part = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        part.append(member)
                        if member == node:
                            break
                    found.append(part)
    return found


def _cycle_through(start: str, part: set[str], targets: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a shortest cycle through `start` in its strongly connected component (breadth-first search)."""
    came_from: dict[str, str] = {}
    level = [start]
    while level:
        following: list[str] = []
        for node in level:
            for target in targets[node]:
                if target == start:
                    cycle = [node]
                    while cycle[-1] != start:
                        cycle.append(came_from[cycle[-1]])
                    return cycle[::-1]
                if target in part and target not in came_from:
                    came_from[target] = node
                    following.append(target)
        level = following
    raise AssertionError("a strongly connected component has a cycle through each of its nodes")


def ancestors(order: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return for each id of `order` (topological) a bit set of all ids upstream of it: bit i is `order[i]`.

    10,000 nodes have up to 50,000,000 (node, ancestor) pairs; as bits of integers they take at most 12 MB.
    """
    place = {node: index for index, node in enumerate(order)}
    sources: dict[str, list[str]] = {node: [] for node in order}
    for source, target in edges:
        sources[target].append(source)
    above: dict[str, int] = {}
    for node in order:
        bits = 0
        for source in sources[node]:
            bits |= above[source] | (1 << place[source])
        above[node] = bits
    return above
