"""What DuckDB said about one query, as problems in the author's text, with a repair where one is obvious. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import expressions
from engine.problems import Finding, nearest
from engine.sql import lexer
from engine.sql.check.binding import Bound

FIX_LENGTH_MAX = 100_000
"""Of a text that is offered whole, repaired."""
MESSAGE_MAX = 300
_SHOWN = 8
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


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its weight."""

    finding: Finding
    severity: str


def of(
    errors: Sequence[Mapping[str, Any]], sql: str, bound: Bound, tables: Mapping[str, Columns | None]
) -> list[Found]:
    """The findings about `sql` for DuckDB's `errors` (see describe.sql). `tables`: the columns of its inputs."""
    text = _Text(sql)
    found: list[Found] = []
    named: dict[str, list[int]] = {}
    for error in errors:
        if error["kind"] == "column" and error["name"]:
            named.setdefault(error["name"].lower(), []).append(_place(error, text, bound))
    for error in errors:
        kind = error["kind"]
        at = _place(error, text, bound)
        line = lexer.line_of(sql, at) if at >= 0 else None
        if kind == "column" and error["name"]:
            # One wrong name in several places is one problem, and one repair.
            places = named.pop(error["name"].lower(), None)
            if places is not None:
                found.append(_column(error, places, text, tables))
        elif kind == "table" and error["name"]:
            found.append(_table(error, at, text, tables))
        elif kind == "function" and error["name"]:
            found.append(_function(error, at, text))
        elif kind == "syntax":
            message = f"The SQL does not parse: {_said(error['message'])}."
            found.append(Found(Finding("sql_syntax", message, ("sql",), line), "error"))
        elif kind == "permission":
            message = "SQL opens no file. Read it with a node of its own (Read table), and use that node's name here."
            found.append(Found(Finding("sql_file", message, ("sql",), line), "error"))
        elif not bound.parameters:
            # With parameters it may be their types, which only a run knows.
            found.append(Found(Finding("sql_binding", f"{_said(error['message'])}.", ("sql",), line), "warning"))
    return sorted(found, key=lambda one: one.finding.line or 0)


def _said(message: str) -> str:
    """The sentence of a message, without the lists that follow it."""
    said = message.split("\n")[0].strip().rstrip(".!")
    return said if len(said) <= MESSAGE_MAX else said[: MESSAGE_MAX - 1] + "…"


class _Text:
    """The author's text in pieces."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [token for token in lexer.tokens(sql, expressions.closed_spans(sql)) if token.kind != "comment"]

    def name(self, token: lexer.Token) -> str | None:
        """The name that a piece may be, without its quotes."""
        word = self.sql[token.start : token.end]
        if token.kind == "word":
            return word
        return word[1:-1].replace('""', '"') if token.kind == "identifier" and token.closed else None

    def find(self, name: str, start: int) -> lexer.Token | None:
        """The piece at `start`, or in the chain of names joined by dots from there, that is this name."""
        place = next((at for at, token in enumerate(self.tokens) if token.end > start), None)
        while place is not None and place < len(self.tokens):
            found = self.name(self.tokens[place])
            if found is not None and found.lower() == name.lower():
                return self.tokens[place]
            if place + 1 < len(self.tokens) and self._is_dot(place + 1):
                place += 2
                continue
            return None
        return None

    def only(self, name: str) -> lexer.Token | None:
        """The one piece of this name in all the text."""
        found = [token for token in self.tokens if (self.name(token) or "").lower() == name.lower()]
        return found[0] if len(found) == 1 else None

    def names(self, name: str) -> bool:
        """Whether the name stands anywhere in the text."""
        return any((self.name(token) or "").lower() == name for token in self.tokens)

    def count(self, word: str) -> int:
        """How often a word of SQL stands in the text."""
        return sum(token.kind == "word" and self.sql[token.start : token.end].lower() == word for token in self.tokens)

    def _is_dot(self, place: int) -> bool:
        token = self.tokens[place]
        return self.sql[token.start : token.end] == "."

    def replaced(self, tokens: Iterable[lexer.Token], by: str) -> str:
        text = self.sql
        for token in sorted(set(tokens), key=lambda token: -token.start):
            text = text[: token.start] + by + text[token.end :]
        return text

    def alias_of(self, alias: str, tables: Mapping[str, Any]) -> str | None:
        """The input that is called `alias` in the text: `flights f`, `flights as f`, or itself."""
        if alias.lower() in tables:
            return alias.lower()
        words = [(self.name(token) or "").lower() for token in self.tokens]
        for place, word in enumerate(words):
            if word == alias.lower() and place:
                before = place - 1 - (words[place - 1] == "as")
                if before >= 0 and words[before] in tables:
                    return words[before]
        return None

    def fix(self, tokens: Sequence[lexer.Token], near: str | None) -> tuple[str, tuple[dict[str, Any], ...]] | None:
        if not near or not tokens or len(self.sql) > FIX_LENGTH_MAX:
            return None
        change = {"op": "replace", "path": "/sql", "value": self.replaced(tokens, written(near))}
        return (f"Use {near}", (change,))


def written(name: str) -> str:
    """A name as it is written in SQL: in quotes where it would not be one without."""
    if _PLAIN_NAME.match(name) and name.lower() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def _place(error: Mapping[str, Any], text: _Text, bound: Bound) -> int:
    """Where in the author's text the error is; -1: not known."""
    if error["at"] is not None:
        return bound.place(error["at"][0])
    token = text.only(error["name"]) if error["name"] else None
    return token.start if token else -1


def _column(error: Mapping[str, Any], places: list[int], text: _Text, tables: Mapping[str, Columns | None]) -> Found:
    name: str = error["name"]
    places = sorted(places)
    tokens = [token for at in places if at >= 0 and (token := text.find(name, at)) is not None]
    written_name = text.name(tokens[0]) if tokens else name
    said = error.get("used")
    used = [port for port in tables if (port in said if said is not None else text.names(port))]
    table = text.alias_of(error["table"], tables) if error["table"] else used[0] if len(used) == 1 else None
    own = [column["name"] for column in tables.get(table or "") or ()]
    # Where a query stands in another one, the name may be one of a table that the query makes by itself.
    plain = text.count("from") < 2
    near = nearest(name, error["candidates"]) or (nearest(name, own) if plain else None)
    whose = table if own and (plain or near in own) else None
    message = f"{whose} has no column {written_name}." if whose else f"There is no column {written_name} here."
    if not near and whose:
        rest = len(own) - _SHOWN
        message += f" It has {', '.join(own[:_SHOWN])}{f' and {rest} more' if rest > 0 else ''}."
    at = next((at for at in places if at >= 0), -1)
    line = lexer.line_of(text.sql, tokens[0].start if tokens else at) if tokens or at >= 0 else None
    return Found(Finding("unknown_column", message, ("sql",), line, text.fix(tokens, near)), "warning")


def _table(error: Mapping[str, Any], at: int, text: _Text, tables: Mapping[str, Any]) -> Found:
    name: str = error["name"]
    token = (text.find(name, at) if at >= 0 else None) or text.only(name)
    near = nearest(name, tables) or (next(iter(tables)) if len(tables) == 1 else None)
    inputs = ", ".join(tables)
    has = f"The inputs of this node are {inputs}." if len(tables) > 1 else f"The input of this node is {inputs}."
    message = f"There is no table {written(name)} here. " + (
        has if tables else "This node has no input: draw an edge to it from the node whose output it reads."
    )
    line = lexer.line_of(text.sql, token.start if token else at) if token or at >= 0 else None
    return Found(Finding("unknown_table", message, ("sql",), line, text.fix([token] if token else [], near)), "error")


def _function(error: Mapping[str, Any], at: int, text: _Text) -> Found:
    name: str = error["name"]
    token = text.find(name, at) if at >= 0 else text.only(name)
    near = nearest(name, error["candidates"])
    message = f"There is no function {name}." + (f" Did you mean {near}?" if near else "")
    line = lexer.line_of(text.sql, token.start) if token else None
    fix = text.fix([token] if token else [], near)
    return Found(Finding("unknown_function", message, ("sql",), line, fix), "warning")
