"""The JSON Schema in a document's `inputs`."""

from __future__ import annotations

from typing import Any

from engine.problems import path_text, shown
from engine.validation.report import Report
from engine.validation.schemas import check_value


def check_inputs_schema(schema: Any, report: Report) -> None:
    """Problems of the schema that a run's inputs must fit; `schema` is sound JSON and not null."""
    import jsonschema
    from jsonschema.exceptions import best_match

    if not isinstance(schema, dict):
        report.add("wrong_type", f"inputs must be a JSON Schema, an object, not {shown(schema)}.", ("inputs",))
        return
    before = len(report.problems)
    _check_references(schema, report)
    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    fault = best_match(meta.iter_errors(schema))
    if fault is not None:
        path = ("inputs", *fault.absolute_path)
        message = f"inputs is no JSON Schema: {path_text(path)} {fault.message[:200]}."
        report.add("wrong_schema", message, path)
    elif schema.get("type") != "object":
        fix = ("Set type to object", [{"op": "add", "path": "/inputs/type", "value": "object"}])
        message = 'inputs must describe an object: write "type": "object", and the inputs under properties.'
        report.add("wrong_schema", message, ("inputs", "type"), fix=fix)
    if len(report.problems) > before:
        return
    properties = schema.get("properties", {})
    for name, part in properties.items():
        if isinstance(part, dict) and "default" in part:
            path = ("inputs", "properties", name, "default")
            check_value(part, part["default"], path, report, node=None, what=f'The default of input "{name}"')


def _check_references(schema: Any, report: Report) -> None:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [(("inputs",), schema)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(((*path, index), child) for index, child in enumerate(item))
        elif isinstance(item, dict):
            for key, child in item.items():
                if key in ("$ref", "$dynamicRef", "$schema", "$id") and path[-1] != "properties":
                    message = f"{key} is not allowed in the schema of inputs. Write the schema out in place."
                    report.add("wrong_schema", message, (*path, key))
                else:
                    waiting.append(((*path, key), child))
