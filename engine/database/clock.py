"""Estimates the database's time in another process. Hosts date what they write by this one clock, because their own
differ."""

import time
from collections.abc import Callable

SKEW_SECONDS = 0.5
"""A smaller difference between the clocks of two hosts is ignored."""


class DatabaseClock:
    """The time that the database last reported, carried on by the monotonic clock. So nothing moves when this machine's
    clock is set. One thread calls `synchronize`; any thread may read."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`wall`, `monotonic`: the clocks of this machine, which only tests replace."""
        self._wall, self._monotonic = wall, monotonic
        self._zero: tuple[float, float] | None = None
        """(database's time minus monotonic time, the largest error of that) in seconds; None before the first
        synchronization."""

    def synchronize(self, database: float, before: float, after: float) -> None:
        """Use the time that the database reported between the monotonic times `before` and `after`. The more exact of
        two measurements is kept. If they contradict each other, the database's clock was set, and the newer one is
        kept."""
        zero, error = database - (before + after) / 2, (after - before) / 2
        if self._zero is None or error < self._zero[1] or abs(zero - self._zero[0]) > error + self._zero[1]:
            self._zero = zero, error

    def ahead(self) -> float:
        """Return how many seconds this machine's wall clock is ahead of the database's.

        It is 0 if the difference is at most SKEW_SECONDS, or may be due to the time that the answer took.
        """
        if self._zero is None:
            return 0.0
        zero, error = self._zero
        ahead = self._wall() - zero - self._monotonic()
        return ahead if abs(ahead) > SKEW_SECONDS + error else 0.0

    def now(self) -> float:
        """Return the database's time, as a Unix time."""
        return self._wall() - self.ahead()
