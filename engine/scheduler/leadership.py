"""Makes a scheduler the leader: at its start, and again after an error of the database."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from engine.errors import LostLeadership
from engine.scheduler.dialects import driver_errors
from engine.scheduler.leader_lock import LeaderLock
from engine.scheduler.store import Store

log = logging.getLogger("interlock.scheduler")

STANDBY_SECONDS = 0.25
OUTAGE_SECONDS = 0.5
"""How often a database that is away is tried again."""
AGAIN_SECONDS = 0.05


class StopFlag(Protocol):
    """A flag that a signal handler sets."""

    def is_set(self) -> bool: ...


class DrainTimeout(Exception):
    """The scheduler was told to stop, and the database did not come back in time."""


class DrainDeadline:
    """Expires some seconds after `stop` was first seen set, or at once when `force` is set."""

    def __init__(self, stop: StopFlag, force: StopFlag | None, seconds: float, monotonic: Callable[[], float]) -> None:
        self.stop, self.force, self.seconds, self.monotonic = stop, force, seconds, monotonic
        self.end: float | None = None

    def __call__(self) -> bool:
        """Return whether it has expired."""
        if not self.stop.is_set():
            return False
        if self.end is None:
            self.end = self.monotonic() + self.seconds
        return self.monotonic() >= self.end or (self.force is not None and self.force.is_set())


class Leadership:
    """Holds the leader's lock and epoch, and gets them again on a new connection."""

    def __init__(self, store: Store, lock: LeaderLock) -> None:
        self.store = store
        self.lock = lock
        self.epoch = 0
        self._outage = ""
        """The error of a database that is away; empty: it is not away."""

    def wait(self, stop: StopFlag | None) -> bool:
        """Stand by until this scheduler leads. Return False when `stop` was set before."""
        standing_by = False
        while not self._try():
            if stop is not None and stop.is_set():
                return False
            if not standing_by:
                log.info("scheduler_stands_by")
                standing_by = True
            time.sleep(STANDBY_SECONDS)
        self._outage = ""
        return True

    def _try(self) -> bool:
        try:
            if not self.store.is_open:
                self.store.open()
            if not self.lock.acquire():
                return False
            self.epoch = self.lock.take_over()
        except driver_errors() as error:
            # Closing the connection also releases the lock, if it was acquired.
            self.store.close()
            self.database_away(error)
            return False
        return True

    def regain(self, wait: Callable[[float], None]) -> None:
        """Lead again on a new connection: on PostgreSQL the lock has ended with the old one. `wait` waits for some
        seconds. Raises LostLeadership and database errors."""
        self.store.close()
        self.store.open()
        while not self.lock.acquire():
            # The server has not noticed the end of the old connection, or another scheduler is just taking over.
            if self.lock.lost_to_another(self.epoch):
                raise LostLeadership(self.epoch)
            wait(AGAIN_SECONDS)
        self.epoch = self.lock.take_over()

    def database_away(self, error: Exception) -> None:
        """Log an error of the database, unless it is the one that was logged last."""
        if self._outage != str(error):
            self._outage = str(error)
            log.warning("database_away: %s", error)

    def database_back(self) -> None:
        """Note that an outage is over, so that the next one is logged."""
        self._outage = ""

    def release(self) -> None:
        """Let another scheduler lead."""
        self.lock.release()
