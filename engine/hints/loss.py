"""Notices that messages over Redis are lost: Redis does not answer, or something is found in the database and no
message about it has come.

Then both sides read the database so often that work goes on at nearly its usual rate, and the less often the longer
nothing happens.
"""

LOST_SECONDS = 2.0
"""How long messages count as lost after something was found without one, and after Redis has gone or returned."""
PAUSE_MIN, PAUSE_MAX = 0.004, 0.25
"""Limits of the seconds between two reads of the database meanwhile."""
PAUSE_SHARE = 8
"""A pause is this part of the time since something happened, so no wait grows by more than that."""


class LossDetector:
    """Times are monotonic. `arrived` and `set_away` may be called from any thread."""

    def __init__(self) -> None:
        self._until = self._happened_at = 0.0
        self.is_away = False
        """Whether Redis does not answer."""

    def found_without(self, now: float) -> None:
        """Note that something was found in the database before a message about it had arrived."""
        self._until = now + LOST_SECONDS
        self._happened_at = now

    def expect(self, now: float) -> None:
        """Note that there will soon be something to find."""
        self._happened_at = now

    def arrived(self) -> None:
        """Note that a message has arrived, so messages are not lost any more."""
        self._until = 0.0

    def set_away(self, is_away: bool, now: float) -> None:
        """Note that Redis does not answer, or answers again. Other processes may reach it only later."""
        if is_away or self.is_away:
            self.found_without(now)
        self.is_away = is_away

    def are_lost(self, now: float) -> bool:
        return self.is_away or now < self._until

    def pause(self, now: float, usual: float) -> float:
        """Return the seconds between two reads of the database; `usual`: while messages arrive."""
        if not self.are_lost(now):
            return usual
        return min(max((now - self._happened_at) / PAUSE_SHARE, PAUSE_MIN), PAUSE_MAX)
