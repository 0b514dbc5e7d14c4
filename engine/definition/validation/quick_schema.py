"""A yes-or-no check by JSON Schema that is fast enough for 10,000 nodes.

`jsonschema` explains well and takes 0.1 ms even for a small object. A schema made of plain keywords is turned
into a closure that only says yes; whatever it does not say yes to goes to `jsonschema`, which has the last word.
So the closure may be too strict, never too lenient; tests compare the two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]
_SAYS_NOTHING = frozenset({"title", "description", "default", "examples", "$comment", "deprecated"})


class NotPlain(Exception):
    """The schema uses a keyword that the quick check does not know."""


def compile_schema(schema: Any) -> Fits:
    """A function that says yes only to what fits `schema`. Raises NotPlain."""
    if schema is True:
        return _anything
    if not isinstance(schema, Mapping):
        raise NotPlain
    tests: list[Fits] = []
    known = {key for key in schema if key not in _SAYS_NOTHING and not key.startswith("x-")}
    types = schema.get("type")
    if types is not None:
        names = [types] if isinstance(types, str) else list(types)
        tests.append(_one_of_types(names))
    if "enum" in schema:
        if not all(isinstance(item, str) for item in schema["enum"]):
            raise NotPlain
        allowed = frozenset(schema["enum"])
        tests.append(lambda value: isinstance(value, str) and value in allowed)
    if known & {"minLength", "maxLength"}:
        low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        tests.append(lambda value: not isinstance(value, str) or low <= len(value) <= high)
    if "pattern" in known:
        tests.append(_whole_text(schema["pattern"]))
    if known & {"minimum", "maximum"}:
        least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        tests.append(lambda value: not isinstance(value, (int, float)) or least <= value <= most)
    if known & {"properties", "required", "additionalProperties"}:
        tests.append(_object(schema))
    if known & {"items", "minItems", "maxItems"}:
        tests.append(_array(schema))
    known -= {"type", "enum", "minLength", "maxLength", "minimum", "maximum", "pattern"}
    known -= {"properties", "required", "additionalProperties", "items", "minItems", "maxItems"}
    if known:
        raise NotPlain
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _anything(value: Any) -> bool:
    return True


_PYTHON_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def _one_of_types(names: list[str]) -> Fits:
    exact: set[type] = set()
    for name in names:
        if name == "number":
            exact |= {int, float}
        elif name in _PYTHON_TYPES:
            exact.add(_PYTHON_TYPES[name])
        else:
            raise NotPlain
    kinds = frozenset(exact)
    return lambda value: type(value) in kinds


def _whole_text(pattern: str) -> Fits:
    """Patterns of the form `^...$` without groups, so that no text takes long."""
    if not (pattern.startswith("^") and pattern.endswith("$")) or set(pattern) & set("(|\\"):
        raise NotPlain
    compiled = re.compile(pattern[1:-1])
    return lambda value: not isinstance(value, str) or compiled.fullmatch(value) is not None


def _object(schema: Mapping[str, Any]) -> Fits:
    properties = {name: compile_schema(part) for name, part in schema.get("properties", {}).items()}
    required = list(schema.get("required", ()))
    others = schema.get("additionalProperties", True)
    fits_other = None if others is False else compile_schema(others)

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name in required:
            if name not in value:
                return False
        for name, item in value.items():
            test = properties.get(name, fits_other)
            if test is None or not test(item):
                return False
        return True

    return fits


def _array(schema: Mapping[str, Any]) -> Fits:
    low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    fits_item = compile_schema(schema.get("items", True))

    def fits(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        return low <= len(value) <= high and all(fits_item(item) for item in value)

    return fits
