"""Edges: their ends, their ports, and that they make no cycle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import graph
from engine.definition.validation.report import Report
from engine.problems import Path, listed, nearest, pointer, shown

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
NAME_WORDS = "small letters, digits and _, starting with a letter, at most 63 characters"
_FIELDS = ("source", "target", "source_port", "target_port")
_CYCLE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Ports:
    """What edges out of a node may say."""

    names: tuple[str, ...] | None
    """None: not known, for the node's type or config is wrong."""
    must_name: bool


@dataclass(slots=True)
class Link:
    """An edge with both ends known."""

    index: int
    source: str
    target: str
    source_port: str
    target_port: str
    explicit_target_port: bool


def check_edges(edges: Sequence[Any], ports: Mapping[str, Ports], report: Report) -> list[Link]:
    """Problems of all edges, cycles excepted; the edges whose ends exist."""
    links = []
    for index, edge in enumerate(edges):
        link = _check_edge(index, edge, ports, report)
        if link is not None:
            links.append(link)
    _check_target_ports(links, ports, report)
    return links


def _check_edge(index: int, edge: Any, ports: Mapping[str, Ports], report: Report) -> Link | None:
    path: Path = ("edges", index)
    if not isinstance(edge, dict):
        report.add("wrong_type", f"An edge must be an object, not {shown(edge)}.", path)
        return None
    if not edge.keys() <= {"source", "target", "source_port", "target_port"}:
        report.unknown_fields(edge, _FIELDS, path, "An edge")
    ends = []
    for end in ("source", "target"):
        node = edge.get(end)
        if isinstance(node, str) and node in ports:
            ends.append(node)
        elif end not in edge:
            report.add("missing_field", f'An edge needs "{end}", the id of a node. Add it.', (*path, end))
        elif not isinstance(node, str):
            report.add("wrong_type", f"{end} must be the id of a node, not {shown(node)}.", (*path, end))
        else:
            near = nearest(node, ports)
            hint = f'Did you mean "{near}"?' if near else "Correct it, or remove the edge."
            fix = (
                (f"Use {near}", [{"op": "replace", "path": pointer((*path, end)), "value": near}])
                if near
                else ("Remove the edge", [{"op": "remove", "path": pointer(path)}])
            )
            report.add(
                "unknown_node",
                f"The edge's {end} is {shown(node)}, and no node has that id. {hint}",
                (*path, end),
                fix=fix,
            )
    target_port = edge.get("target_port")
    port_fits = target_port is None or (isinstance(target_port, str) and NAME.match(target_port) is not None)
    if not port_fits:
        message = f"target_port must be a name ({NAME_WORDS}), not {shown(target_port)}."
        report.add("wrong_name", message, (*path, "target_port"))
    port = edge.get("source_port")
    known = ports.get(edge["source"]) if isinstance(edge.get("source"), str) else None
    source_fits = known is not None and _source_port_fits(path, edge["source"], port, known, report)
    if len(ends) < 2:
        return None
    source, target = ends
    if not (port_fits and source_fits):
        # Its way through the graph is known all the same, so a cycle through it is found.
        return Link(index, source, target, "", "", False)
    return Link(index, source, target, port or "out", target_port or source, target_port is not None)


def _source_port_fits(path: Path, source: str, port: Any, known: Ports, report: Report) -> bool:
    place = (*path, "source_port")
    if port is None:
        if known.must_name:
            names = known.names or ()
            which = f": {listed(names)}" if names else ""
            message = f'The edge leaves the branch "{source}" and must name its source_port{which}.'
            report.add("missing_source_port", message, place, node=source)
            return False
        if known.names is None or "out" in known.names:
            return True
        message = f'Node "{source}" has no port "out". Name the source_port: {listed(known.names)}.'
        report.add("missing_source_port", message, place, node=source)
        return False
    if not isinstance(port, str):
        report.add("wrong_type", f"source_port must be the name of a port, not {shown(port)}.", place)
        return False
    if known.names is not None and port not in known.names:
        near = nearest(port, known.names) or (known.names[0] if len(known.names) == 1 else None)
        fix = (f"Use {near}", [{"op": "replace", "path": pointer(place), "value": near}]) if near else None
        message = (
            f'Node "{source}" has no port {shown(port)}; it has {listed(known.names) or "none"}. Name one of these.'
        )
        report.add("unknown_source_port", message, place, node=source, fix=fix)
        return False
    return True


def _check_target_ports(links: Sequence[Link], ports: Mapping[str, Ports], report: Report) -> None:
    first: dict[tuple[str, str], Link] = {}
    seen: set[tuple[str, str, str, str]] = set()
    for link in links:
        if not link.target_port:
            continue
        place = (link.target, link.target_port)
        other = first.setdefault(place, link)
        whole = (link.source, link.source_port, *place)
        path = ("edges", link.index)
        if whole in seen:
            fix = ("Remove this edge", [{"op": "remove", "path": pointer(path)}])
            message = (
                f'Edges {other.index} and {link.index} both go from "{link.source}" to "{link.target}". Remove one.'
            )
            report.add("duplicate_edge", message, path, node=link.target, fix=fix)
        elif other is not link and not (other.source == link.source and ports[link.source].must_name):
            message = (
                f'Node "{link.target}" gets "{link.target_port}" from two edges, from "{other.source}" and from '
                f'"{link.source}". Give one of them another target_port.'
            )
            report.add("duplicate_target_port", message, (*path, "target_port"), node=link.target)
        seen.add(whole)


def check_cycles(nodes: Sequence[str], links: Sequence[Link], report: Report) -> bool:
    """Whether the graph has no cycle; one of each tangle is reported with its nodes."""
    cycles = graph.find_cycles(nodes, [(link.source, link.target) for link in links])
    for cycle in cycles:
        closing = next(link for link in links if link.source == cycle[-1] and link.target == cycle[0])
        if len(cycle) == 1:
            text = f'Node "{cycle[0]}" has an edge to itself. Remove it.'
        else:
            named = [*cycle[:_CYCLE_SHOWN], f"… {len(cycle) - _CYCLE_SHOWN} more …"][: len(cycle) or None]
            text = f"The nodes {' → '.join([*named, cycle[0]])} form a cycle. Remove one of its edges."
        path = ("edges", closing.index)
        label = f"Remove the edge {closing.source} → {closing.target}"
        report.add("cycle", text, path, node=cycle[0], fix=(label, [{"op": "remove", "path": pointer(path)}]))
    return not cycles
