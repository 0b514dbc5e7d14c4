"""The report batches that were written so recently that a crash of the database may undo them."""

import time
from collections import deque
from collections.abc import Collection

from engine.executors.base import Report, Returned

RETENTION_SECONDS = 2.0
"""Longer than the 0.6 s after which PostgreSQL, unless set otherwise, has made a commit durable."""
BYTES_MAX = 4 << 20


class UnconfirmedBatches:
    """The last report batches of one registration. Used by one thread."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, float, int, list[Report]]] = deque()
        """(number, monotonic time, bytes, reports) of each."""
        self._bytes = 0

    def clear(self) -> None:
        self._batches.clear()
        self._bytes = 0

    def add(self, number: int, size: int, reports: list[Report]) -> None:
        """Add a batch of `size` bytes that has just been written, and forget old ones."""
        now = time.monotonic()
        self._batches.append((number, now, size, reports))
        self._bytes += size
        while self._batches and (self._batches[0][1] < now - RETENTION_SECONDS or self._bytes > BYTES_MAX):
            self._bytes -= self._batches.popleft()[2]

    def after(self, number: int) -> list[tuple[int, list[Report]]]:
        """Return (number, reports) of the stored batches after this number."""
        return [(one, reports) for one, _, _, reports in self._batches if one > number]


def claims_of(report: Report) -> Collection[str]:
    """Return the claims that a report is about."""
    return report.claims if isinstance(report, Returned) else (report.claim,)
