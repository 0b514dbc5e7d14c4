"""Values of the expressions in a node's config. Used in node processes only.

The value of an expression never becomes code: in SQL it is a bound parameter.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.expressions.evaluation import ExpressionError, evaluate
from engine.expressions.templates import (
    NOT_CLOSED,
    TEXT_MAX,
    condition,
    find,
    shorten,
    sql_problems,
    too_long,
    whole_expression,
)
from engine.sql import lexer

OUTPUT_MAX = 1 << 20
"""Bytes of a rendered value as JSON."""


def render(value: Any, context: Mapping[str, Any]) -> Any:
    """Return the JSON `value` with every `{{ }}` in its texts, at any depth, evaluated. Raises ExpressionError.

    A text that is one whole expression becomes the expression's value with its type; other texts stay texts.
    """
    if isinstance(value, str):
        return _bounded(_render_text(value, context), value) if "{{" in value else value
    if isinstance(value, list):
        return [render(item, context) for item in value]
    if isinstance(value, dict):
        return {key: render(item, context) for key, item in value.items()}
    return value


def render_at(config: Any, paths: Iterable[Sequence[str | int]], context: Mapping[str, Any]) -> Any:
    """Return a copy of `config` with the texts at `paths` rendered; a text without `{{ }}` is an expression itself.

    Raises ExpressionError.
    """
    changed = json.loads(json.dumps(config))
    for path in paths:
        parent = changed
        for key in path[:-1]:
            parent = parent[key]
        text = parent[path[-1]]
        parent[path[-1]] = render(text, context) if "{{" in text else as_json(evaluate(text.strip(), context), text)
    return changed


def truth(value: Any, context: Mapping[str, Any]) -> bool:
    """Return whether a `cel` field is true: `true`, `{{ inputs.n > 1 }}` or `inputs.n > 1`. Raises ExpressionError."""
    result = value if isinstance(value, bool) else evaluate(condition(value), context)
    if not isinstance(result, bool):
        raise ExpressionError(
            f"{shorten(condition(str(value)))} must be true or false, but is {_kind(result)}. Add a comparison."
        )
    return result


def bind_sql(sql: str, context: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the SQL with `$p1`, `$p2` ... for its expressions, and their values by name. Raises ExpressionError."""
    problems = sql_problems(sql)
    if problems:
        raise ExpressionError(str(problems[0].sentence), problems[0].line)
    pieces: list[str] = []
    parameters: dict[str, Any] = {}
    at = 0
    for one in find(sql):
        if not one.closed:
            raise ExpressionError(str(NOT_CLOSED))
        name = f"p{len(parameters) + 1}"
        try:
            value = evaluate(one.source, context)
        except ExpressionError as error:
            raise ExpressionError(str(error), lexer.line_of(sql, one.start)) from None
        _bounded(as_json(value, one.source), one.source)
        parameters[name] = value
        # Line breaks inside the expression follow the parameter, so that DuckDB's line numbers fit the author's text.
        pieces += (sql[at : one.start], f"${name}", "\n" * sql.count("\n", one.start, one.end))
        at = one.end
    return "".join(pieces) + sql[at:], parameters


def _render_text(text: str, context: Mapping[str, Any]) -> Any:
    if len(text) > TEXT_MAX:
        raise ExpressionError(str(too_long(text)))
    source = whole_expression(text)
    if source is not None:
        return as_json(evaluate(source, context), source)
    pieces: list[str] = []
    at = size = 0
    for one in find(text):
        if not one.closed:
            raise ExpressionError(str(NOT_CLOSED))
        piece = _as_text(as_json(evaluate(one.source, context), one.source))
        size += len(piece)
        if size > OUTPUT_MAX:
            raise _too_large(text)
        pieces += (text[at : one.start], piece)
        at = one.end
    return "".join(pieces) + text[at:]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _bounded(value: Any, source: str) -> Any:
    if len(_as_text(value).encode()) > OUTPUT_MAX:
        raise _too_large(source)
    return value


def _too_large(source: str) -> ExpressionError:
    return ExpressionError(f"{shorten(source)} has more than {OUTPUT_MAX:,} bytes. Pass large values as node inputs.")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    words = {type(None): "null", str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return words.get(type(value), "a time" if isinstance(value, (datetime, timedelta)) else "another value")


def as_json(value: Any, source: str) -> Any:
    """Return an expression's value as JSON: times as RFC 3339 text, durations as "90s", bytes as base64.

    Raises ExpressionError.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"{shorten(source)} is {value}, which is not valid in JSON.")
        return value
    if isinstance(value, list):
        return [as_json(item, source) for item in value]
    if isinstance(value, dict):
        return {_key(key, source): as_json(item, source) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.9g}s"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise ExpressionError(f"{shorten(source)} is a {type(value).__name__}, which is not valid in JSON.")


def _key(key: Any, source: str) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, (bool, int)):
        return json.dumps(key)
    raise ExpressionError(f"{shorten(source)} has a key that is neither text nor an integer nor a boolean.")
