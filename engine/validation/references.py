"""Expressions in the configs of a document: that they can be read, and that they read what exists by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import expressions, graph
from engine.celtext import Reads
from engine.nodes.base import NodeType
from engine.problems import Path, listed, nearest, shown
from engine.validation.report import Report


@dataclass(frozen=True, slots=True)
class Reader:
    """A text with expressions, and what they read."""

    node: str
    path: Path
    reads: Reads


def check_expressions(
    config: Any, node_type: NodeType, path: Path, node: str | None, report: Report
) -> list[tuple[Path, Reads]]:
    """Problems of the expressions of one config (at `path`, fitting its type) on their own; what each place reads."""
    found = []
    for place in expressions.places(node_type.config, config):
        whole = (*path, *place.path)
        for fault in expressions.faults(place):
            report.add(fault.code, fault.message, whole, node=node, line=fault.line)
        reads = expressions.references(place)
        if reads.nodes or reads.inputs:
            found.append((whole, reads))
    return found


def check_references(
    readers: Sequence[Reader],
    ids: Sequence[str],
    pairs: Sequence[tuple[str, str]] | None,
    declared: Any,
    report: Report,
) -> None:
    """Problems of what expressions read. `pairs`: (source, target) of the edges; None: the graph has a cycle."""
    known = set(ids)
    above: _Above | None = None
    for reader in readers:
        _check_inputs(reader, declared, report)
        for name in reader.reads.nodes:
            if name not in known:
                near = nearest(name, ids[:1000])
                hint = f'Did you mean "{near}"?' if near else "Correct the id."
                message = f"An expression reads nodes.{name}.output, and no node has the id {shown(name)}. {hint}"
                report.add("unknown_node", message, reader.path, node=reader.node)
            elif pairs is not None:
                above = above or _Above(ids, pairs)
                if not above.is_upstream(name, reader.node):
                    message = (
                        f'An expression reads nodes.{name}.output, but "{name}" does not run before "{reader.node}". '
                        f'Draw an edge from "{name}" to "{reader.node}", or to a node before it.'
                    )
                    report.add("not_upstream", message, reader.path, node=reader.node)


class _Above:
    """Which nodes lie upstream of which, looked up once a document needs it."""

    def __init__(self, ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
        order = graph.topological(ids, pairs)
        self.place = {node: index for index, node in enumerate(order)}
        self.above = graph.ancestors(order, pairs)

    def is_upstream(self, node: str, of: str) -> bool:
        return bool(self.above[of] >> self.place[node] & 1)


def _check_inputs(reader: Reader, declared: Any, report: Report) -> None:
    names = reader.reads.inputs
    if not names:
        return
    if declared is None:
        message = (
            f"An expression reads inputs.{names[0]}, and the definition declares no inputs. "
            f'Declare it: "inputs": {{"type": "object", "properties": {{"{names[0]}": {{...}}}}}}.'
        )
        report.add("unknown_input", message, reader.path, node=reader.node)
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
            report.add("unknown_input", message, reader.path, node=reader.node, severity=severity)
