"""What nodes are known to output before a run, and where that cannot be used."""

from collections.abc import Mapping, Sequence, Set

from engine.definition.validation.edges import Link
from engine.definition.validation.problem_list import ProblemList
from engine.nodes.base import NodeType
from engine.problems import Fix, pointer
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _


def tables(types: Mapping[str, NodeType], links: Sequence[Link]) -> frozenset[str]:
    """Return the nodes whose output is a table whenever they succeed."""
    found = {name for name, node_type in types.items() if node_type.output == "table"}
    if not found:
        return frozenset()
    passing: dict[str, set[str]] = {name: set() for name, one in types.items() if one.output == "input"}
    for link in links:
        if not link.order and link.target in passing:
            passing[link.target].add(link.source)
    others: set[str] = set()
    for start in passing:
        way, name = [], start
        while name in passing and name not in found and name not in others and len(passing[name]) == 1:
            way.append(name)
            others.add(name)
            (name,) = passing[name]
        if name in found:
            found.update(way)
            others.difference_update(way)
    return frozenset(found)


def check_single_tables(
    types: Mapping[str, NodeType],
    certain: Set[str],
    links: Sequence[Link],
    found_tables: frozenset[str],
    problems: ProblemList,
) -> None:
    """Report second tables that reach a node which takes one.

    `certain`: the nodes that start only when everything upstream has succeeded; others may get one table after all.
    """
    first: dict[str, Link] = {}
    for link in links:
        if link.order or link.source not in found_tables or link.target not in certain:
            continue
        node_type = types.get(link.target)
        if node_type is None or not node_type.one_table:
            continue
        other = first.setdefault(link.target, link)
        if other.target_port == link.target_port:
            # Ports of one branch: one of them is taken.
            continue
        path = ("edges", link.index)
        change = {"op": "add", "path": pointer((*path, "order")), "value": True}
        message = _(
            '"{node}" takes one table, but "{a}" and "{b}" bring one each. Remove an edge, or let it only order.'
        )
        values = {"node": link.target, "a": other.source, "b": link.source}
        fix = Fix(Sentence(_("Let the edge from {source} only order"), {"source": link.source}), [change])
        problems.add("second_table", Sentence(message, values), path, node=link.target, fix=fix)
