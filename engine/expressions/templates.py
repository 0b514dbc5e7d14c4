"""`{{ ... }}` in a node's config: where it is, what it reads, and what is wrong with it. Nothing is evaluated."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.expressions import parser, variables
from engine.expressions.parser import CelError
from engine.problems import ConfigProblem, Path, Span
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.sql import lexer

TEXT_MAX = 65_536
"""Characters of a text that contains expressions."""
_BEFORE_NAMES = ("join", "as", "table")
"""Words of SQL that a name follows, so that no value can be there."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One `{{ ... }}` in a text."""

    start: int
    end: int
    """After the closing brackets."""
    source: str
    """Between the brackets, stripped."""
    closed: bool = True


def find(text: str) -> Sequence[Expression]:
    """Return all expressions of a text, in order. Quotes and braces inside an expression do not end it."""
    start = text.find("{{")
    if start < 0:
        return ()
    return _find_cached(text, start) if len(text) <= lexer.CACHED_LENGTH_MAX else _find(text, start)


def _find(text: str, start: int) -> tuple[Expression, ...]:
    expressions: list[Expression] = []
    while start >= 0:
        end = _end_of(text, start + 2)
        if end < 0:
            expressions.append(Expression(start, len(text), text[start + 2 :].strip(), closed=False))
            break
        expressions.append(Expression(start, end, text[start + 2 : end - 2].strip()))
        start = text.find("{{", end)
    return tuple(expressions)


_find_cached = functools.lru_cache(maxsize=8)(_find)
"""Several checks in a row ask for the expressions of one text."""


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


def closed_spans(text: str) -> tuple[Span, ...]:
    """Return (start, end) of every expression that is closed."""
    return tuple((one.start, one.end) for one in find(text) if one.closed)


# -- places ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A text of a config that contains expressions."""

    path: Path
    text: str
    mode: str
    """`text`; `sql`: values are bound as parameters; `cel`: the text is one expression, with or without `{{ }}`."""


def places(schema: Mapping[str, Any], config: Any) -> list[Place]:
    """Return the texts of `config` that contain expressions, by the `x-expression` marks of its JSON Schema.

    `config` fits the schema. Texts in fields without a mark are left out, whatever they contain.
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
    """Yield all texts inside a JSON value, however deep, in document order (iterative)."""
    waiting = [(path, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, dict):
            waiting.extend(((*place, key), child) for key, child in reversed(item.items()))
        elif isinstance(item, list):
            waiting.extend(((*place, index), item[index]) for index in range(len(item) - 1, -1, -1))


def whole_expression(text: str) -> str | None:
    """Return the source of a text that is one `{{ ... }}` and nothing else; None for any other text."""
    expressions = find(text)
    if (
        len(expressions) == 1
        and expressions[0].closed
        and not (text[: expressions[0].start] + text[expressions[0].end :]).strip()
    ):
        return expressions[0].source
    return None


def condition(text: str) -> str:
    """Return the source of a `cel` field: `{{ a > 1 }}` and `a > 1` are the same."""
    source = whole_expression(text)
    return text.strip() if source is None else source


def references(place: Place) -> variables.Reads:
    """Return the nodes and inputs that the expressions of a place name. Those with problems are left out."""
    sources = [condition(place.text)] if place.mode == "cel" else [one.source for one in find(place.text)]
    nodes: dict[str, None] = {}
    parts: dict[tuple[str, str], None] = {}
    inputs: dict[str, None] = {}
    for source in sources:
        try:
            reads = variables.reads(source)
        except CelError:
            continue
        nodes.update(dict.fromkeys(reads.nodes))
        parts.update(dict.fromkeys(reads.parts))
        inputs.update(dict.fromkeys(reads.inputs))
    return variables.Reads(tuple(nodes), tuple(parts), tuple(inputs), all_inputs=False, run_inputs=False)


# -- problems -------------------------------------------------------------------------------------

NOT_CLOSED = Sentence(_("{{ is never closed. Add }} at the end of the expression."))


def problems(place: Place) -> list[ConfigProblem]:
    """Return everything that is wrong with the expressions of one place, except what they refer to."""
    text = place.text
    if place.mode == "cel":
        start, end = len(text) - len(text.lstrip()), len(text.rstrip())
        return _source_problems(condition(text), (start, end) if start < end else None, 1)
    if len(text) > TEXT_MAX and place.mode == "text":
        return [ConfigProblem("too_long", too_long(text), line=1)]
    result: list[ConfigProblem] = []
    for one in find(text):
        line, span = lexer.line_of(text, one.start), (one.start, one.end)
        if one.closed:
            result.extend(_source_problems(one.source, span, line))
        else:
            result.append(ConfigProblem("expression", NOT_CLOSED, line=line, span=(one.start, one.start + 2)))
    if place.mode == "sql":
        result.extend(sql_problems(text))
    return result


def too_long(text: str) -> Sentence:
    """Return the sentence that a text with expressions is longer than TEXT_MAX."""
    message = _("A text with expressions may have at most {most:,} characters; this one has {n:,}.")
    return Sentence(message, {"most": TEXT_MAX, "n": len(text)})


def _source_problems(source: str, span: Span | None, line: int) -> list[ConfigProblem]:
    try:
        variables.reads(source)
    except CelError as error:
        sentence = Sentence(_("{expression}: {problem}"), {"expression": shorten(source), "problem": error.sentence})
        return [ConfigProblem(error.code, sentence, line=line, span=span)]
    return []


def shorten(source: str) -> str:
    """Return `{{ source }}`, cut if it is long."""
    return f"{{{{ {source if len(source) <= 60 else source[:59] + '…'} }}}}"


_IN_TOKEN = {
    "string": _("The expression is inside quotes. Its value is passed as a parameter: remove the quotes."),
    "identifier": _("The expression is inside a quoted name. Names of tables and columns cannot be computed."),
    "comment": _("The expression is inside a comment. Remove it."),
}


def sql_problems(sql: str) -> list[ConfigProblem]:
    """Return problems of expressions where SQL takes no parameter: in quotes, names or comments, or next to a word."""
    result: list[ConfigProblem] = []

    def add(message: str, start: int, end: int) -> None:
        line = lexer.line_of(sql, start)
        result.append(ConfigProblem("sql_expression_place", Sentence(message), line=line, span=(start, end)))

    tokens = lexer.tokens(sql, closed_spans(sql))
    word = ""
    for place, token in enumerate(tokens):
        if token.kind in _IN_TOKEN and "{{" in sql[token.start : token.end]:
            start = sql.index("{{", token.start)
            close = sql.find("}}", start, token.end)
            add(_IN_TOKEN[token.kind], start, close + 2 if close >= 0 else start + 2)
        if token.kind == "expression":
            before, after = tokens[place - 1] if place else None, tokens[place + 1] if place + 1 < len(tokens) else None
            joined = (before and before.end == token.start and _joins(before, sql)) or (
                after and after.start == token.end and _joins(after, sql)
            )
            if joined or word in _BEFORE_NAMES:
                message = _(
                    "The expression is used as a name. Names of tables and columns cannot be computed; put spaces "
                    "around a value."
                )
                add(message, token.start, token.end)
        if token.kind != "comment":
            word = sql[token.start : token.end].lower() if token.kind == "word" else ""
    return result


def _joins(token: lexer.SqlToken, sql: str) -> bool:
    """Return whether a token right beside an expression would make one word with it."""
    text = sql[token.start : token.end]
    return token.kind in ("word", "number", "identifier", "expression", "parameter") or text in (".", "$", "@", "#")
