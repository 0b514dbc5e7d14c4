"""Finds the lines of a stored batch that fit, without reading it as JSON. Pure.

A batch is compact JSON, `[["at","level","message"],...]`, times of one width and nothing escaped but `"`, `\\` and
control characters. In such a text `"],["` stands between two lines and nowhere else, for a quote inside a message
is escaped, and a word that is escaped alike is found in it where it is in a message, whatever its case. So a million
lines are looked through as some thousand texts, and only lines that hold a hit are looked at. A batch in another form
of JSON is read as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

LEVELS = ("debug", "info", "warning", "error")
BETWEEN = '"],["'
_TIME = len("2026-01-01T00:00:00.000000Z")
_HEAD = _TIME + len('","')
"""From where a line begins to its level."""

Row = tuple[str, str, str]
"""(at, level, message)"""


def gravity(level: str) -> int:
    """Place among LEVELS; of an unknown one that of info."""
    return LEVELS.index(level) if level in LEVELS else 1


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _steady(char: str) -> bool:
    """Whether no other character folds to this one: it is then looked for before the text is folded."""
    if char.isascii():
        return not char.isalpha()
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3"


def _anchor(folded: str) -> str:
    """The longest part of a folded word that stands in a text as it is, in the form in which it is stored."""
    best = part = ""
    for char in folded:
        part = part + char if _steady(char) else ""
        best = max(best, part, key=len)
    return _escaped(best)


class Sieve:
    """Lets lines through that are at least as grave as `level` and contain `q`, whatever its case."""

    def __init__(self, q: str | None = None, level: str | None = None) -> None:
        self._wanted = q.casefold() if q else ""
        self._needle = _escaped(self._wanted)
        self._anchor = _anchor(self._wanted)
        self._least = LEVELS.index(level) if level in LEVELS else 0
        self._named = [name for name in LEVELS if self._wanted and self._wanted in name]
        self._graver = [f'","{name}","' for name in LEVELS[self._least :]]

    @property
    def is_open(self) -> bool:
        """Whether every line fits."""
        return not self._wanted and not self._least

    def fitting(self, body: str, count: int) -> Sequence[int]:
        """Offsets of the lines that fit in a stored batch of `count` lines."""
        if self.is_open:
            return range(count)
        if not _is_compact(body):
            return [offset for offset, line in enumerate(json.loads(body)) if self._fits(line)]
        # Unknown levels count as info: only above it does the name of a level have to be there.
        if self._least == 1 and '","debug","' not in body:
            return self._with_word(body, least=0) if self._wanted else range(count)
        if self._least > 1 and not any(name in body for name in self._graver):
            return ()
        if self._wanted:
            return self._with_word(body, least=self._least)
        return [at for at, line in enumerate(body[3:-3].split(BETWEEN)) if gravity(_level(line)) >= self._least]

    def _fits(self, line: Sequence[str]) -> bool:
        return gravity(line[1]) >= self._least and self._wanted in line[2].casefold()

    def _with_word(self, body: str, least: int) -> list[int]:
        if self._anchor not in body:
            return []
        text = body.casefold()
        for name in self._named:
            # Out of the way, or every line would be looked at.
            text = text.replace(f'","{name}","', f'","{name.upper()}","')
        needle, found = self._needle, []
        offset, begin = 0, 3
        at = text.find(needle)
        while at >= 0:
            before = text.rfind(BETWEEN, begin, at)
            if before >= 0:
                offset += text.count(BETWEEN, begin, before + len(BETWEEN))
                begin = before + len(BETWEEN)
            message = text.find('","', begin + _HEAD) + 3
            if at < message:
                # In the time or the level.
                at = text.find(needle, message)
                continue
            end = text.find(BETWEEN, message)
            if end < 0:
                end = len(text) - 3
            if at >= end:
                # Between two lines.
                at = text.find(needle, end + len(BETWEEN))
                continue
            if gravity(text[begin + _HEAD : message - 3].lower()) >= least and self._is_there(text, message, at, end):
                found.append(offset)
            at = text.find(needle, end + len(BETWEEN))
        return found

    def _is_there(self, text: str, message: int, at: int, end: int) -> bool:
        """Whether the hit is no part of an escaped character: right behind one the line is read to know."""
        if "\\" not in text[max(message, at - 6) : at]:
            return True
        said: str = json.loads(f'"{text[message:end]}"')
        return self._wanted in said


def _is_compact(body: str) -> bool:
    return body.startswith('[["') and body[3 + _TIME : 3 + _HEAD] == '","'


def _level(line: str) -> str:
    return line[_HEAD : line.find('","', _HEAD)]


def rows(body: str, offsets: Iterable[int]) -> list[Row]:
    """Lines of a stored batch at these offsets."""
    wanted = list(offsets)
    if len(wanted) > 20 or not _is_compact(body):
        every = json.loads(body)
        return [tuple(every[offset]) for offset in wanted]
    if not wanted:
        return []
    stored = body[3:-3].split(BETWEEN)
    return [tuple(json.loads(f'["{stored[offset]}"]')) for offset in wanted]
