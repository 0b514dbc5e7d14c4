"""Checks values against JSON Schemas (draft 2020-12) and describes what is wrong with them."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from jsonschema_rs import ValidationError, Validator
from jsonschema_rs import ValidationErrorKind as Kind

from engine.definition.validation.problem_list import ProblemList
from engine.nodes.base import NodeType
from engine.nodes.json_schema import compile_schema
from engine.problems import Fix, Path, format_value, nearest, pointer
from engine.sentences import Sentence, Text, either
from engine.sentences import gettext_noop as _

ERRORS_MAX = 50
"""Errors that are listed for one value, which may be a list of a million wrong items."""


@functools.lru_cache(maxsize=1024)
def config_validator(node_type: NodeType) -> Validator:
    """Return the validator of a node type's config."""
    return compile_schema(node_type.config)


def check_value(
    schema: Mapping[str, Any],
    validator: Validator,
    value: Any,
    path: Path,
    problems: ProblemList,
    *,
    node: str | None = None,
    name: Text,
) -> bool:
    """Report why `value` at `path` does not fit `schema`; return whether it does.

    `validator` is that of the schema; `name` is what sentences call the value itself.
    """
    if validator.is_valid(value):
        return True
    for error in islice(validator.iter_errors(value), ERRORS_MAX):
        _Explanation(schema, value, path, problems, node, name).explain(error)
    return False


_TYPES: Mapping[str, Text] = {
    "string": Sentence(_("text")),
    "integer": Sentence(_("a whole number")),
    "number": Sentence(_("a number")),
    "boolean": Sentence(_("true or false")),
    "object": Sentence(_("an object")),
    "array": Sentence(_("a list")),
    "null": "null",
}
_CODES = {"type": "wrong_type", "minimum": "out_of_range", "maximum": "out_of_range"}


class _Explanation:
    """Reports the errors of one value."""

    def __init__(
        self, schema: Mapping[str, Any], value: Any, path: Path, problems: ProblemList, node: str | None, name: Text
    ) -> None:
        self.schema = schema
        self.value = value
        self.path = path
        self.problems = problems
        self.node = node
        self.name = name

    def explain(self, error: ValidationError) -> None:
        place = (*self.path, *error.instance_path)
        schema = self._schema_of(error)
        match error.kind:
            case Kind.AdditionalProperties():
                properties = list(schema.get("properties", {}))
                self.problems.unknown_fields(_at(self.value, error.instance_path), properties, place, self.node)
            case Kind.Required(field):
                part = schema.get("properties", {}).get(field, {})
                sentence = self._missing(part, Sentence(_("{field} is required."), {"field": _title(part, field)}))
                fix = None
                if isinstance(part, Mapping) and "default" in part and error.instance:
                    # If the whole value is empty, there may be no object to add a field to.
                    change = {"op": "add", "path": pointer((*place, field)), "value": part["default"]}
                    fix = Fix(Sentence(_("Add {name}"), {"name": field}), [change])
                self.problems.add("missing_field", sentence, (*place, field), node=self.node, fix=fix)
            case Kind.AnyOf(context) | Kind.OneOfNotValid(context):
                self._explain_alternatives(error, context)
            case _:
                self._explain_rule(error, place, schema)

    def _explain_alternatives(self, error: ValidationError, context: Sequence[Sequence[ValidationError]]) -> None:
        """Explain the error of the only alternative for the value's type, else name the types."""

        def types(errors: Sequence[ValidationError]) -> list[str]:
            """Return the types that an alternative requires and the value does not have."""
            kinds = [one.kind for one in errors if one.instance_path == error.instance_path]
            return [name for kind in kinds if isinstance(kind, Kind.Type) for name in kind.types]

        fitting = [errors for errors in context if not types(errors)]
        if len(fitting) == 1:
            self.explain(fitting[0][0])
            return
        expected: Text = Sentence(_("one of the allowed forms"))
        if not fitting:
            names = dict.fromkeys(name for errors in context for name in types(errors))
            expected = either(_TYPES[name] for name in names)
        name = self._name(error, self._schema_of(error))
        values = {"field": name, "expected": expected, "value": format_value(error.instance)}
        sentence = Sentence(_("{field} must be {expected}, not {value}."), values)
        self.problems.add("wrong_value", sentence, (*self.path, *error.instance_path), node=self.node)

    def _explain_rule(self, error: ValidationError, place: Path, schema: Mapping[str, Any]) -> None:
        value: Any = error.instance
        fix: Fix | None = None
        values: dict[str, Any] = {"field": self._name(error, schema), "value": format_value(value)}
        message = _("{field} must be {expected}, not {value}.")
        match error.kind:
            case Kind.Type(types):
                values["expected"] = either(_TYPES[kind] for kind in _in_order(types, schema.get("type")))
            case Kind.Enum(options):
                if len(options) < 20:
                    values["expected"] = either(format_value(option) for option in options)
                else:
                    values["expected"] = Sentence(_("one of {n} options"), {"n": len(options)})
                if near := nearest(value, [option for option in options if isinstance(option, str)]):
                    message, values["near"] = _('{field} must be {expected}, not {value}. Did you mean "{near}"?'), near
                    fix = Fix.use(near, place)
            case Kind.Constant(expected):
                values["expected"] = format_value(expected)
            case Kind.MinLength(1):
                message = _("{field} must not be empty.")
            case Kind.MinLength(limit):
                message, values["n"] = _("{field} must have at least {n} characters."), limit
            case Kind.MaxLength(limit):
                message = _("{field} has {n:,} characters; at most {most:,} are allowed.")
                values |= {"n": len(value), "most": limit}
            case Kind.Minimum(limit):
                values["expected"] = Sentence(_("at least {n}"), {"n": format_value(limit)})
            case Kind.ExclusiveMinimum(limit):
                values["expected"] = Sentence(_("above {n}"), {"n": format_value(limit)})
            case Kind.Maximum(limit):
                values["expected"] = Sentence(_("at most {n}"), {"n": format_value(limit)})
            case Kind.ExclusiveMaximum(limit):
                values["expected"] = Sentence(_("below {n}"), {"n": format_value(limit)})
            case Kind.MinItems(1):
                message = _("{field} must have at least one entry.")
            case Kind.MinItems(limit):
                message, values["n"] = _("{field} must have at least {n} entries."), limit
            case Kind.MaxItems(limit):
                message = _("{field} has {n:,} entries; at most {most:,} are allowed.")
                values |= {"n": len(value), "most": limit}
            case Kind.Pattern(pattern):
                message = _("{field} is {value}, which does not match the pattern {pattern}.")
                values["pattern"] = pattern
            case Kind.UniqueItems():
                message = _("{field} must not contain the same entry twice.")
            case Kind.Format(kind):
                values["expected"] = Sentence(_("a valid {format}"), {"format": kind})
            case kind:
                message, values["rule"] = _("{field} does not satisfy the rule {rule} of its schema."), kind.name
        sentence = Sentence(message, values)
        if isinstance(error.kind, Kind.MinLength) and not value:
            sentence = self._missing(schema, sentence)
        self.problems.add(_CODES.get(error.kind.name, "wrong_value"), sentence, place, node=self.node, fix=fix)

    def _missing(self, schema: Any, otherwise: Sentence) -> Sentence:
        """Return the sentence for a missing or empty value: `Enter a path.`"""
        prompt = schema.get("x-missing") if isinstance(schema, Mapping) else None
        return Sentence(prompt) if isinstance(prompt, str) else otherwise

    def _name(self, error: ValidationError, schema: Mapping[str, Any]) -> Text:
        if not error.instance_path:
            return self.name
        last = error.instance_path[-1]
        return Sentence(_("Entry {n}"), {"n": last + 1}) if isinstance(last, int) else _title(schema, last)

    def _schema_of(self, error: ValidationError) -> Mapping[str, Any]:
        """Return the part of the schema that has the rule; empty if it is not on the path, as behind a `$ref`."""
        part = _at(self.schema, error.schema_path[:-1])
        return part if isinstance(part, Mapping) else {}


def _at(value: Any, path: Iterable[str | int]) -> Any:
    try:
        for part in path:
            value = value[part]
    except (LookupError, TypeError):
        return None
    return value


def _title(schema: Any, name: str) -> Text:
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return Sentence(title) if isinstance(title, str) and title else name


def _in_order(types: Sequence[str], order: Any) -> Sequence[str]:
    """Return the types in the order of the schema."""
    return [kind for kind in order if kind in types] if isinstance(order, list) else types
