"""Fills in the defaults of a run's inputs, and checks the inputs against the definition's schema."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from engine.definition.validation.problem_list import ProblemList
from engine.definition.validation.schemas import check_value
from engine.definition.validation.values import check_json
from engine.nodes.json_schema import compile_schema
from engine.problems import Problem, format_value
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

BYTES_MAX = 1 << 20
"""Of a run's inputs as JSON: they travel with every attempt."""
_PATH = ("inputs",)


def accept(schema: Mapping[str, Any] | None, value: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Return the inputs with defaults, and the problems; the inputs count only when there are no problems.

    `schema` is `inputs` of a valid definition; None: the workflow has no inputs. `value` may be any value; null is {}.
    Paths of problems start with `inputs`.
    """
    problems = ProblemList()
    inputs: dict[str, Any] = {}
    name = Sentence(_("inputs"))
    value = {} if value is None else value
    if not isinstance(value, dict):
        problems.wrong_type(name, Sentence(_("an object")), value, _PATH)
    elif not check_json(value, _PATH, problems):
        pass
    elif (size := len(json.dumps(value, ensure_ascii=False).encode())) > BYTES_MAX:
        message = _("The inputs have {n:,} bytes; at most {most:,} are allowed. Put large data in a file.")
        problems.add("too_large", Sentence(message, {"n": size, "most": BYTES_MAX}), _PATH)
    elif schema is None:
        message = _("There is no input {name}: this workflow has no inputs.")
        for key in value:
            problems.add("unknown_field", Sentence(message, {"name": format_value(key)}), (*_PATH, key))
    else:
        inputs = _with_defaults(schema, value)
        check_value(schema, compile_schema(schema), inputs, _PATH, problems, name=name)
    return inputs, problems.finish()


def _with_defaults(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with the defaults of properties that it does not name, also in objects inside it."""
    inputs = dict(value)
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, Mapping):
            continue
        if name not in inputs and "default" in part:
            inputs[name] = copy.deepcopy(part["default"])
        elif isinstance(inputs.get(name), dict) and isinstance(part.get("properties"), Mapping):
            inputs[name] = _with_defaults(part, inputs[name])
    return inputs
