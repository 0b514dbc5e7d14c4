"""How a scheduler comes to lead, and goes on after an error of the database: memory is thrown away and read again.

While the database is away reports are kept and nothing is declared lost.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from engine import faults, gc_settings, hints
from engine.config import Config
from engine.errors import LostLeadership
from engine.executors.base import Executor, Report, ReportBatch, Work
from engine.scheduler import commands, remote_executor
from engine.scheduler.core import Core
from engine.scheduler.dialects import driver_errors
from engine.scheduler.durations import Learning
from engine.scheduler.envelopes import Envelopes
from engine.scheduler.leader_lock import SILENT_AT_START_SECONDS, SILENT_SECONDS, Leadership
from engine.scheduler.recovery import adopt
from engine.scheduler.store import Store
from engine.scheduler.watchdog import Watchdog

log = logging.getLogger("interlock.scheduler")

STANDBY_SECONDS = 0.25
OUTAGE_SECONDS = 0.5
AGAIN_SECONDS = 0.05


class Stop(Protocol):
    """A flag that a signal handler sets."""

    def is_set(self) -> bool: ...


class GivenUp(Exception):
    """The scheduler was told to end, and the database did not come back in time."""


class Patience:
    """Whether it is over: some seconds after the first look that finds `stop` set, at once when `hurry` is."""

    def __init__(self, stop: Stop, hurry: Stop | None, seconds: float, monotonic: Callable[[], float]) -> None:
        self.stop, self.hurry, self.seconds, self.monotonic = stop, hurry, seconds, monotonic
        self.end: float | None = None

    def __call__(self) -> bool:
        if not self.stop.is_set():
            return False
        if self.end is None:
            self.end = self.monotonic() + self.seconds
        return self.monotonic() >= self.end or (self.hurry is not None and self.hurry.is_set())


class Leading:
    """What a scheduler has in memory, from its start or after an error until the next one."""

    def __init__(
        self,
        config: Config,
        executor: Executor,
        wall: Callable[[], float] | None,
        monotonic: Callable[[], float],
        seed: int | None,
        store: Store,
        leadership: Leadership,
    ) -> None:
        self.config = config
        self.executor = executor
        self.remote = executor.remote
        # Where several hosts write, times are by the clock of none of them.
        self.wall = wall or (self.remote.now if self.remote is not None else time.time)
        self.monotonic = monotonic
        self.rng = random.Random(seed)  # noqa: S311 - jitter
        self.store = store
        self.leadership = leadership
        self.hints: hints.HintServer | None = None
        self.watchdog = Watchdog()
        self.epoch = 0
        self.core = self._new_core()
        self.envelopes = Envelopes(config, self.store.output, hosted=self.remote is not None)
        self.learning = Learning()
        self.inbox: deque[Report | ReportBatch] = deque()
        """Reports that no committed tick has taken up."""
        self.taken: list[Report | ReportBatch] = []
        """Reports that the tick under way has taken up: after an error they are taken again."""
        self.in_flight: set[str] = set()
        """Claims of works that the executor has; it reports on each."""
        self.begun: Mapping[str, float] = {}
        """{claim: unix time} of attempts that an earlier scheduler's processes had begun last."""
        self.open_commands: set[int] = set()
        """Commands that are spread over several ticks."""
        self.works: dict[str, Work] = {}
        self.look_at = 0.0
        """Monotonic time of the next look for commands."""
        self.beat_at = 0.0
        """Monotonic time of the next sign of life."""
        self.away = ""
        """What was said of the database that is away; empty: it is there."""
        self.failed = ""
        """What was said as the turn before failed; empty: it did not."""
        self.again_at = 0.0
        """Monotonic time of the next turn, at the earliest."""
        self.gives_up: Callable[[], bool] = lambda: False
        """Whether a database that is away is waited for no longer."""
        self.stopped = False
        """The executor is."""
        self.asked_back: set[str] = set()
        """Claims that were asked for once: what did not come back is about to start, and is not asked for again."""

    def _new_core(self) -> Core:
        core = Core(rng=self.rng, make_claim=_claim, expectations=self.store.expectations)
        if self.remote is not None:
            core.served = self.remote.served_queues()
        return core

    def start(self, stop: Stop | None = None) -> bool:
        """Become the leader and take up what the database says; False when stopped before."""
        said = False
        while not self._lead():
            if stop is not None and stop.is_set():
                return False
            if not said:
                log.info("scheduler_stands_by")
                said = True
            time.sleep(STANDBY_SECONDS)
        # Leftovers of an earlier scheduler are gone when this returns: only then are its attempts declared lost.
        self.begun = self.executor.start()
        self.hints = hints.server(self.config, self.executor, self.wake)
        self.hints.open()
        if self.remote is None:
            self.store.forget_dispatches()
        self._rebuild()
        gc_settings.tune()
        self.away = ""
        log.info("scheduler_leads epoch=%s runs=%s", self.epoch, len(self.core.runs))
        return True

    def _lead(self) -> bool:
        try:
            if not self.store.is_open:
                self.store.open()
            if not self.leadership.acquire():
                return False
            self.epoch = self.leadership.take_over()
        except driver_errors() as error:
            # A lock that was got goes with the connection.
            self.store.close()
            self._database_is_away(error)
            return False
        return True

    def _database_is_away(self, error: Exception) -> None:
        """Sentence once, however often it is tried again."""
        if self.away != str(error):
            self.away = str(error)
            log.warning("database_away: %s", error)

    def wake(self) -> None:
        """There are new commands."""
        self.look_at = 0.0

    def close(self) -> None:
        """Let go of everything but the executor, which `drain` has stopped."""
        if self.hints is not None:
            self.hints.close()
            self.hints = None
        self.leadership.release()
        self.store.close()

    # Recovery.

    def _recover(self) -> None:
        """Throw memory away and read it again, however long the database is away. Raises LostLeadership, and GivenUp
        when that is over."""
        self.inbox.extendleft(reversed(self.taken))
        self.taken.clear()
        while True:
            self.watchdog.turns += 1
            try:
                self.store.close()
                self._lead_again()
                # However much there is to read.
                self.watchdog.resting = True
                self._rebuild()
                self.away = ""
                return
            except driver_errors() as error:
                self._database_is_away(error)
                if self.gives_up():
                    raise GivenUp from error
                self._wait_for_database(OUTAGE_SECONDS)
            finally:
                self.watchdog.resting = False

    def _wait_for_database(self, seconds: float) -> None:
        """Limits are kept and logs are drained meanwhile."""
        if self.stopped:
            time.sleep(seconds)
        else:
            self.inbox.extend(self.executor.poll(seconds))

    def _lead_again(self) -> None:
        """On PostgreSQL the lock goes with the connection. Raises LostLeadership and database errors."""
        self.store.open()
        while not self.leadership.acquire():
            # The server has not seen yet that our connection ended, or somebody takes over and is about to say so.
            if self.leadership.lost_to_another(self.epoch):
                raise LostLeadership(self.epoch)
            self.watchdog.turns += 1
            self._wait_for_database(AGAIN_SECONDS)
        self.epoch = self.leadership.take_over()

    def _rebuild(self) -> None:
        """Memory from the database. What our executor has in flight goes on; what nobody will report on is lost."""
        self.store.forget()
        self.works.clear()
        self.open_commands.clear()
        self.learning = Learning()
        self.asked_back = set()
        if self.remote is not None:
            self.leadership.speak_within(SILENT_AT_START_SECONDS)
            # The commit whose outcome is not known may have written works, and taken reports out.
            self.in_flight = set(self.remote.reload())
            self.inbox = deque(remote_executor.without_batches(self.inbox))
        core = self.core = self._new_core()
        core.begin(round(self.wall() * 1e6), self.monotonic())
        commands.pools_changed(core, self.store.pools())
        known = set(self.in_flight)
        faults.point("rebuild.before_reading")
        lost: list[Report] = []
        for run in self.store.unfinished():
            lost.extend(adopt(core, run, known, self.begun))
        for run in list(core.runs.values()):
            core.start_runs(run.workflow)
        # What was sent before the commit failed, or was given back meanwhile, has no row that waits for it.
        if strangers := known - core.claims.keys():
            self._end_strangers(strangers)
        self.inbox.extend(lost)
        if self.remote is not None:
            # Whoever stands still with nodes of its own keeps them, and so leads on.
            self.leadership.speak_within(SILENT_SECONDS)
        faults.point("rebuild.after_reading")
        self.look_at = self.beat_at = 0.0

    def _end_strangers(self, claims: set[str]) -> None:
        if self.remote is not None:
            self.remote.discard(claims)
            self.in_flight -= claims
            return
        for claim in claims:
            self.executor.kill(claim, "cancelled")


def _claim() -> str:
    return secrets.token_hex(16)
