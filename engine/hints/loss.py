"""Notices that messages over Redis are lost: something is found in the database, and no message about it has come.

Then both sides read the database so often that work goes on at its usual rate.
"""

LOST_SECONDS = 2.0
"""How long messages count as lost after something was found without one."""
POLL_SECONDS = 0.02
"""How often the database is read meanwhile."""


class LossDetector:
    """Times are monotonic. `arrived` may be called from any thread."""

    def __init__(self) -> None:
        self._until = 0.0

    def found_without(self, now: float) -> None:
        """Note that something was found in the database before a message about it had arrived."""
        self._until = now + LOST_SECONDS

    def arrived(self) -> None:
        """Note that a message has arrived, so messages are not lost any more."""
        self._until = 0.0

    def are_lost(self, now: float) -> bool:
        return now < self._until
