"""The database's clock as a process elsewhere knows it. What several hosts write is dated by this one clock."""

from __future__ import annotations

import time
from collections.abc import Callable

SKEW_SECONDS = 0.5
"""A smaller difference between the clocks of two hosts is ignored."""


class DatabaseClock:
    """Runs on with the monotonic clock since the database last told its time, so that setting this machine's clock
    moves nothing. One thread synchronizes it; any may ask."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Only tests replace the two clocks of this machine."""
        self._wall, self._monotonic = wall, monotonic
        self._zero: tuple[float, float] | None = None
        """(the database's time when the monotonic clock was 0, by how much that may be wrong)."""

    def synchronize(self, database: float, before: float, after: float) -> None:
        """Note the database's time, which it told between these two monotonic times."""
        zero, error = database - (before + after) / 2, (after - before) / 2
        if self._zero is None or error < self._zero[1] or abs(zero - self._zero[0]) > error + self._zero[1]:
            self._zero = zero, error

    def ahead(self) -> float:
        """Return by how many seconds this machine's wall clock is ahead of the database's.

        0 when the difference is small, or may be due to the time that the answer took.
        """
        if self._zero is None:
            return 0.0
        zero, error = self._zero
        ahead = self._wall() - zero - self._monotonic()
        return ahead if abs(ahead) > SKEW_SECONDS + error else 0.0

    def now(self) -> float:
        """Return the unix time by the database's clock."""
        return self._wall() - self.ahead()
