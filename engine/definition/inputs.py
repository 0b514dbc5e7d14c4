"""The inputs of one run: defaults filled in, checked against the definition's schema."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from engine.definition.validation.report import Report
from engine.definition.validation.schemas import check_value
from engine.definition.validation.values import sound
from engine.problems import Problem, shown

BYTES_MAX = 1 << 20
"""Of a run's inputs, as JSON: they travel with every attempt."""


def accept(schema: Mapping[str, Any] | None, given: Any) -> tuple[dict[str, Any], list[Problem]]:
    """(inputs with defaults, problems); the inputs count only when there are no problems.

    `schema`: `inputs` of a valid definition; None: the workflow takes none. `given` may be any value; null is {}.
    Paths of problems start with `inputs`.
    """
    report = Report()
    if given is None:
        given = {}
    if not isinstance(given, dict):
        report.add("wrong_type", f"inputs must be an object, not {shown(given)}.", ("inputs",))
        return {}, report.finished()
    if not sound(given, ("inputs",), report):
        return {}, report.finished()
    size = len(json.dumps(given, ensure_ascii=False).encode())
    if size > BYTES_MAX:
        message = f"The inputs have {size:,} bytes; at most {BYTES_MAX:,} are allowed. Put large data into a file."
        report.add("too_large", message, ("inputs",))
        return {}, report.finished()
    if schema is None:
        for name in given:
            message = f"There is no input {shown(name)}: the workflow takes no inputs. Remove it."
            report.add("unknown_field", message, ("inputs", name))
        return {}, report.finished()
    inputs = _with_defaults(schema, given)
    check_value(schema, inputs, ("inputs",), report, node=None, what="The run")
    return inputs, report.finished()


def _with_defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` and the defaults of properties that it does not name, also of objects inside it."""
    inputs = dict(given)
    properties = schema.get("properties", {})
    for name, part in properties.items():
        if not isinstance(part, Mapping):
            continue
        if name not in inputs and "default" in part:
            inputs[name] = copy.deepcopy(part["default"])
        elif isinstance(inputs.get(name), dict) and isinstance(part.get("properties"), Mapping):
            inputs[name] = _with_defaults(part, inputs[name])
    return inputs
