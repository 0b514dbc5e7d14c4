"""Turns DuckDB's errors about one query into problems of the author's text, with a fix where one is obvious. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine import expressions
from engine.problems import FIX_LENGTH_MAX, ConfigProblem, Fix, Span, nearest
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.sql import lexer
from engine.sql.check.binding import Bound

MESSAGE_MAX = 300
"""Characters of a message of DuckDB in a sentence."""
_COLUMNS_MAX = 8
"""Columns that a sentence lists."""
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z", re.IGNORECASE)
_KEYWORDS = frozenset(
    """
    all and any as asc between by case cast check collate column constraint create cross default desc distinct else
    end except exists false fetch for foreign from full group having in inner intersect into is join lateral left
    like limit natural not null offset on only or order outer pivot primary qualify references returning right
    select some table then to true union unique unpivot using when where window with
    """.split()  # noqa: SIM905 sixty quoted words are no easier to read
)

Columns = Sequence[Mapping[str, str]]


def problems(
    errors: Sequence[Mapping[str, Any]], sql: str, bound: Bound, tables: Mapping[str, Columns | None]
) -> list[ConfigProblem]:
    """Return the problems of `sql` for DuckDB's `errors` (see describe.sql), with paths and fixes relative to the text.

    `tables`: the columns of its inputs by name; None: not known.
    """
    text = _Text(sql)
    result: list[ConfigProblem] = []
    named: dict[str, list[int]] = {}
    for error in errors:
        if error["kind"] == "column" and error["name"]:
            named.setdefault(error["name"].lower(), []).append(_place(error, text, bound))
    for error in errors:
        kind = error["kind"]
        at = _place(error, text, bound)
        if kind == "column" and error["name"]:
            # One wrong name in several places is one problem with one fix.
            places = named.pop(error["name"].lower(), None)
            if places is not None:
                result.append(_column(error, places, text, tables))
        elif kind == "table" and error["name"]:
            result.append(_table(error, at, text, tables))
        elif kind == "function" and error["name"]:
            result.append(_function(error, at, text))
        elif kind == "syntax":
            sentence = Sentence(_("The SQL is not valid: {error}."), {"error": _first_line(error["message"])})
            result.append(text.problem("sql_syntax", sentence, at))
        elif kind == "permission":
            message = _(
                "A query cannot open files. Read the file with a node of its own (Read table), and use the name of "
                "that node here."
            )
            result.append(text.problem("sql_file", Sentence(message), at))
        elif not bound.parameters:
            # With parameters the reason may be their types, which only a run knows.
            sentence = Sentence(_("DuckDB: {error}."), {"error": _first_line(error["message"])})
            result.append(text.problem("sql_binding", sentence, at, severity="warning"))
    return sorted(result, key=lambda one: one.line or 0)


def _first_line(message: str) -> str:
    """Return the sentence of a message, without the lists that follow it."""
    line = message.split("\n")[0].strip().rstrip(".!")
    return line if len(line) <= MESSAGE_MAX else line[: MESSAGE_MAX - 1] + "…"


class _Text:
    """The author's text as tokens."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [token for token in lexer.tokens(sql, expressions.closed_spans(sql)) if token.kind != "comment"]

    def problem(
        self, code: str, sentence: Sentence, at: int, *, severity: str = "error", fix: Fix | None = None
    ) -> ConfigProblem:
        """Return a problem of the token at `at`; -1: its place is not known."""
        line = lexer.line_of(self.sql, at) if at >= 0 else None
        span: Span | None = None
        if at >= 0:
            span = next(((one.start, one.end) for one in self.tokens if one.start <= at < one.end), None)
        return ConfigProblem(code, sentence, (), line, span, severity, fix)

    def name(self, token: lexer.SqlToken) -> str | None:
        """Return the name that a token may be, without its quotes."""
        word = self.sql[token.start : token.end]
        if token.kind == "word":
            return word
        return word[1:-1].replace('""', '"') if token.kind == "identifier" and token.closed else None

    def find(self, name: str, start: int) -> lexer.SqlToken | None:
        """Return the token at `start`, or in the chain of names joined by dots from there, that is this name."""
        place = next((at for at, token in enumerate(self.tokens) if token.end > start), None)
        while place is not None and place < len(self.tokens):
            token_name = self.name(self.tokens[place])
            if token_name is not None and token_name.lower() == name.lower():
                return self.tokens[place]
            if place + 1 < len(self.tokens) and self._is_dot(place + 1):
                place += 2
                continue
            return None
        return None

    def only(self, name: str) -> lexer.SqlToken | None:
        """Return the token of this name, if there is exactly one in the text."""
        tokens = [token for token in self.tokens if (self.name(token) or "").lower() == name.lower()]
        return tokens[0] if len(tokens) == 1 else None

    def names(self, name: str) -> bool:
        """Return whether the name is anywhere in the text."""
        return any((self.name(token) or "").lower() == name for token in self.tokens)

    def count(self, word: str) -> int:
        """Return how often a word of SQL is in the text."""
        return sum(token.kind == "word" and self.sql[token.start : token.end].lower() == word for token in self.tokens)

    def _is_dot(self, place: int) -> bool:
        token = self.tokens[place]
        return self.sql[token.start : token.end] == "."

    def alias_of(self, alias: str, tables: Mapping[str, Any]) -> str | None:
        """Return the input that is called `alias` in the text: `flights f`, `flights as f`, or itself."""
        if alias.lower() in tables:
            return alias.lower()
        words = [(self.name(token) or "").lower() for token in self.tokens]
        for place, word in enumerate(words):
            if word == alias.lower() and place:
                before = place - 1 - (words[place - 1] == "as")
                if before >= 0 and words[before] in tables:
                    return words[before]
        return None

    def fix(self, tokens: Iterable[lexer.SqlToken], near: str | None) -> Fix | None:
        """Return the fix that writes `near` in place of all the tokens; None: no `near`, or no place for it."""
        places = sorted(set(tokens), key=lambda token: -token.start)
        if not near or not places or len(self.sql) > FIX_LENGTH_MAX:
            return None
        text = self.sql
        for token in places:
            text = text[: token.start] + quoted(near) + text[token.end :]
        return Fix.use(near, (), text)


def quoted(name: str) -> str:
    """Return a name as it is written in SQL: in quotes if it needs them."""
    if _PLAIN_NAME.match(name) and name.lower() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def _place(error: Mapping[str, Any], text: _Text, bound: Bound) -> int:
    """Return where in the author's text the error is; -1: not known."""
    if error["at"] is not None:
        return bound.place(error["at"][0])
    token = text.only(error["name"]) if error["name"] else None
    return token.start if token else -1


def _column(
    error: Mapping[str, Any], places: list[int], text: _Text, tables: Mapping[str, Columns | None]
) -> ConfigProblem:
    name: str = error["name"]
    places = sorted(places)
    tokens = [token for at in places if at >= 0 and (token := text.find(name, at)) is not None]
    used_tables = error.get("used")
    used = [port for port in tables if (port in used_tables if used_tables is not None else text.names(port))]
    table = text.alias_of(error["table"], tables) if error["table"] else used[0] if len(used) == 1 else None
    own = [column["name"] for column in tables.get(table or "") or ()]
    # In a query inside another one, the name may be that of a table which the query makes itself.
    plain = text.count("from") < 2
    near = nearest(name, error["candidates"]) or (nearest(name, own) if plain else None)
    owner = table if own and (plain or near in own) else None
    values = {
        "name": text.name(tokens[0]) if tokens else name,
        "table": owner,
        "names": ", ".join(own[:_COLUMNS_MAX]),
        "n": len(own) - _COLUMNS_MAX,
    }
    if not owner:
        message = _("There is no column {name} here.")
    elif near:
        message = _("{table} has no column {name}.")
    elif len(own) > _COLUMNS_MAX:
        message = _("{table} has no column {name}. Available columns: {names} and {n} more.")
    else:
        message = _("{table} has no column {name}. Available columns: {names}.")
    at = tokens[0].start if tokens else next((at for at in places if at >= 0), -1)
    fix = text.fix(tokens, near)
    return text.problem("unknown_column", Sentence(message, values), at, severity="warning", fix=fix)


def _table(error: Mapping[str, Any], at: int, text: _Text, tables: Mapping[str, Any]) -> ConfigProblem:
    name: str = error["name"]
    token = (text.find(name, at) if at >= 0 else None) or text.only(name)
    near = nearest(name, tables) or (next(iter(tables)) if len(tables) == 1 else None)
    if not tables:
        message = _("There is no table {name} here: no edge leads to this node.")
    elif len(tables) == 1:
        message = _("There is no table {name} here. The input of this node is {names}.")
    else:
        message = _("There is no table {name} here. The inputs of this node are {names}.")
    sentence = Sentence(message, {"name": quoted(name), "names": ", ".join(tables)})
    place = token.start if token else at
    return text.problem("unknown_table", sentence, place, fix=text.fix([token] if token else [], near))


def _function(error: Mapping[str, Any], at: int, text: _Text) -> ConfigProblem:
    name: str = error["name"]
    token = text.find(name, at) if at >= 0 else text.only(name)
    near = nearest(name, error["candidates"])
    message = _("There is no function {name}. Did you mean {near}?") if near else _("There is no function {name}.")
    sentence = Sentence(message, {"name": name, "near": near})
    fix = text.fix([token] if token else [], near)
    return text.problem("unknown_function", sentence, token.start if token else -1, severity="warning", fix=fix)
