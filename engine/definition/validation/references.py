"""Checks the expressions in configs: that they can be parsed, and only read what exists when their node runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import expressions, graph
from engine.caching import sized_cache
from engine.definition.validation.problem_list import ProblemList
from engine.expressions.variables import Reads
from engine.nodes.base import NodeType
from engine.problems import FIX_LENGTH_MAX, ConfigProblem, Fix, Path, Span, nearest
from engine.sentences import Sentence, any_of
from engine.sentences import gettext_noop as _
from engine.sql import lexer

TABLE_PARTS = ("row_count", "schema")
"""What expressions see of a table."""
_INPUTS_MAX = 20
"""Inputs that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A text with expressions, and what they read."""

    node: str
    path: Path
    place: expressions.Place
    reads: Reads


def check_expressions(
    config: Any, node_type: NodeType, path: Path, node: str | None, problems: ProblemList
) -> list[tuple[Path, expressions.Place, Reads]]:
    """Report problems of the expressions of one config on their own; return what each text reads.

    The config is at `path` and fits its type.
    """
    reading = []
    for place in expressions.places(node_type.config, config):
        whole = (*path, *place.path)
        own, reads = _analysed(place.text, place.mode)
        for problem in own:
            problems.add_in(whole, problem, node)
        if reads.nodes or reads.inputs:
            reading.append((whole, place, reads))
    return reading


# While a person types, all nodes but one are unchanged.
@sized_cache(8 << 20, lambda result, text, mode: 800 + 2 * len(text) + 500 * len(result[0]))
def _analysed(text: str, mode: str) -> tuple[list[ConfigProblem], Reads]:
    place = expressions.Place((), text, mode)
    return expressions.problems(place), expressions.references(place)


def check_references(
    readers: Sequence[Reader],
    ids: Sequence[str],
    pairs: Sequence[tuple[str, str]] | None,
    declared: Any,
    problems: ProblemList,
    found_tables: frozenset[str] = frozenset(),
) -> None:
    """Report problems of what expressions read.

    `pairs`: (source, target) of the edges; None: the graph has a cycle. `declared`: the schema of the run's inputs.
    `found_tables`: the nodes that output a table.
    """
    id_set = set(ids)
    upstream: _Upstream | None = None
    for reader in readers:
        problems.check_time()
        _check_inputs(reader, declared, problems)
        for name in reader.reads.nodes:
            if name not in id_set:
                near = problems.near_node(name, ids)
                message = (
                    _('No node has the id "{name}". Did you mean "{near}"?')
                    if near
                    else _('No node has the id "{name}". Correct the expression.')
                )
                _add(reader, "unknown_node", Sentence(message, {"name": name, "near": near}), name, near, problems)
            elif pairs is not None:
                upstream = upstream or _Upstream(ids, pairs)
                if not upstream.is_upstream(name, reader.node):
                    message = _(
                        'The expression reads the output of "{name}", which does not run before "{node}". '
                        'Connect "{name}" to "{node}" or to a node before it.'
                    )
                    sentence = Sentence(message, {"name": name, "node": reader.node})
                    _add(reader, "not_upstream", sentence, name, None, problems)
        _check_tables(reader, found_tables, problems)


class _Upstream:
    """Which nodes are upstream of which, computed when the first reference is checked."""

    def __init__(self, ids: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
        order = graph.topological(ids, pairs)
        self.place = {node: index for index, node in enumerate(order)}
        self.above = graph.ancestors(order, pairs)

    def is_upstream(self, node: str, of: str) -> bool:
        return bool(self.above[of] >> self.place[node] & 1)


def _check_tables(reader: Reader, found_tables: frozenset[str], problems: ProblemList) -> None:
    for name, part in reader.reads.parts:
        if name in found_tables and part not in TABLE_PARTS:
            message = _(
                'The output of "{name}" is a table. Expressions read only its row_count and schema; read its rows in '
                "SQL or in code."
            )
            _add(reader, "rows_of_table", Sentence(message, {"name": name}), name, None, problems)
            return


def _check_inputs(reader: Reader, declared: Any, problems: ProblemList) -> None:
    properties = declared.get("properties", {}) if isinstance(declared, dict) else {}
    if (declared is not None and not isinstance(declared, dict)) or not isinstance(properties, dict):
        return
    for name in reader.reads.inputs:
        if name in properties:
            continue
        near = nearest(name, properties)
        # A run may have inputs that are not declared, unless the schema forbids them.
        certain = near or declared is None or declared.get("additionalProperties") is False
        if near:
            message = _('The workflow has no input "{name}". Did you mean "{near}"?')
        elif properties:
            message = _('The workflow has no input "{name}". Available inputs: {names}.')
        else:
            message = _('The workflow has no input "{name}". Add it to the inputs of the workflow.')
        values = {"name": name, "near": near, "names": any_of(list(properties)[:_INPUTS_MAX])}
        severity = "error" if certain else "warning"
        _add(reader, "unknown_input", Sentence(message, values), name, near, problems, of="inputs", severity=severity)
        if declared is None:
            return


def _add(
    reader: Reader,
    code: str,
    sentence: Sentence,
    name: str,
    near: str | None,
    problems: ProblemList,
    *,
    of: str = "nodes",
    severity: str = "error",
) -> None:
    """Report a problem of `name`, which the text reads from `of`, where it is first named; `near` is the fix."""
    text = reader.place.text
    spans = _spans(reader.place, of, name)
    line = fix = span = None
    if spans:
        span = spans[0]
        if "\n" in text or reader.place.mode == "sql":
            line = lexer.line_of(text, span[0])
        if near is not None and len(text) <= FIX_LENGTH_MAX:
            corrected = text
            for start, end in reversed(spans):
                corrected = corrected[:start] + near + corrected[end:]
            fix = Fix.use(near, reader.path, corrected)
    problems.add(code, sentence, reader.path, node=reader.node, severity=severity, line=line, span=span, fix=fix)


def _spans(place: expressions.Place, of: str, name: str) -> list[Span]:
    """Return where the expressions of a text name `name` of `inputs` or `nodes`: `inputs.name`, `inputs["name"]`."""
    pattern = re.compile(rf"""\b{of}(?:(\s*\.\s*){re.escape(name)}\b|(\s*\[\s*)(["']){re.escape(name)}\3)""")
    areas = expressions.closed_spans(place.text)
    if place.mode == "cel" and not areas:
        areas = ((0, len(place.text)),)
    spans = []
    for area in areas:
        for match in pattern.finditer(place.text, *area):
            start = match.end(1) if match.group(1) is not None else match.end(3)
            spans.append((start, start + len(name)))
    return spans
