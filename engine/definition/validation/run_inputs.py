"""The JSON Schema in a document's `inputs`."""

from __future__ import annotations

from typing import Any

from engine.definition.validation import patterns
from engine.definition.validation.report import Report
from engine.definition.validation.schemas import check_value
from engine.problems import Path, path_text, shown

_REFUSED = ("$ref", "$dynamicRef", "$schema", "$id", "$anchor", "$dynamicAnchor", "$defs", "$vocabulary")
_PATTERN_MAX = 1000
# Where a schema holds further schemas: one, a list of them, or an object of them by name.
_ONE = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_ONE_MORE = ("unevaluatedItems", "unevaluatedProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "dependentSchemas")


def check_inputs_schema(schema: Any, report: Report) -> None:
    """Problems of the schema that a run's inputs must fit; `schema` is sound JSON and not null."""
    import jsonschema
    from jsonschema.exceptions import best_match

    if not isinstance(schema, dict):
        report.add("wrong_type", f"inputs must be a JSON Schema, an object, not {shown(schema)}.", ("inputs",))
        return
    before = len(report.problems)
    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    try:
        fault = best_match(meta.iter_errors(schema))
    except RecursionError:
        report.add("too_deep", "The schema of inputs is nested too deeply. Make it flatter.", ("inputs",))
        return
    if fault is not None:
        path = ("inputs", *fault.absolute_path)
        message = f"inputs is no JSON Schema: {path_text(path)}: {fault.message[:200]}."
        report.add("wrong_schema", message, path)
        return
    _check_keywords(schema, report)
    if schema.get("type") != "object":
        fix = ("Set type to object", [{"op": "add", "path": "/inputs/type", "value": "object"}])
        message = 'inputs must describe an object: write "type": "object", and the inputs under properties.'
        report.add("wrong_schema", message, ("inputs", "type"), fix=fix)
    if len(report.problems) > before:
        return
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict) and "default" in part:
            path = ("inputs", "properties", name, "default")
            check_value(part, part["default"], path, report, node=None, what=f'The default of input "{name}"')


def _check_keywords(schema: dict[str, Any], report: Report) -> None:
    """Report keywords that reach outside of the schema or cannot be bounded. The schema fits the meta-schema."""
    waiting: list[tuple[Path, Any]] = [(("inputs",), schema)]
    while waiting:
        path, item = waiting.pop()
        if not isinstance(item, dict):
            continue
        for key in _REFUSED:
            if key in item:
                message = f"{key} is not supported in the schema of inputs. Write the schema out in its place."
                report.add("wrong_schema", message, (*path, key))
        if "patternProperties" in item:
            message = "patternProperties is not supported in the schema of inputs. Name the properties."
            report.add("wrong_schema", message, (*path, "patternProperties"))
        if "pattern" in item:
            fault = _pattern_fault(item["pattern"])
            if fault:
                report.add("wrong_schema", f"The pattern cannot be used: {fault}.", (*path, "pattern"))
        waiting.extend(((*path, key), item[key]) for key in (*_ONE, *_ONE_MORE) if key in item)
        for key in _LISTS:
            waiting.extend(((*path, key, index), part) for index, part in enumerate(item.get(key, ())))
        for key in _NAMED:
            waiting.extend(((*path, key, name), part) for name, part in item.get(key, {}).items())


def _pattern_fault(pattern: str) -> str | None:
    if len(pattern) > _PATTERN_MAX:
        return f"it has {len(pattern):,} characters, and at most {_PATTERN_MAX:,} are allowed"
    return patterns.pattern_fault(pattern)
