"""What the checks of a definition say in English, in the reader's language, for the editor and the publish form.

The API says it in English. What has none of these templates is shown as it is: what DuckDB or Python say of a text, or
a package's own type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.type_words import say
from engine.sentences import gettext_noop

TEMPLATES: Final = (
    gettext_noop("Correct it, or remove the edge."),
    gettext_noop("Correct the id."),
    gettext_noop("It has none."),
    gettext_noop("Create it under Resources, or remove pool."),
    gettext_noop("The definition has no nodes. Add at least one."),
    gettext_noop('A node needs "type", the name of a node type. Add it.'),
    gettext_noop(
        "The code defines no function main. Write `def main(inputs, ctx):` at the top level; "
        "what it returns is the node's output."
    ),
    gettext_noop("main must take two arguments. Write `def main(inputs, ctx):`."),
    gettext_noop("The branch has nothing to decide by. Give it a condition, or cases with a port and a when each."),
    gettext_noop("The SQL is empty. Write a query: select, with or from."),
    gettext_noop("SQL opens no file. Read it with a node of its own (Read table), and use that node's name here."),
    gettext_noop("The text holds more than one statement. Write one query; make the others nodes of their own."),
    gettext_noop("This node has no input: draw an edge to it from the node whose output it reads."),
    gettext_noop("This SQL was not checked: DuckDB did not cope with it in the time there is for that."),
    gettext_noop("slots counts the slots of a pool, and no pool is named. Name one, or remove slots."),
    gettext_noop("Remove the edge"),
    gettext_noop("Remove this edge"),
    gettext_noop("Remove slots"),
    gettext_noop("Add def main(inputs, ctx)"),
    gettext_noop('Did you mean "{near}"?'),
    gettext_noop("Known types: {names}."),
    gettext_noop("Known here: {names}."),
    gettext_noop("Declared: {names}."),
    gettext_noop('There is no node type "{type}". {hint}'),
    gettext_noop('Node type "{type}" is not available yet. Use another type.'),
    gettext_noop("{kind} has no input. Draw an edge to it from the node whose output it takes."),
    gettext_noop('The edge\'s {end} is "{node}", and no node has that id. {hint}'),
    gettext_noop('The edge leaves the branch "{name}" and must name its source_port: {names}.'),
    gettext_noop('The edge leaves the branch "{name}" and must name its source_port.'),
    gettext_noop('Node "{name}" has no port "{port}"; it has {names}. Name one of these.'),
    gettext_noop('Node "{name}" has no port "out". Name the source_port: {names}.'),
    gettext_noop('Edges {a} and {b} both go from "{source}" to "{target}". Remove one.'),
    gettext_noop(
        'Node "{name}" gets "{port}" from two edges, from "{a}" and from "{b}". Give one of them another target_port.'
    ),
    gettext_noop('Node "{name}" has an edge to itself. Remove it.'),
    gettext_noop("The nodes {names} form a cycle. Remove one of its edges."),
    gettext_noop('An expression reads nodes.{name}.output, and no node has the id "{id}". {hint}'),
    gettext_noop(
        'An expression reads nodes.{name}.output, but "{a}" does not run before "{b}". '
        'Draw an edge from "{c}" to "{d}", or to a node before it.'
    ),
    gettext_noop("An expression reads inputs.{name}, which the definition does not declare. {hint}"),
    gettext_noop('The code reads inputs["{name}"], and the node has no such input: no edge leads to it.'),
    gettext_noop('The code reads inputs["{name}"], and the node has no such input: it has {names}.'),
    gettext_noop("The code does not parse in line {line}: {why}. Correct it there."),
    gettext_noop("The code does not parse: {why}. Correct it there."),
    gettext_noop("The SQL does not parse: {why}."),
    gettext_noop("There is no column {name} here."),
    gettext_noop("{table} has no column {name}. It has {names} and {n} more."),
    gettext_noop("{table} has no column {name}. It has {names}."),
    gettext_noop("{table} has no column {name}."),
    gettext_noop("There is no table {name} here. {hint}"),
    gettext_noop("The inputs of this node are {names}."),
    gettext_noop("The input of this node is {names}."),
    gettext_noop("There is no function {name}. Did you mean {near}?"),
    gettext_noop("There is no function {name}."),
    gettext_noop('There is no pool "{pool}". {hint}'),
    gettext_noop('{what} has no field "{field}". {hint}'),
    gettext_noop('{what} needs "{field}". Add it.'),
    gettext_noop("{field} must not be empty."),
    gettext_noop("The config of {type}"),
    gettext_noop("Use {name}"),
    gettext_noop("Take {name}"),
    gettext_noop("Remove the edge {source} → {target}"),
    gettext_noop("Rename it to {name}"),
    gettext_noop("Remove {name}"),
    gettext_noop("Add {name}"),
)
"""Sentences and labels of repairs, the more exact ones first."""
_PARTS: Final = ("hint", "what")
"""Places that hold a sentence or a part of one themselves."""
_LENGTH_MAX: Final = 600


def problem_words(text: str) -> str:
    """A message of `engine.problems.Problem`, or the label of its repair."""
    if (get_language() or "en").startswith("en") or len(text) > _LENGTH_MAX:
        return text
    for template, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            values = found.groupdict()
            values |= {part: problem_words(values[part]) for part in _PARTS if part in values}
            if "kind" in values:
                values["kind"] = say(values["kind"])
            return _(template).format_map(values)
    return text


def said(problem: Mapping[str, Any]) -> dict[str, Any]:
    """What `Problem.as_dict` gives, for people."""
    shape = {**problem, "message": problem_words(problem["message"])}
    if shape.get("fix"):
        shape["fix"] = {**shape["fix"], "label": problem_words(shape["fix"]["label"])}
    return shape


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, _pattern(template)) for template in TEMPLATES)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    parts[1::2] = [f"(?P<{name}>.+)" for name in parts[1::2]]
    parts[::2] = [re.escape(part) for part in parts[::2]]
    return re.compile("".join(parts), re.DOTALL)
