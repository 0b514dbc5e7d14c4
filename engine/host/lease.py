"""How long a host may run what it has taken."""

import time

from engine.database.heartbeat import LEASE_SECONDS
from engine.host.guard import Guard

KILL_SECONDS = 0.5
"""How long ending all attempts may take. It begins this long before the lease expires."""
RUN_SECONDS = LEASE_SECONDS - KILL_SECONDS
"""How long attempts may run after the lease was renewed."""
START_SECONDS = 0.5
"""How long attempts may start after the worker was last seen to move, and how long its oldest report may wait."""


class HostLease:
    """The time until which attempts may run, by the monotonic clock. The guard and the node processes read it too."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._until = 0.0

    @property
    def until(self) -> float:
        return self._until

    @property
    def is_expired(self) -> bool:
        return time.monotonic() >= self._until

    def renew(self, at: float) -> None:
        """Count the lease as renewed at this monotonic time, at which the request to the database was sent."""
        self._until = at + RUN_SECONDS
        self._guard.until(self._until)

    def allow_starts(self, reports_wait_since: float) -> bool:
        """Let node processes start attempts for a moment, unless reports wait for too long to be written.

        Return whether they may.
        """
        now = time.monotonic()
        if reports_wait_since < now - START_SECONDS:
            return False
        self._guard.starts_until(now + START_SECONDS)
        return True
