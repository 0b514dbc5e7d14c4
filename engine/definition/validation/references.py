"""Expressions in the configs of a document: that they can be read, and that they read what exists by then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import expressions, graph
from engine.caching import sized_cache
from engine.definition.validation.report import Report
from engine.expressions.variables import Reads
from engine.nodes.base import NodeType
from engine.problems import Fix, Path, listed, nearest, pointer, shown
from engine.sql import lexer

FIX_LENGTH_MAX = 100_000
"""Of a text that is offered whole, repaired."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A text with expressions, and what they read."""

    node: str
    path: Path
    place: expressions.Place
    reads: Reads


def check_expressions(
    config: Any, node_type: NodeType, path: Path, node: str | None, report: Report
) -> list[tuple[Path, expressions.Place, Reads]]:
    """Problems of the expressions of one config (at `path`, fitting its type) on their own; what each place reads."""
    found = []
    for place in expressions.places(node_type.config, config):
        whole = (*path, *place.path)
        faults, reads = _checked(place.text, place.mode)
        for fault in faults:
            report.add(fault.code, fault.message, whole, node=node, line=fault.line)
        if reads.nodes or reads.inputs:
            found.append((whole, place, reads))
    return found


# While a person types, all nodes but one are as they were at the last key.
@sized_cache(8 << 20, lambda checked, text, mode: 800 + 2 * len(text) + 300 * len(checked[0]))
def _checked(text: str, mode: str) -> tuple[list[expressions.Fault], Reads]:
    place = expressions.Place((), text, mode)
    return expressions.faults(place), expressions.references(place)


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
                line, fix = _repair(reader, "nodes", name, near)
                report.add("unknown_node", message, reader.path, node=reader.node, line=line, fix=fix)
            elif pairs is not None:
                above = above or _Above(ids, pairs)
                if not above.is_upstream(name, reader.node):
                    message = (
                        f'An expression reads nodes.{name}.output, but "{name}" does not run before "{reader.node}". '
                        f'Draw an edge from "{name}" to "{reader.node}", or to a node before it.'
                    )
                    line, _ = _repair(reader, "nodes", name, None)
                    report.add("not_upstream", message, reader.path, node=reader.node, line=line)


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
        line, _ = _repair(reader, "inputs", names[0], None)
        report.add("unknown_input", message, reader.path, node=reader.node, line=line)
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
            line, fix = _repair(reader, "inputs", name, near)
            report.add("unknown_input", message, reader.path, node=reader.node, severity=severity, line=line, fix=fix)


def _repair(reader: Reader, of: str, name: str, near: str | None) -> tuple[int | None, Fix | None]:
    """The line in which a text names `name` of `inputs` or `nodes`, and the text with `near` instead of it."""
    text, place = reader.place.text, reader.place
    named = re.compile(rf"""\b{of}(?:(\s*\.\s*){re.escape(name)}\b|(\s*\[\s*)(["']){re.escape(name)}\3)""")
    spans = expressions.closed_spans(text)
    if place.mode == "cel" and not spans:
        spans = ((0, len(text)),)
    found = [match for start, end in spans for match in named.finditer(text, start, end)]
    if not found:
        return None, None
    line = lexer.line_of(text, found[0].start()) if "\n" in text or place.mode == "sql" else None
    if near is None or len(text) > FIX_LENGTH_MAX:
        return line, None
    changed = text
    for match in reversed(found):
        at = match.end(1) if match.group(1) is not None else match.end(2) + 1
        changed = changed[:at] + near + changed[at + len(name) :]
    return line, (f"Use {near}", [{"op": "replace", "path": pointer(reader.path), "value": changed}])
