"""Code for display: syntax highlighting, excerpts around an error, tracebacks. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, Final

HIGHLIGHTED_CHARACTERS_MAX: Final = 32 * 1024
"""Longer texts are shown without highlighting."""
# The length is limited, or each of many unclosed beginnings would search the rest of the text.
_EXPRESSION: Final = re.compile(r"\{\{[^\n]{0,300}?\}\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line, and its CSS class (empty: plain)."""

    text: str
    kind: str


@lru_cache(maxsize=64)
def highlight(text: str, language: str) -> list[list[Piece]]:
    """Split `text` into lines of highlighted pieces."""
    lines: list[list[Piece]] = [[]]
    for kind, characters in groupby(_kinds(text, language), key=lambda pair: pair[0]):
        for index, part in enumerate("".join(piece for _, piece in characters).split("\n")):
            if index:
                lines.append([])
            if part:
                lines[-1].append(Piece(part, kind))
    return lines


def _kinds(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield (CSS class, text) of all tokens."""
    if not language or len(text) > HIGHLIGHTED_CHARACTERS_MAX:
        yield "", text
        return
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    kinds = ((Comment, "com"), (Keyword, "kw"), (Operator.Word, "kw"), (Number, "num"), (String, "str"))
    # An expression is not SQL: replace it with a name of the same length for the lexer.
    expressions = {found.start(): found[0] for found in _EXPRESSION.finditer(text)} if language == "sql" else {}
    source = _EXPRESSION.sub(lambda found: "_" * len(found[0]), text) if expressions else text
    for start, token, piece in _lexer(language).get_tokens_unprocessed(source):
        if start in expressions and token in Name:
            yield "ex", expressions[start]
        else:
            yield next((kind for type_, kind in kinds if token in type_), ""), text[start : start + len(piece)]


@cache
def _lexer(language: str) -> Any:
    # Imported on first use: most requests of a web process highlight nothing.
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name({"shell": "bash"}.get(language, language))


@dataclass(frozen=True, slots=True)
class CodeLine:
    number: int
    text: str
    hit: bool


def code_around(code: str, line: int | None, around: int = 4) -> list[CodeLine]:
    """Return the lines of `code` around `line`, with that line marked; the first lines if `line` is None."""
    lines = code.splitlines()
    if not lines:
        return []
    if line is None or not 1 <= line <= len(lines):
        return [CodeLine(number, text, False) for number, text in enumerate(lines[: 2 * around + 1], 1)]
    first = max(1, line - around)
    return [
        CodeLine(number, lines[number - 1], number == line)
        for number in range(first, min(len(lines), line + around) + 1)
    ]


@dataclass(frozen=True, slots=True)
class TracebackLine:
    text: str
    kind: str
    """author: a line that names the node's own code; source: that line's text; empty: anything else."""


_FRAME = re.compile(r'\s*File "(.*)", line \d+')


def traceback_lines(text: str, own: str) -> list[TracebackLine]:
    """Split a traceback into lines and mark those about the file `own`."""
    found: list[TracebackLine] = []
    inside = False
    for line in text.splitlines():
        frame = _FRAME.match(line)
        if frame:
            inside = bool(own) and frame[1] == own
            found.append(TracebackLine(line, "author" if inside else ""))
            continue
        # The source text of a frame is indented two columns deeper than the frame; the final message is not.
        inside = inside and line.startswith("    ")
        found.append(TracebackLine(line, "source" if inside and line.strip(" ^~|") else ""))
    return found
