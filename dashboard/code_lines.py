"""Lines of code and tracebacks for display, with the lines marked that an error is about. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
