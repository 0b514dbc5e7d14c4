"""Expressions in the configs of a document: that they can be read, and that they read what exists by then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import expressions, graph
from engine.nodes.base import NodeType
from engine.problems import Path, listed, nearest, shown
from engine.validation.report import Report


def check_expressions(
    nodes: Sequence[tuple[int, dict[str, Any], NodeType]],
    ids: Sequence[str],
    pairs: Sequence[tuple[str, str]] | None,
    declared: Any,
    report: Report,
) -> None:
    """Problems of all expressions. `pairs`: (source, target) of the edges; None: the graph has a cycle."""
    known = set(ids)
    above: _Above | None = None
    for index, node, node_type in nodes:
        config = node.get("config")
        if not config:
            continue
        for place in expressions.places(node_type.config, config):
            path: Path = ("nodes", index, "config", *place.path)
            for fault in expressions.faults(place):
                report.add(fault.code, fault.message, path, node=node["id"], line=fault.line)
            reads = expressions.references(place)
            _check_inputs(reads.inputs, declared, path, node["id"], report)
            for name in reads.nodes:
                if name not in known:
                    near = nearest(name, ids[:1000])
                    hint = f'Did you mean "{near}"?' if near else "Correct the id."
                    message = f"An expression reads nodes.{name}.output, and no node has the id {shown(name)}. {hint}"
                    report.add("unknown_node", message, path, node=node["id"])
                elif pairs is not None:
                    above = above or _Above(ids, pairs)
                    if not above.is_upstream(name, node["id"]):
                        message = (
                            f'An expression reads nodes.{name}.output, but "{name}" does not run before '
                            f'"{node["id"]}". '
                            f'Draw an edge from "{name}" to "{node["id"]}", or to a node before it.'
                        )
                        report.add("not_upstream", message, path, node=node["id"])


class _Above:
    """Which nodes lie upstream of which, looked up once a document needs it."""

    def __init__(self, ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
        order = graph.topological(ids, pairs)
        self.place = {node: index for index, node in enumerate(order)}
        self.above = graph.ancestors(order, pairs)

    def is_upstream(self, node: str, of: str) -> bool:
        return bool(self.above[of] >> self.place[node] & 1)


def _check_inputs(names: Sequence[str], declared: Any, path: Path, node: str, report: Report) -> None:
    if not names:
        return
    if declared is None:
        message = (
            f"An expression reads inputs.{names[0]}, and the definition declares no inputs. "
            f'Declare it: "inputs": {{"type": "object", "properties": {{"{names[0]}": {{...}}}}}}.'
        )
        report.add("unknown_input", message, path, node=node)
        return
    properties = declared.get("properties", {}) if isinstance(declared, dict) else None
    if not isinstance(properties, dict):
        return
    for name in names:
        if name not in properties:
            near = nearest(name, properties)
            hint = f'Did you mean "{near}"?' if near else f"Declared: {listed(list(properties)[:20]) or 'none'}."
            message = f"An expression reads inputs.{name}, which the definition does not declare. {hint}"
            severity = "error" if declared.get("additionalProperties") is False or near else "warning"
            report.add("unknown_input", message, path, node=node, severity=severity)
