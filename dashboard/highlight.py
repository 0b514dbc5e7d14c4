"""Code as text with marks: keywords, strings, numbers, comments and expressions of Python, SQL and shell. Pure.

For reading in a panel, not for an editor: one pass of one pattern, so the cost grows with the text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

CHARACTERS_MAX = 32 * 1024
"""What is longer is shown without marks."""

_WORDS = {
    "python": (
        "and as assert async await break class continue def del elif else except finally for from global if import in "
        "is lambda match nonlocal not or pass raise return try while with yield None True False"
    ),
    "sql": (
        "select from where group by order having join left right inner outer full cross on using as and or not in is "
        "null case when then else end union all distinct limit offset with over partition between like exists true "
        "false asc desc values cast filter qualify"
    ),
    "shell": "if then else elif fi for in do done while until case esac function return export local set exit",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: its text, and its kind as a class of the style sheet (empty: plain)."""

    text: str
    kind: str


def lines(text: str, language: str) -> list[list[Piece]]:
    """`text` by lines, each in pieces that together are the line."""
    found: list[list[Piece]] = [[]]
    for piece in _pieces(text, language):
        for place, part in enumerate(piece.text.split("\n")):
            if place:
                found.append([])
            if part:
                found[-1].append(Piece(part, piece.kind))
    return found


def _pieces(text: str, language: str) -> list[Piece]:
    if language not in _WORDS or len(text) > CHARACTERS_MAX:
        return [Piece(text, "")]
    pieces, at = [], 0
    for match in _pattern(language).finditer(text):
        if match.start() > at:
            pieces.append(Piece(text[at : match.start()], ""))
        pieces.append(Piece(match[0], match.lastgroup or ""))
        at = match.end()
    if at < len(text):
        pieces.append(Piece(text[at:], ""))
    return pieces


@cache
def _pattern(language: str) -> re.Pattern[str]:
    words = "|".join(_WORDS[language].split())
    # An expression's length is bounded: many beginnings without an end would each look through all that follows.
    expression = r"(?P<ex>\{\{[^\n]{0,300}?\}\})|"
    if language == "python":
        comment, expression = r"\#[^\n]*", ""
        triple = r"'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\""
        string = rf"[rbfuRBFU]{{0,2}}(?:{triple}|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    elif language == "sql":
        comment, string = r"--[^\n]*|/\*.*?\*/", r"'(?:[^']|'')*'"
    else:
        comment, expression = r"(?<!\S)\#[^\n]*", ""
        string = r"'[^']*'|\"(?:[^\"\\]|\\.)*\""
    return re.compile(
        rf"{expression}(?P<com>{comment})|(?P<str>{string})|(?P<kw>\b(?:{words})\b)|(?P<num>\b\d[\d_]*(?:\.\d+)?\b)",
        re.DOTALL | (re.IGNORECASE if language == "sql" else 0),
    )
