"""What a host has told last, for as long as a crash of the database may take it back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection

from engine.executors.base import Report, Returned

KEPT_SECONDS = 2.0
"""Some more than the 0.6 s after which the database has made a commit durable, unless it is set otherwise."""
KEPT_BYTES = 4 << 20


class Sent:
    """The last letters of one life. For one thread."""

    def __init__(self) -> None:
        self._letters: deque[tuple[int, float, int, list[Report]]] = deque()
        """Number, monotonic time, size, reports."""
        self._bytes = 0

    def clear(self) -> None:
        self._letters.clear()
        self._bytes = 0

    def keep(self, number: int, size: int, reports: list[Report]) -> None:
        """A letter was written."""
        now = time.monotonic()
        self._letters.append((number, now, size, reports))
        self._bytes += size
        while self._letters and (self._letters[0][1] < now - KEPT_SECONDS or self._bytes > KEPT_BYTES):
            self._bytes -= self._letters.popleft()[2]

    def after(self, number: int) -> list[tuple[int, list[Report]]]:
        """(number, reports) of those with a higher number, as far as they are kept."""
        return [(one, reports) for one, _, _, reports in self._letters if one > number]


def claims_of(report: Report) -> Collection[str]:
    return report.claims if isinstance(report, Returned) else (report.claim,)
