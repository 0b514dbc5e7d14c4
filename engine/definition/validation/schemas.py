"""What `jsonschema` finds wrong, in words that say what to change."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine.definition.validation import patterns
from engine.definition.validation.quick_schema import Fits, NotPlain, compile_schema
from engine.definition.validation.report import Report
from engine.problems import Fix, Path, nearest, pointer, shown

if TYPE_CHECKING:
    from jsonschema import FormatChecker, ValidationError

    from engine.nodes.base import NodeType

FAULTS_MAX = 50
"""Faults listed for one value; a list of a million wrong items names the first ones."""
_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}


@functools.lru_cache(maxsize=1024)
def _quick(node_type: NodeType) -> Fits | None:
    try:
        return compile_schema(node_type.config)
    except NotPlain:
        return None


def fits_config(node_type: NodeType, config: Any) -> bool:
    """Whether the quick check is sure that `config` fits the type's schema; when not, ask `check_value`."""
    quick = _quick(node_type)
    return quick is not None and quick(config)


def check_value(
    schema: Mapping[str, Any], value: Any, path: Path, report: Report, *, node: str | None, what: str
) -> bool:
    """Whether `value` fits `schema`; every fault is reported. `what` opens a message about a field: `SQL`."""
    from referencing.exceptions import Unresolvable

    before = len(report.problems) + report.left_out
    try:
        for error in islice(errors(schema, value), FAULTS_MAX):
            explain(error, path, report, node=node, what=what)
    except (ArithmeticError, RecursionError, TypeError, ValueError, Unresolvable) as error:
        # A schema that is allowed but cannot be applied to this value: a fraction of 1e-320, a package's $ref.
        message = f"{what} cannot be checked against its schema: {type(error).__name__}: {error}"[:300]
        report.add("wrong_value", message, path, node=node)
    return len(report.problems) + report.left_out == before


def errors(schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
    """The faults of `value` by `schema`, the most telling one of each alternative."""
    from jsonschema.exceptions import best_match
    from referencing import Registry

    # An empty registry, so that no $ref is ever fetched from anywhere.
    validator = _validator()(schema, registry=Registry(), format_checker=_formats())
    for error in validator.iter_errors(value):
        if error.validator in ("anyOf", "oneOf") and error.context:
            best = best_match([error])
            yield best if best is not None else error
        else:
            yield error


@functools.cache
def _validator() -> Any:
    """Draft 2020-12 with two rules replaced whose cost an author or caller could make grow without bound."""
    import jsonschema
    from jsonschema.exceptions import ValidationError

    def pattern(validator: Any, wanted: str, found: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(found, str) and not patterns.search(wanted, found):
            yield ValidationError(f"{found!r} does not match")

    def unique(validator: Any, wanted: bool, found: Any, schema: Any) -> Iterator[ValidationError]:
        if wanted and isinstance(found, list):
            texts = [json.dumps(_as_compared(item), sort_keys=True) for item in found]
            if len(set(texts)) < len(texts):
                yield ValidationError("not unique")

    extend: Any = jsonschema.validators.extend  # has no types
    return extend(jsonschema.Draft202012Validator, {"pattern": pattern, "uniqueItems": unique})


def _as_compared(value: Any) -> Any:
    """JSON Schema holds 1 and 1.0 to be equal."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_as_compared(item) for item in value]
    return {key: _as_compared(item) for key, item in value.items()} if isinstance(value, dict) else value


@functools.cache
def _formats() -> FormatChecker:
    """The formats that are checked; others are notes for people, as JSON Schema has it."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())
    for name, test in patterns.FORMATS.items():
        checker.checks(name)(lambda value, test=test: not isinstance(value, str) or test(value))
    return checker


def explain(error: ValidationError, path: Path, report: Report, *, node: str | None, what: str) -> None:
    """Report one fault of `jsonschema` in plain words."""
    place = (*path, *error.absolute_path)
    name = str(error.absolute_path[-1]) if error.absolute_path else what
    wanted: Any = error.validator_value
    rule, found = str(error.validator), error.instance
    if rule == "additionalProperties" and isinstance(found, dict):
        known = list(error.schema.get("properties", {})) if isinstance(error.schema, Mapping) else []
        if wanted is False:
            report.unknown_fields(found, known, place, what if not error.absolute_path else name, node)
            return
    if rule == "required":
        missing = [field for field in wanted if isinstance(found, dict) and field not in found]
        field = next((item for item in missing if f"'{item}'" in error.message), missing[0] if missing else "?")
        # Where nothing was given at all there may be no object to add a field to.
        repair = _add(error, place, field) if found else None
        report.add("missing_field", f'{what} needs "{field}". Add it.', (*place, field), node=node, fix=repair)
        return
    text = _text(rule, wanted, found)
    fix: Fix | None = None
    if rule == "enum":
        near = nearest(found, [item for item in wanted if isinstance(item, str)])
        if near:
            text += f' Did you mean "{near}"?'
            fix = (f"Use {near}", [{"op": "replace", "path": pointer(place), "value": near}])
    code = {"type": "wrong_type", "minimum": "out_of_range", "maximum": "out_of_range"}.get(rule, "wrong_value")
    report.add(code, f"{name} {text}", place, node=node, fix=fix)


def _add(error: ValidationError, place: Path, field: str) -> Fix | None:
    schema = error.schema.get("properties", {}).get(field, {}) if isinstance(error.schema, Mapping) else {}
    if not isinstance(schema, Mapping) or "default" not in schema:
        return None
    return (f"Add {field}", [{"op": "add", "path": pointer((*place, field)), "value": schema["default"]}])


def _text(rule: str, wanted: Any, found: Any) -> str:
    """The rest of the sentence that begins with the field's name."""
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else list(wanted)
        return f"must be {' or '.join(_TYPE_WORDS.get(kind, kind) for kind in kinds)}, not {shown(found)}."
    if rule == "enum":
        options = " or ".join(shown(item) for item in wanted) if len(wanted) < 20 else "one of its known values"
        return f"must be {options}, not {shown(found)}."
    if rule == "const":
        return f"must be {shown(wanted)}, not {shown(found)}."
    if rule == "minLength":
        return "must not be empty." if wanted == 1 else f"must have at least {wanted} characters."
    if rule == "maxLength":
        return f"has {len(found)} characters; at most {wanted} are allowed."
    if rule in ("minimum", "exclusiveMinimum"):
        return f"must be {'at least' if rule == 'minimum' else 'above'} {shown(wanted)}, not {shown(found)}."
    if rule in ("maximum", "exclusiveMaximum"):
        return f"must be {'at most' if rule == 'maximum' else 'below'} {shown(wanted)}, not {shown(found)}."
    if rule == "minItems":
        return "must have at least one entry." if wanted == 1 else f"must have at least {wanted} entries."
    if rule == "maxItems":
        return f"has {len(found)} entries; at most {wanted} are allowed."
    if rule == "pattern":
        return f"is {shown(found)} and does not fit the pattern {shown(wanted)}."
    if rule == "uniqueItems":
        return "must not hold the same entry twice."
    if rule == "format":
        return f"is {shown(found)}, which is no {wanted}."
    if rule == "additionalProperties":
        return "has a field that is not allowed."
    return f"does not fit the rule {rule} ({shown(wanted)})."
