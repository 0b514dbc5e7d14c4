"""Checks edges: their ends, their ports, and that they form no cycle."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import graph
from engine.definition.validation.problem_list import ProblemList
from engine.problems import Fix, Path, format_value, nearest, pointer
from engine.sentences import Sentence, any_of
from engine.sentences import gettext_noop as _

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
NAME_RULE = Sentence(_("lowercase letters, digits and underscores, starting with a letter, at most 63 characters"))
_FIELDS = ("source", "target", "source_port", "target_port", "order")
_CYCLE_NODES_MAX = 20
"""Nodes of a cycle that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a node that edges may name as their source port."""

    names: tuple[str, ...] | None
    """None: unknown, because the node's type or config is invalid."""
    must_name: bool


@dataclass(slots=True)
class Link:
    """An edge between nodes that exist. Both ports are empty if one of them is invalid."""

    index: int
    source: str
    target: str
    source_port: str
    target_port: str
    order: bool
    """It hands no value on."""


def check_edges(edges: Sequence[Any], ports: Mapping[str, Ports], problems: ProblemList) -> list[Link]:
    """Report problems of all edges, cycles excepted; return the edges whose ends exist."""
    links = []
    for index, edge in enumerate(edges):
        problems.check_time()
        if (link := _check_edge(index, edge, ports, problems)) is not None:
            links.append(link)
    _check_target_ports(links, ports, problems)
    return links


def _check_edge(index: int, edge: Any, ports: Mapping[str, Ports], problems: ProblemList) -> Link | None:
    path: Path = ("edges", index)
    if not isinstance(edge, dict):
        problems.wrong_type(Sentence(_("An edge")), Sentence(_("an object")), edge, path)
        return None
    problems.unknown_fields(edge, _FIELDS, path)
    ends = [node for end in ("source", "target") if (node := _check_end(end, edge, path, ports, problems)) is not None]
    order = _check_order(edge, path, problems)
    target_port = edge.get("target_port")
    port_fits = target_port is None or (isinstance(target_port, str) and NAME.match(target_port) is not None)
    if not port_fits:
        message = _("The target port {value} is not valid. Use {rule}.")
        values = {"value": format_value(target_port), "rule": NAME_RULE}
        problems.add("wrong_name", Sentence(message, values), (*path, "target_port"))
    port = edge.get("source_port")
    source_ports = ports.get(edge["source"]) if isinstance(edge.get("source"), str) else None
    source_fits = source_ports is not None and _check_source_port(path, edge["source"], port, source_ports, problems)
    if len(ends) < 2:
        return None
    source, target = ends
    if not (port_fits and source_fits):
        # The edge still counts for cycles.
        return Link(index, source, target, "", "", order)
    return Link(index, source, target, port or "out", target_port or source, order)


def _check_order(edge: Mapping[str, Any], path: Path, problems: ProblemList) -> bool:
    """Report what is wrong with `order` of an edge; return whether the edge only orders."""
    order = edge.get("order", False)
    if not isinstance(order, bool):
        problems.wrong_type("order", Sentence(_("true or false")), order, (*path, "order"))
        return False
    if order and edge.get("target_port") is not None:
        place = (*path, "target_port")
        fix = Fix(Sentence(_("Remove {name}"), {"name": "target_port"}), [{"op": "remove", "path": pointer(place)}])
        sentence = Sentence(_("The edge only orders, so it needs no target port. Remove the target port."))
        problems.add("unused_target_port", sentence, place, fix=fix)
    return order is True


def _check_end(
    end: str, edge: Mapping[str, Any], path: Path, ports: Mapping[str, Ports], problems: ProblemList
) -> str | None:
    """Report what is wrong with `source` or `target`; return the id of the node, if it exists."""
    node, place = edge.get(end), (*path, end)
    if isinstance(node, str) and node in ports:
        return node
    if end not in edge:
        problems.add("missing_field", Sentence(_('Add "{field}", the id of a node.'), {"field": end}), place)
    elif not isinstance(node, str):
        problems.wrong_type(end, Sentence(_("the id of a node")), node, place)
    elif near := problems.near_node(node, ports):
        message = _('No node has the id {id}. Did you mean "{near}"?')
        values = {"id": format_value(node), "near": near}
        problems.add("unknown_node", Sentence(message, values), place, fix=Fix.use(near, place))
    else:
        message = _("No node has the id {id}. Correct it, or remove the edge.")
        fix = Fix(Sentence(_("Remove the edge")), [{"op": "remove", "path": pointer(path)}])
        problems.add("unknown_node", Sentence(message, {"id": format_value(node)}), place, fix=fix)
    return None


def _check_source_port(path: Path, source: str, port: Any, ports: Ports, problems: ProblemList) -> bool:
    """Report what is wrong with the source port of an edge; return whether it can be used."""
    place = (*path, "source_port")
    names = ports.names or ()
    if port is None and not ports.must_name and (ports.names is None or "out" in names):
        return True
    if port is None:
        message = _('The edge must name a port of "{node}": {ports}.') if names else _('Name a port of "{node}".')
        values = {"node": source, "ports": any_of(names)}
        problems.add("missing_source_port", Sentence(message, values), place, node=source)
    elif not isinstance(port, str):
        problems.wrong_type("source_port", Sentence(_("the name of a port")), port, place)
    elif ports.names is not None and port not in names:
        near = nearest(port, names) or (names[0] if len(names) == 1 else None)
        message = _('"{node}" has no port {port}. Use {ports}.') if names else _('"{node}" has no port {port}.')
        values = {"node": source, "port": format_value(port), "ports": any_of(names)}
        fix = Fix.use(near, place) if near else None
        problems.add("unknown_source_port", Sentence(message, values), place, node=source, fix=fix)
    else:
        return True
    return False


def _check_target_ports(links: Sequence[Link], ports: Mapping[str, Ports], problems: ProblemList) -> None:
    first: dict[tuple[str, str], Link] = {}
    seen: set[tuple[str, str, str, str]] = set()
    for link in links:
        if not link.target_port:
            continue
        place = (link.target, link.target_port)
        other = link if link.order else first.setdefault(place, link)
        whole = (link.source, link.source_port, *place)
        path = ("edges", link.index)
        if whole in seen:
            fix = Fix(Sentence(_("Remove this edge")), [{"op": "remove", "path": pointer(path)}])
            values = {"source": link.source, "target": link.target}
            message = _('There are two equal edges from "{source}" to "{target}". Remove one.')
            problems.add("duplicate_edge", Sentence(message, values), path, node=link.target, fix=fix)
        elif other is not link and not (other.source == link.source and ports[link.source].must_name):
            message = _(
                'Two edges bring "{port}" to "{node}": from "{a}" and from "{b}". Give one of them another target port.'
            )
            values = {"node": link.target, "port": link.target_port, "a": other.source, "b": link.source}
            problems.add("duplicate_target_port", Sentence(message, values), (*path, "target_port"), node=link.target)
        seen.add(whole)


def check_cycles(nodes: Sequence[str], links: Sequence[Link], problems: ProblemList) -> bool:
    """Report one cycle of each strongly connected part; return whether the graph has no cycle."""
    cycles = graph.find_cycles(nodes, [(link.source, link.target) for link in links])
    for cycle in cycles:
        closing = next(link for link in links if link.source == cycle[-1] and link.target == cycle[0])
        if len(cycle) == 1:
            sentence = Sentence(_('"{node}" is connected to itself. Remove the edge.'), {"node": cycle[0]})
        else:
            names = cycle[:_CYCLE_NODES_MAX]
            if len(cycle) > _CYCLE_NODES_MAX:
                names.append(f"… (+{len(cycle) - _CYCLE_NODES_MAX}) …")
            message = _("These nodes form a cycle: {nodes}. Remove one of its edges.")
            sentence = Sentence(message, {"nodes": " → ".join([*names, cycle[0]])})
        path = ("edges", closing.index)
        ends = {"source": closing.source, "target": closing.target}
        label = Sentence(_("Remove the edge {source} → {target}"), ends)
        fix = Fix(label, [{"op": "remove", "path": pointer(path)}])
        problems.add("cycle", sentence, path, node=cycle[0], fix=fix)
    return not cycles
