"""`{{ ... }}` in a node's config: where it stands, what it reads, and its value.

Finding and checking happen wherever documents are checked and evaluate nothing. `render` and `bind_sql` evaluate,
and are called in node processes only. An expression's value never becomes code: in SQL it is a bound parameter.
"""

from __future__ import annotations

import base64
import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.expressions import parser, variables
from engine.expressions.parser import CelError
from engine.sql import lexer

TEXT_MAX = 65_536
"""Characters of a text that holds expressions."""
OUTPUT_MAX = 1 << 20
"""Bytes of a rendered value, as JSON."""
Path = tuple[str | int, ...]
_BEFORE_NAMES = ("join", "as", "table")
"""Words after which SQL wants a name, so that no value can stand there."""


class ExpressionError(Exception):
    """An expression gives no usable value in this run; the message names it."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        """From 1, within the text that holds the expression; None: not known."""


@dataclass(frozen=True, slots=True)
class Span:
    """One `{{ ... }}` in a text."""

    start: int
    end: int
    """After the closing brackets."""
    source: str
    """Between the brackets, stripped."""
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an expression cannot be used, and in which line of the text (from 1)."""

    code: str
    message: str
    line: int


def find(text: str) -> Sequence[Span]:
    """All expressions of a text, in order. Quotes and braces inside an expression do not end it."""
    start = text.find("{{")
    if start < 0:
        return ()
    return _find_cached(text, start) if len(text) <= lexer.CACHED_LENGTH_MAX else _find(text, start)


def _find(text: str, start: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    while start >= 0:
        end = _end_of(text, start + 2)
        if end < 0:
            spans.append(Span(start, len(text), text[start + 2 :].strip(), closed=False))
            break
        spans.append(Span(start, end, text[start + 2 : end - 2].strip()))
        start = text.find("{{", end)
    return tuple(spans)


_find_cached = functools.lru_cache(maxsize=8)(_find)
"""Each text is asked about by several checks in a row."""


def _end_of(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        character = text[at]
        if character == "}":
            if not depth and text.startswith("}}", at):
                return at + 2
            depth = max(0, depth - 1)
            at += 1
            continue
        match = parser.TOKEN.match(text, at)
        if match is None or match.group().startswith("//"):
            at += 1  # an unclosed quote, or a comment, which must not swallow the closing brackets
            continue
        if match.lastgroup == "text":
            close = parser.string_end(text, match.end(), match.group())
            at = close if close >= 0 else match.end()
            continue
        depth += character == "{"
        at = match.end()
    return -1


def closed_spans(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of every expression that is closed."""
    return tuple((span.start, span.end) for span in find(text) if span.closed)


# -- where they are ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A text of a config that holds expressions."""

    path: Path
    text: str
    mode: str
    """`text`; `sql`: bound as parameters; `cel`: the whole text is one expression, with or without `{{ }}`."""


def places(schema: Mapping[str, Any], config: Any) -> list[Place]:
    """The texts of `config` that hold expressions, by the `x-expression` marks of its JSON Schema.

    `config` fits the schema. Texts in fields without a mark are left out, whatever they hold.
    """
    return list(_places(schema, config, ()))


def _places(schema: Any, value: Any, path: Path) -> Iterator[Place]:
    if not isinstance(schema, Mapping):
        return
    mark = schema.get("x-expression")
    if mark == "cel":
        if isinstance(value, str):
            yield Place(path, value, "cel")
    elif mark:
        mode = "sql" if mark == "sql" else "text"
        for inner, text in _texts(value, path):
            if "{{" in text:
                yield Place(inner, text, mode)
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties")
        for key, item in value.items():
            yield from _places(properties.get(key, others), item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(schema.get("items"), item, (*path, index))


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """All texts inside a JSON value, however deep, in document order (iterative)."""
    waiting = [(path, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, dict):
            waiting.extend(((*place, key), child) for key, child in reversed(item.items()))
        elif isinstance(item, list):
            waiting.extend(((*place, index), item[index]) for index in range(len(item) - 1, -1, -1))


def sources(place: Place) -> list[str]:
    """The expressions of one place."""
    if place.mode == "cel":
        return [_condition(place.text)]
    return [span.source for span in find(place.text)]


def _condition(text: str) -> str:
    """The expression of a `cel` field: `{{ a > 1 }}` and `a > 1` are the same."""
    spans = find(text)
    if len(spans) == 1 and spans[0].closed and not (text[: spans[0].start] + text[spans[0].end :]).strip():
        return spans[0].source
    return text.strip()


# -- checks ---------------------------------------------------------------------------------------


def faults(place: Place) -> list[Fault]:
    """Everything that is wrong with the expressions of one place, their references excepted."""
    found: list[Fault] = []
    if place.mode == "cel":
        _check_source(_condition(place.text), 1, found)
        return found
    if len(place.text) > TEXT_MAX and place.mode == "text":
        message = f"A text with expressions has at most {TEXT_MAX:,} characters, and this one {len(place.text):,}."
        return [Fault("too_long", message, 1)]
    for span in find(place.text):
        line = lexer.line_of(place.text, span.start)
        if span.closed:
            _check_source(span.source, line, found)
        else:
            found.append(Fault("expression", "{{ is never closed. Write }} at the expression's end.", line))
    if place.mode == "sql":
        found.extend(sql_problems(place.text))
    return found


def _check_source(source: str, line: int, found: list[Fault]) -> None:
    try:
        variables.reads(source)
    except CelError as error:
        found.append(Fault(error.code, f"{{{{ {_short(source)} }}}}: {error}", line))


def _short(source: str) -> str:
    return source if len(source) <= 60 else source[:59] + "…"


def check(text: str, where: str = "text") -> list[str]:
    """Messages about the expressions of a text; [] when all are well. `where`: text, sql or cel."""
    return [fault.message for fault in faults(Place((), text, where))]


def sql_problems(sql: str) -> list[Fault]:
    """Expressions that stand where SQL takes no parameter: in quotes, names, comments, or touching a word."""
    found: list[Fault] = []
    pieces = lexer.tokens(sql, closed_spans(sql))
    word = ""
    for place, token in enumerate(pieces):
        if token.kind in ("string", "identifier", "comment") and "{{" in sql[token.start : token.end]:
            inside = {
                "string": "inside quotes. It is bound as a value: write it without the quotes",
                "identifier": "inside a quoted name. Names of tables and columns cannot be computed; write the name",
                "comment": "inside a comment. Remove it there",
            }[token.kind]
            line = lexer.line_of(sql, sql.index("{{", token.start))
            found.append(Fault("sql_expression_place", f"An expression stands {inside}.", line))
        if token.kind == "expression":
            before, after = pieces[place - 1] if place else None, pieces[place + 1] if place + 1 < len(pieces) else None
            glued = (before and before.end == token.start and _glues(before, sql)) or (
                after and after.start == token.end and _glues(after, sql)
            )
            if glued or word in _BEFORE_NAMES:
                message = (
                    "An expression stands where a name is. It is a value: names of tables and columns cannot be "
                    "computed. Put spaces around a value."
                )
                found.append(Fault("sql_expression_place", message, lexer.line_of(sql, token.start)))
        if token.kind != "comment":
            word = sql[token.start : token.end].lower() if token.kind == "word" else ""
    return found


def _glues(token: lexer.Token, sql: str) -> bool:
    """Whether a piece right beside an expression would make one word with it."""
    text = sql[token.start : token.end]
    return token.kind in ("word", "number", "identifier", "expression", "parameter") or text in (".", "$", "@", "#")


def references(place: Place) -> variables.Reads:
    """The nodes and inputs that the expressions of a place name; expressions with faults are left out."""
    nodes: dict[str, None] = {}
    inputs: dict[str, None] = {}
    for source in sources(place):
        try:
            found = variables.reads(source)
        except CelError:
            continue
        nodes.update(dict.fromkeys(found.nodes))
        inputs.update(dict.fromkeys(found.inputs))
    return variables.Reads(tuple(nodes), tuple(inputs), all_inputs=False, run_inputs=False)


def node_references(value: Any) -> set[str]:
    """Ids X in `nodes.X.output` within the `{{ }}` of all texts of a value."""
    return {
        node for path, text in _texts(value, ()) if "{{" in text for node in references(Place(path, text, "text")).nodes
    }


# -- values (node processes only) -----------------------------------------------------------------


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """The value of one expression over `context` {inputs, nodes: {id: {output}}, run}. Raises ExpressionError.

    The value may be a datetime, timedelta or bytes beside JSON. Where the interpreter has no `cel` (a user's own),
    expressions that do more than look something up raise ModuleNotFoundError.
    """
    from engine.expressions.evaluation import evaluate as value_of

    return value_of(source, context)


def render(value: Any, context: Mapping[str, Any]) -> Any:
    """`value` with every `{{ }}` of its texts replaced, however deep; JSON. Raises ExpressionError.

    A text that is one whole expression becomes the expression's value with its type, other texts stay texts.
    """
    if isinstance(value, str):
        return _bounded(_render_text(value, context), value) if "{{" in value else value
    if isinstance(value, list):
        return [render(item, context) for item in value]
    if isinstance(value, dict):
        return {key: render(item, context) for key, item in value.items()}
    return value


def render_at(config: Any, paths: Iterable[Sequence[str | int]], context: Mapping[str, Any]) -> Any:
    """A copy of `config` with the texts at `paths` rendered; one without `{{ }}` is an expression as it stands.

    Raises ExpressionError.
    """
    changed = json.loads(json.dumps(config))
    for path in paths:
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        text = holder[path[-1]]
        holder[path[-1]] = render(text, context) if "{{" in text else as_json(evaluate(text.strip(), context), text)
    return changed


def truth(value: Any, context: Mapping[str, Any]) -> bool:
    """Whether a `cel` field holds: `true`, `{{ inputs.n > 1 }}` or `inputs.n > 1`. Raises ExpressionError."""
    found = value if isinstance(value, bool) else evaluate(_condition(value), context)
    if not isinstance(found, bool):
        raise ExpressionError(
            f"{{{{ {_short(_condition(str(value)))} }}}} must be true or false, and is {_kind(found)}. "
            "Compare it with something."
        )
    return found


def bind_sql(sql: str, context: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The SQL with `$p1`, `$p2` ... for its expressions, and the value of each. Raises ExpressionError."""
    wrong = sql_problems(sql)
    if wrong:
        raise ExpressionError(wrong[0].message, wrong[0].line)
    pieces: list[str] = []
    parameters: dict[str, Any] = {}
    at = 0
    for span in find(sql):
        if not span.closed:
            raise ExpressionError("{{ is never closed. Write }} at the expression's end.")
        name = f"p{len(parameters) + 1}"
        try:
            value = evaluate(span.source, context)
        except ExpressionError as error:
            raise ExpressionError(str(error), lexer.line_of(sql, span.start)) from None
        _bounded(as_json(value, span.source), span.source)
        parameters[name] = value
        # A line break inside the expression is kept behind it, so that DuckDB's line numbers stay the author's.
        pieces += (sql[at : span.start], f"${name}", "\n" * sql.count("\n", span.start, span.end))
        at = span.end
    return "".join(pieces) + sql[at:], parameters


def _render_text(text: str, context: Mapping[str, Any]) -> Any:
    if len(text) > TEXT_MAX:
        raise ExpressionError(
            f"A text with expressions has at most {TEXT_MAX:,} characters, and this one {len(text):,}."
        )
    spans = find(text)
    if len(spans) == 1 and spans[0].closed and not (text[: spans[0].start] + text[spans[0].end :]).strip():
        return as_json(evaluate(spans[0].source, context), spans[0].source)
    pieces: list[str] = []
    at = size = 0
    for span in spans:
        if not span.closed:
            raise ExpressionError("{{ is never closed. Write }} at the expression's end.")
        piece = _as_text(as_json(evaluate(span.source, context), span.source))
        size += len(piece)
        if size > OUTPUT_MAX:
            raise _too_large(text)
        pieces += (text[at : span.start], piece)
        at = span.end
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
    return ExpressionError(f"{_short(source)} gives more than {OUTPUT_MAX:,} bytes. Pass large values through inputs.")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    words = {type(None): "null", str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return words.get(type(value), "a time" if isinstance(value, (datetime, timedelta)) else "another value")


def as_json(value: Any, source: str) -> Any:
    """An expression's value as JSON: times as RFC 3339 text, durations as "90s", bytes as base64.

    Raises ExpressionError.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"{{{{ {_short(source)} }}}} is {value}, which is no JSON number.")
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
    raise ExpressionError(f"{{{{ {_short(source)} }}}} gives a {type(value).__name__}, which is no JSON value.")


def _key(key: Any, source: str) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, (bool, int)):
        return json.dumps(key)
    raise ExpressionError(f"{{{{ {_short(source)} }}}} has a key that is no text.")
