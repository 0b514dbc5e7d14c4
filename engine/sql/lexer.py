"""Tokens of DuckDB SQL: where code, quotes and comments are. The real check is DuckDB's, when a node runs.

Pure text work in one pass; nothing is executed or rewritten here.
"""

import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from engine.problems import ConfigProblem, Span
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

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


class SqlToken(NamedTuple):
    """A token of SQL; `closed` is false when its quote or comment never ends."""

    kind: str
    """comment string identifier parameter word number mark expression."""
    start: int
    end: int
    closed: bool = True


CACHED_LENGTH_MAX = 50_000
Spans = tuple[Span, ...]


def tokens(sql: str, spans: Spans = ()) -> tuple[SqlToken, ...]:
    """Return the tokens of a text; between them is only white space.

    `spans`: where `{{ }}` are, in ascending order; one that starts between tokens is a token of its own. The last few
    results are cached, because several checks in a row ask for the tokens of one text.
    """
    return _cached(sql, spans) if len(sql) <= CACHED_LENGTH_MAX else tuple(_tokens(sql, spans))


@functools.lru_cache(maxsize=4)
def _cached(sql: str, spans: Spans) -> tuple[SqlToken, ...]:
    return tuple(_tokens(sql, spans))


def _tokens(sql: str, spans: Spans) -> Iterator[SqlToken]:
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
            yield SqlToken("expression", at, end)
            at = end
            continue
        end = match.end()
        if kind in _SIMPLE:
            yield SqlToken(kind, at, end)
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
        yield SqlToken(kind, at, end, closed)
        at = end


def _comment_end(sql: str, at: int) -> tuple[int, bool]:
    depth = 1
    for match in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if match.group() == "/*" else -1
        if not depth:
            return match.end(), True
    return len(sql), False


def line_of(text: str, at: int) -> int:
    """Return the line (from 1) of the character at `at`."""
    return text.count("\n", 0, at) + 1


_UNCLOSED = {
    "string": _("The quoted text is never closed."),
    "identifier": _("The quoted name is never closed."),
    "comment": _("The comment is never closed."),
}


def query_problems(sql: str, spans: Spans = ()) -> list[ConfigProblem]:
    """Return why the text is not one query that starts with select, with or from; [] if it looks like one."""
    problems: list[ConfigProblem] = []

    def add(code: str, message: str, token: SqlToken, **values: str) -> None:
        line, span = line_of(sql, token.start), (token.start, token.end)
        problems.append(ConfigProblem(code, Sentence(message, values), line=line, span=span))

    all_tokens = tokens(sql, spans)
    for token in all_tokens:
        if not token.closed:
            # It reaches to the end of the text; its first line shows where it was opened.
            line_end = sql.find("\n", token.start)
            add("sql_unclosed", _UNCLOSED[token.kind], token._replace(end=line_end if line_end >= 0 else token.end))
        elif token.kind == "parameter":
            message = _("{name} is a parameter without a value. Use {{{{ inputs.name }}}} instead.")
            add("sql_parameter", message, token, name=sql[token.start : token.end])
    code = [token for token in all_tokens if token.kind != "comment"]
    ends = [index for index, token in enumerate(code) if sql[token.start] == ";" and token.kind == "mark"]
    while ends and ends[-1] == len(code) - 1:
        ends.pop()
        code.pop()
    if ends:
        message = _("Only one statement is allowed. Put each query in a node of its own.")
        add("sql_several_statements", message, code[min(ends[0] + 1, len(code) - 1)])
    first = next((token for token in code if sql[token.start : token.end] != "("), None)
    if first is None:
        problems.append(ConfigProblem("sql_not_a_query", Sentence(_("Enter a query.")), line=1))
    elif sql[first.start : first.end].lower() not in STARTS:
        message = _('A query starts with SELECT, WITH or FROM, not with "{word}". It can only read.')
        add("sql_not_a_query", message, first, word=sql[first.start : first.end][:30])
    elif (writer := _writing_word(sql, code)) is not None:
        message = _('"{word}" writes, but a query can only read. Write its result with another node.')
        add("sql_not_a_query", message, writer, word=sql[writer.start : writer.end])
    return problems


def _writing_word(sql: str, code: list[SqlToken]) -> SqlToken | None:
    """Return the `insert` of `with x as (...) insert ...`: after a closing bracket, outside of all brackets."""
    depth = 0
    for before, token in pairwise(code):
        mark = sql[before.start : before.end]
        depth += (mark == "(") - (mark == ")")
        if not depth and mark == ")" and sql[token.start : token.end].lower() in WRITES:
            return token
    return None
