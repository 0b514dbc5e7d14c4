"""The database's clock, as a process elsewhere knows it: what several hosts write is by this one."""

from __future__ import annotations

import time
from collections.abc import Callable

SKEW_SECONDS = 0.5
"""Between hosts, clocks are told apart from here on."""


class DatabaseClock:
    """Goes on by the monotonic clock from when the database last said its time, so that nothing moves when somebody
    sets the clock of this machine. One thread hears; all may ask."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        """The two clocks of this machine are replaced by tests only."""
        self._wall, self._monotonic = wall, monotonic
        self._heard: tuple[float, float] | None = None
        """(the database's time when the monotonic clock was 0, by how much that may be wrong)."""

    def heard(self, database: float, before: float, after: float) -> None:
        """The database said its time between these two moments of the monotonic clock."""
        zero, wrong = database - (before + after) / 2, (after - before) / 2
        if self._heard is None or wrong < self._heard[1] or abs(zero - self._heard[0]) > wrong + self._heard[1]:
            self._heard = zero, wrong

    def ahead(self) -> float:
        """By how many seconds the wall clock of this machine is ahead now; 0 when that may as well be the way to the
        database and back, or little enough not to matter."""
        if self._heard is None:
            return 0.0
        zero, wrong = self._heard
        ahead = self._wall() - zero - self._monotonic()
        return ahead if abs(ahead) > SKEW_SECONDS + wrong else 0.0

    def now(self) -> float:
        """Unix time."""
        return self._wall() - self.ahead()
