"""Checks the JSON Schema in `inputs` of a definition."""

from typing import Any

import jsonschema_rs

from engine.definition.validation.problem_list import ProblemList
from engine.definition.validation.schemas import check_value
from engine.nodes.json_schema import compile_schema
from engine.problems import Fix, Path, path_text
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

_REFUSED = ("$ref", "$dynamicRef", "$schema", "$id", "$anchor", "$dynamicAnchor", "$defs", "$vocabulary")
_PATTERN_MAX = 1000
_SUBSCHEMA = (
    *("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
"""Keywords with one schema."""
_SUBSCHEMA_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMA_BY_NAME = ("properties", "dependentSchemas")


def check_inputs_schema(schema: Any, problems: ProblemList) -> None:
    """Report problems of the schema of a run's inputs, which is JSON of bounded depth and not null."""
    name = Sentence(_("inputs"))
    if not isinstance(schema, dict):
        problems.wrong_type(name, Sentence(_("a JSON Schema (an object)")), schema, ("inputs",))
        return
    before = problems.count
    try:
        # By default draft 2020-12; `$schema` could ask for another one.
        jsonschema_rs.meta.validate({key: part for key, part in schema.items() if key != "$schema"})
    except jsonschema_rs.ValidationError as error:
        path = ("inputs", *error.instance_path)
        values = {"path": path_text(path), "error": error.message[:200]}
        problems.add("wrong_schema", Sentence(_("{path} is not a valid JSON Schema: {error}"), values), path)
        return
    _check_keywords(schema, problems)
    if schema.get("type") != "object":
        message = _('Inputs must be an object: set "type" to "object" and list the inputs under "properties".')
        change = {"op": "add", "path": "/inputs/type", "value": "object"}
        fix = Fix(Sentence(_("Set type to object")), [change])
        problems.add("wrong_schema", Sentence(message), ("inputs", "type"), fix=fix)
    if problems.count > before:
        return
    for key, part in schema.get("properties", {}).items():
        if isinstance(part, dict) and "default" in part:
            path = ("inputs", "properties", key, "default")
            name = Sentence(_('The default of "{name}"'), {"name": key})
            check_value(part, compile_schema(part), part["default"], path, problems, name=name)


def _check_keywords(schema: dict[str, Any], problems: ProblemList) -> None:
    """Report keywords that refer outside the schema or have unbounded cost. The schema fits the meta-schema."""
    waiting: list[tuple[Path, Any]] = [(("inputs",), schema)]
    while waiting:
        path, part = waiting.pop()
        if not isinstance(part, dict):
            continue
        for key in _REFUSED:
            if key in part:
                message = _("{keyword} is not supported in the schema of inputs. Write the schema out in its place.")
                problems.add("wrong_schema", Sentence(message, {"keyword": key}), (*path, key))
        if "patternProperties" in part:
            message = _("patternProperties is not supported in the schema of inputs. Name each property.")
            problems.add("wrong_schema", Sentence(message), (*path, "patternProperties"))
        if "pattern" in part:
            _check_pattern(part["pattern"], (*path, "pattern"), problems)
        waiting.extend(((*path, key), part[key]) for key in _SUBSCHEMA if key in part)
        for key in _SUBSCHEMA_LIST:
            waiting.extend(((*path, key, index), item) for index, item in enumerate(part.get(key, ())))
        for key in _SUBSCHEMA_BY_NAME:
            waiting.extend(((*path, key, name), item) for name, item in part.get(key, {}).items())


def _check_pattern(pattern: str, path: Path, problems: ProblemList) -> None:
    if len(pattern) > _PATTERN_MAX:
        message = _("The pattern has {n:,} characters; at most {most:,} are allowed.")
        problems.add("wrong_schema", Sentence(message, {"n": len(pattern), "most": _PATTERN_MAX}), path)
        return
    try:
        compile_schema({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        message = _(
            "The pattern is not a valid regular expression. Look-around, back-references and very large repetitions "
            "are not supported."
        )
        problems.add("wrong_schema", Sentence(message), path)
