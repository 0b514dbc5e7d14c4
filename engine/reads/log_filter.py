"""Finds the lines of a stored batch that match, without parsing it as JSON. Pure.

A batch is compact JSON, `[["at","level","message"],...]`, with times of one width and nothing escaped but `"`, `\\` and
control characters. So `"],["` separates two lines and occurs nowhere else, because quotes in messages are escaped; and
a search text that is escaped in the same way is found in the batch where it is in a message. A million lines are
searched as some thousand texts, and only lines with a hit are examined. A batch in any other form of JSON is parsed.
"""

import json
from collections.abc import Iterable, Sequence

LEVELS = ("debug", "info", "warning", "error")
SEPARATOR = '"],["'
_TIME = len("2026-01-01T00:00:00.000000Z")
_HEAD = _TIME + len('","')
"""Characters from the beginning of a line to its level."""

Row = tuple[str, str, str]
"""(at, level, message)"""


def severity(level: str) -> int:
    """Return the place in LEVELS; an unknown level counts as info."""
    return LEVELS.index(level) if level in LEVELS else 1


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _has_no_case(char: str) -> bool:
    """Return whether no other character folds to this one, so that it can be searched before the text is folded."""
    if char.isascii():
        return not char.isalpha()
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3"


def _anchor(folded: str) -> str:
    """Return the longest part of the folded search text without case, escaped as in storage."""
    best = part = ""
    for char in folded:
        part = part + char if _has_no_case(char) else ""
        best = max(best, part, key=len)
    return _escaped(best)


class LineFilter:
    """Matches lines that are at least as severe as `level` and contain `q`, ignoring case."""

    def __init__(self, q: str | None = None, level: str | None = None) -> None:
        self._wanted = q.casefold() if q else ""
        self._needle = _escaped(self._wanted)
        self._anchor = _anchor(self._wanted)
        self._min_severity = LEVELS.index(level) if level in LEVELS else 0
        self._named = [name for name in LEVELS if self._wanted and self._wanted in name]
        self._severe_enough = [f'","{name}","' for name in LEVELS[self._min_severity :]]

    @property
    def matches_all(self) -> bool:
        """Whether every line matches."""
        return not self._wanted and not self._min_severity

    def matching(self, body: str, count: int) -> Sequence[int]:
        """Return the offsets of the lines that match in a stored batch of `count` lines."""
        if self.matches_all:
            return range(count)
        if not _is_compact(body):
            return [offset for offset, line in enumerate(json.loads(body)) if self._matches(line)]
        # Unknown levels count as info, so only for higher levels one of their names must occur.
        if self._min_severity == 1 and '","debug","' not in body:
            return self._with_text(body, min_severity=0) if self._wanted else range(count)
        if self._min_severity > 1 and not any(name in body for name in self._severe_enough):
            return ()
        if self._wanted:
            return self._with_text(body, min_severity=self._min_severity)
        return [
            at for at, line in enumerate(body[3:-3].split(SEPARATOR)) if severity(_level(line)) >= self._min_severity
        ]

    def _matches(self, line: Sequence[str]) -> bool:
        return severity(line[1]) >= self._min_severity and self._wanted in line[2].casefold()

    def _with_text(self, body: str, min_severity: int) -> list[int]:
        if self._anchor not in body:
            return []
        text = body.casefold()
        for name in self._named:
            # Hide the names of levels, or every line would be examined.
            text = text.replace(f'","{name}","', f'","{name.upper()}","')
        needle, found = self._needle, []
        offset, begin = 0, 3
        at = text.find(needle)
        while at >= 0:
            before = text.rfind(SEPARATOR, begin, at)
            if before >= 0:
                offset += text.count(SEPARATOR, begin, before + len(SEPARATOR))
                begin = before + len(SEPARATOR)
            message = text.find('","', begin + _HEAD) + 3
            if at < message:
                # The hit is in the time or the level.
                at = text.find(needle, message)
                continue
            end = text.find(SEPARATOR, message)
            if end < 0:
                end = len(text) - 3
            if at >= end:
                # The hit is between two lines.
                at = text.find(needle, end + len(SEPARATOR))
                continue
            if severity(text[begin + _HEAD : message - 3].lower()) >= min_severity and self._is_real(
                text, message, at, end
            ):
                found.append(offset)
            at = text.find(needle, end + len(SEPARATOR))
        return found

    def _is_real(self, text: str, message: int, at: int, end: int) -> bool:
        """Return whether the hit is not part of an escape sequence; near one the message is parsed to find out."""
        if "\\" not in text[max(message, at - 6) : at]:
            return True
        parsed: str = json.loads(f'"{text[message:end]}"')
        return self._wanted in parsed


def _is_compact(body: str) -> bool:
    return body.startswith('[["') and body[3 + _TIME : 3 + _HEAD] == '","'


def _level(line: str) -> str:
    return line[_HEAD : line.find('","', _HEAD)]


def rows(body: str, offsets: Iterable[int]) -> list[Row]:
    """Return the lines of a stored batch at these offsets."""
    wanted = list(offsets)
    if len(wanted) > 20 or not _is_compact(body):
        every = json.loads(body)
        return [tuple(every[offset]) for offset in wanted]
    if not wanted:
        return []
    stored = body[3:-3].split(SEPARATOR)
    return [tuple(json.loads(f'["{stored[offset]}"]')) for offset in wanted]
