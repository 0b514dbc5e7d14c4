"""A light look at DuckDB SQL: where code, quotes and comments are. The real check is DuckDB's, when a node runs.

Pure text work in one pass; nothing is executed and nothing is rewritten here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

STARTS = ("select", "with", "from")
WRITES = ("insert", "update", "delete", "merge", "copy", "create")
# `'..'` doubles its quote; E'..' also escapes with a backslash. Comments nest, so they are closed by hand.
_TOKEN = re.compile(
    r"""
    \s*(?:
      (?P<line_comment>--[^\r\n]*)
    | (?P<block_comment>/\*)
    | (?P<escape_string>[eE]'(?:[^'\\]|''|\\.)*'?)
    | (?P<string>'(?:[^']|'')*'?)
    | (?P<identifier>"(?:[^"]|"")*"?|`(?:[^`]|``)*`?)
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$)
    | (?P<parameter>\$\w+|\?)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.$]*)
    | (?P<mark>\S)
    | (?P<end>\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = frozenset({"parameter", "word", "number", "mark"})
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Token(NamedTuple):
    """A piece of SQL text; `closed` is false when its quote or comment never ends."""

    kind: str
    """comment string identifier parameter word number mark expression."""
    start: int
    end: int
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text of SQL, and in which line (from 1)."""

    code: str
    message: str
    line: int


CACHED_LENGTH_MAX = 50_000
Spans = tuple[tuple[int, int], ...]


def tokens(sql: str, spans: Spans = ()) -> tuple[Token, ...]:
    """The text in pieces; between them is only white space.

    `spans`: where `{{ }}` stand, in ascending order; one that starts between pieces is a piece of its own. The last
    few answers are kept, for each text is asked about by several checks in a row.
    """
    return _cached(sql, spans) if len(sql) <= CACHED_LENGTH_MAX else tuple(_tokens(sql, spans))


@functools.lru_cache(maxsize=4)
def _cached(sql: str, spans: Spans) -> tuple[Token, ...]:
    return tuple(_tokens(sql, spans))


def _tokens(sql: str, spans: Spans) -> Iterator[Token]:
    following = at = 0
    start = spans[0][0] if spans else len(sql)
    while True:
        match = _TOKEN.match(sql, at)
        assert match is not None  # the last alternatives take any character and the end
        kind = match.lastgroup or ""
        at = match.start("dollar" if kind == "tag" else kind)
        if kind == "end":
            return
        while start < at:
            following += 1
            start = spans[following][0] if following < len(spans) else len(sql)
        if start == at:
            end = spans[following][1]
            yield Token("expression", at, end)
            at = end
            continue
        end = match.end()
        if kind in _SIMPLE:
            yield Token(kind, at, end)
            at = end
            continue
        closed = True
        if kind == "line_comment":
            kind = "comment"
        elif kind == "block_comment":
            kind = "comment"
            end, closed = _comment_end(sql, end)
        elif kind in ("dollar", "tag"):
            kind = "string"
            close = sql.find(match.group("dollar"), end)
            closed = close >= 0
            end = close + len(match.group("dollar")) if closed else len(sql)
        else:
            body = sql[at + 1 : end] if kind == "escape_string" else sql[at:end]
            closed = len(body) > 1 and body.endswith(body[0])
            kind = "identifier" if kind == "identifier" else "string"
        yield Token(kind, at, end, closed)
        at = end


def _comment_end(sql: str, at: int) -> tuple[int, bool]:
    depth = 1
    for match in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if match.group() == "/*" else -1
        if not depth:
            return match.end(), True
    return len(sql), False


def line_of(text: str, at: int) -> int:
    """The line (from 1) in which the character `at` stands."""
    return text.count("\n", 0, at) + 1


def query_faults(sql: str, spans: Spans = ()) -> list[Fault]:
    """Why the text is not one query that starts with select, with or from; [] when it looks like one."""
    faults: list[Fault] = []
    pieces = tokens(sql, spans)
    for token in pieces:
        if not token.closed:
            what = {"string": "A quoted text", "identifier": "A quoted name"}.get(token.kind, "A comment")
            faults.append(Fault("sql_unclosed", f"{what} is never closed.", line_of(sql, token.start)))
        elif token.kind == "parameter":
            name = sql[token.start : token.end]
            message = f"{name} is a parameter, and nothing gives it a value. Write {{{{ inputs.name }}}} instead."
            faults.append(Fault("sql_parameter", message, line_of(sql, token.start)))
    code = [token for token in pieces if token.kind != "comment"]
    ends = [place for place, token in enumerate(code) if sql[token.start] == ";" and token.kind == "mark"]
    while ends and ends[-1] == len(code) - 1:
        ends.pop()
        code.pop()
    if ends:
        at = code[min(ends[0] + 1, len(code) - 1)].start
        message = "The text holds more than one statement. Write one query; make the others nodes of their own."
        faults.append(Fault("sql_several_statements", message, line_of(sql, at)))
    first = next((token for token in code if sql[token.start : token.end] != "("), None)
    if first is None:
        faults.append(Fault("sql_not_a_query", "The SQL is empty. Write a query: select, with or from.", 1))
    elif sql[first.start : first.end].lower() not in STARTS:
        word = sql[first.start : first.end][:30]
        message = f'A query starts with select, with or from, not with "{word}". Only reading is possible here.'
        faults.append(Fault("sql_not_a_query", message, line_of(sql, first.start)))
    else:
        writer = _writing_word(sql, code)
        if writer is not None:
            word = sql[writer.start : writer.end]
            message = f'"{word}" writes; only reading is possible here. Let the query give rows, and write them after.'
            faults.append(Fault("sql_not_a_query", message, line_of(sql, writer.start)))
    return faults


def _writing_word(sql: str, code: list[Token]) -> Token | None:
    """The `insert` of `with x as (...) insert ...`: after a closing bracket, outside of all brackets."""
    depth = 0
    for before, token in pairwise(code):
        mark = sql[before.start : before.end]
        depth += (mark == "(") - (mark == ")")
        if not depth and mark == ")" and sql[token.start : token.end].lower() in WRITES:
            return token
    return None
