"""The scheduler's loop: ticks, heartbeat, recovery after errors, drain.

One thread runs all of it. A tick takes what has come (reports, commands, timers), lets the core decide in memory,
writes everything in one transaction, and only then dispatches and sends hints. After an error of the database memory is
discarded and read again; while the database is away, reports are kept and nothing is declared lost.
"""

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping

from engine import faults, gc_settings, hints
from engine.config import Config
from engine.database.heartbeat import BEAT_SECONDS
from engine.errors import LostLeadership, RunFault
from engine.executors.base import Executor
from engine.scheduler import periodic
from engine.scheduler.command_inbox import LOOK_SECONDS, CommandInbox
from engine.scheduler.core import recovery
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.core import Core
from engine.scheduler.dialects import COMPUTING_ERRORS, data_errors, driver_errors, tick_errors
from engine.scheduler.dispatcher import Dispatcher
from engine.scheduler.durations import DurationQueue
from engine.scheduler.inbox import ReportInbox
from engine.scheduler.leader_lock import SILENT_AT_START_SECONDS, SILENT_SECONDS, LeaderLock
from engine.scheduler.leadership import (
    AGAIN_SECONDS,
    OUTAGE_SECONDS,
    DrainDeadline,
    DrainTimeout,
    Leadership,
    StopFlag,
)
from engine.scheduler.store import Store
from engine.scheduler.watchdog import Watchdog
from engine.shapes import iso

log = logging.getLogger("interlock.scheduler")

GAP_SECONDS = 0.001
"""Pause before the next tick if there is more to do. It lets other processes get SQLite's lock, which has no queue."""
LOCK_SECONDS = 0.004
"""How long the write of one tick should hold that lock. The budget is adapted to the measured times."""
BUDGET_MIN, BUDGET_MAX = 50, 2000
LEARN_SECONDS = 0.05
"""How often durations are learned. Running nodes go first, and a node that ran twice meanwhile is written once."""
CHECKPOINT_SECONDS = 1.0
DRAIN_SECONDS = 10.0


class Scheduler:
    """The scheduler that leads. `tick` is one round; `run_forever` leads until told to stop."""

    def __init__(
        self,
        config: Config,
        executor: Executor,
        *,
        wall: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        seed: int | None = None,
        store: Store | None = None,
        lock: LeaderLock | None = None,
    ) -> None:
        """Only tests give `wall`, `monotonic`, `seed`, `store` and `lock`."""
        self.config = config
        self.executor = executor
        self.remote = executor.remote
        """The executor, if works and reports go through the database; else None."""
        # If several hosts write times, all of them use the database's clock.
        self.wall = wall or (self.remote.now if self.remote is not None else time.time)
        self.monotonic = monotonic
        self.rng = random.Random(seed)  # noqa: S311 - jitter
        self.store = store or Store()
        self.leadership = Leadership(self.store, lock or LeaderLock(config))
        self.inbox = ReportInbox()
        self.commands = CommandInbox(self.store)
        self.dispatcher = Dispatcher(config, executor, self.store.output, self.inbox, self.wall)
        self.durations = DurationQueue()
        self.watchdog = Watchdog()
        self.hints: hints.HintServer | None = None
        self.core = self._new_core()
        self.started: Mapping[str, float] = {}
        """{claim: unix time} of attempts that the processes of an earlier scheduler had started."""
        self.checkpoints = periodic.Schedule(
            [periodic.PeriodicJob("wal_checkpoint", CHECKPOINT_SECONDS, self._checkpoint)], monotonic()
        )
        self.periodic: periodic.PeriodicThread | None = None
        self.budget = 200
        """Rows of one tick."""
        self.draining = False
        self.executor_stopped = False
        self.drain_expired: Callable[[], bool] = lambda: False
        """Whether it is time to stop although the database is away."""
        self.tick_error = ""
        """The error of the last tick; empty: it succeeded."""
        self.faults: dict[int, str] = {}
        """{run: error} of runs that make every tick fail, until they are set aside."""
        # Monotonic times.
        self.next_tick = 0.0
        """The earliest time of the next tick."""
        self.next_beat = 0.0
        self.next_learn = 0.0
        self.last_write = 0.0

    def _new_core(self) -> Core:
        core = Core(rng=self.rng, make_claim=_new_claim, expected_durations=self.store.durations.medians)
        if self.remote is not None:
            core.memory.served_queues = self.remote.served_queues()
        return core

    # From start to end.

    def run_forever(
        self, stop: StopFlag, *, drain_seconds: float = DRAIN_SECONDS, force: StopFlag | None = None
    ) -> None:
        """Wait for leadership, lead until `stop` is set, and drain.

        `force` ends the drain at once. After `stop`, a database that is away is waited for no longer than a drain may
        take. Raises LostLeadership.
        """
        if not self.start(stop):
            return
        self.drain_expired = DrainDeadline(stop, force, self._grace(drain_seconds), self.monotonic)
        try:
            with self.watchdog:
                while not stop.is_set():
                    self.tick(LOOK_SECONDS)
            self.drain(drain_seconds, force)
        except LostLeadership:
            # The scheduler that leads now counts our attempts as lost: none of them may go on.
            self._stop_executor()
            raise
        except DrainTimeout:
            log.warning("scheduler_ends: results since the database went away are not stored")
            self._stop_executor()
        finally:
            self.close()

    def start(self, stop: StopFlag | None = None) -> bool:
        """Become the leader and read what the database says. Return False when stopped before."""
        if not self.leadership.wait(stop):
            return False
        # When this returns, the processes of an earlier scheduler have ended: only then are its attempts declared lost.
        self.started = self.executor.start()
        self.hints = hints.server(self.config, self.executor, self.commands.wake)
        self.hints.open()
        if self.remote is None:
            self.store.delete_dispatches()
        while not self._rebuild_or_set_aside():
            pass
        gc_settings.tune()
        log.info("scheduler_leads epoch=%s runs=%s", self.leadership.epoch, len(self.core.memory.runs))
        self.periodic = periodic.PeriodicThread(lambda: self.leadership.epoch, periodic.registered())
        self.periodic.start()
        return True

    def drain(self, seconds: float = DRAIN_SECONDS, force: StopFlag | None = None) -> None:
        """Dispatch nothing more, wait up to `seconds` for running nodes to end, and stop the executor.

        It interrupts the nodes that still run: they become ready again, and no loss or retry is counted. Attempts on
        other hosts go on. Raises DrainTimeout.
        """
        self.draining = True
        end = self.monotonic() + self._grace(seconds)
        if self.remote is None:
            self.executor.recall()
        while (
            self.inbox.in_flight and (left := end - self.monotonic()) > 0 and not (force is not None and force.is_set())
        ):
            self.tick(min(left, 0.2))
        self._close_hints()
        self._stop_executor()
        for _ in range(1000):
            self._try_tick()
            if self.tick_error:
                if self.drain_expired():
                    raise DrainTimeout
                self._wait_for_database(AGAIN_SECONDS)
            elif not self.inbox and not self.core.has_work:
                break

    def _grace(self, seconds: float) -> float:
        """Return how long a drain may take: none where attempts go on without this process."""
        return seconds if self.remote is None else 0.0

    def _stop_executor(self) -> None:
        if not self.executor_stopped:
            self.executor_stopped = True
            self.inbox.extend(self.executor.stop(0))

    def close(self) -> None:
        """Release everything but the executor, which `drain` has stopped."""
        if self.periodic is not None:
            self.periodic.stop()
        self._close_hints()
        self.leadership.release()
        self.store.close()

    def _close_hints(self) -> None:
        if self.hints is not None:
            self.hints.close()
            self.hints = None

    # A tick.

    def tick(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for news, and deal with them. Raises LostLeadership."""
        self.inbox.extend(self.executor.poll(self._wait(timeout)))
        if self.monotonic() >= self.next_tick:
            self._try_tick()
            if not self.tick_error:
                self.checkpoints.run_due(self.monotonic)
        self.watchdog.turns += 1

    def _wait(self, timeout: float) -> float:
        """Return for how long to wait for reports and hints."""
        mono = self.monotonic()
        if mono < self.next_tick:
            return min(timeout, self.next_tick - mono)
        if self.inbox or self.core.has_work:
            return min(GAP_SECONDS, max(0.0, self.last_write + GAP_SECONDS - mono))
        until = min(mono + timeout, self.commands.next_look, self.next_beat)
        if (due := self.core.next_timer()) is not None:
            until = min(until, due)
        if self.durations:
            until = min(until, self.next_learn)
        return max(0.0, until - mono)

    def _try_tick(self) -> None:
        """Make a tick; recover if it fails."""
        try:
            self._tick()
            self.tick_error = ""
        except tick_errors() as error:
            failed_before = self.tick_error != ""
            message = f"{type(error).__name__}: {error}"
            if message != self.tick_error:
                log.warning("tick_failed: %s", message)
            self.tick_error = message
            if failed_before and not self._note_fault(error) and isinstance(error, COMPUTING_ERRORS):
                raise
            self._recover()
            if failed_before:
                # The database answers but accepts nothing (its disk is full): reading everything again at once would
                # not help.
                self.next_tick = self.monotonic() + OUTAGE_SECONDS

    def _note_fault(self, error: Exception) -> bool:
        """Note the run that an error is about, to be set aside. Return whether any run is noted."""
        if isinstance(error, data_errors()) and (run := self.core.memory.run_in_hand) is not None:
            error = RunFault(run, error)
        if isinstance(error, RunFault):
            self.faults[error.run] = str(error)
        return bool(self.faults)

    def _note_unwritable_runs(self, changes: Changes) -> None:
        """Note the runs whose changes are the reason why a tick cannot be written."""
        try:
            self.faults.update(self.store.faulty_runs(changes, self.leadership.epoch, self.core.memory.now_us))
        except driver_errors() as away:
            log.warning("faults_not_found: %s", away)

    def _tick(self) -> None:
        core = self.core
        mono = self.monotonic()
        core.begin(round(self.wall() * 1e6), mono)
        self.commands.apply_new(core, mono)
        core.run_timers()
        self.inbox.take_into(core, self.budget)
        core.work(self.budget)
        if not self.draining:
            self.dispatcher.admit(core)
        changes = core.take_changes()
        self.dispatcher.prepare(changes)
        if self.durations and mono >= self.next_learn and not self.inbox and not core.has_work:
            self.next_learn = mono + LEARN_SECONDS
            changes.durations = self.durations.take(self.store.durations)
        self._write(changes, mono)
        self.dispatcher.dispatch(changes)
        faults.point("tick.after_dispatch")
        for run in changes.ended:
            self.durations.add(run)
        self._send_hint(changes)

    def _write(self, changes: Changes, mono: float) -> None:
        now_us = self.core.memory.now_us
        epoch = self.leadership.epoch
        # A heartbeat beside other rows costs little. A heartbeat alone is written as late as possible.
        beat = mono >= self.next_beat - (BEAT_SECONDS - LOOK_SECONDS if changes else 0.0)
        if changes:
            faults.point("tick.before_write")
            begin = self.monotonic()
            try:
                self.store.write(changes, epoch, now_us, beat)
            except data_errors():
                if self.tick_error:
                    self._note_unwritable_runs(changes)
                raise
            faults.point("tick.after_commit")
            self.last_write = self.monotonic()
            self._adapt_budget(changes.size, self.last_write - begin)
        elif beat:
            faults.point("tick.before_beat")
            self.store.beat(epoch, now_us)
        if beat:
            self.next_beat = mono + BEAT_SECONDS
        batches = self.inbox.commit()
        if self.remote is not None:
            for batch in batches:
                self.remote.confirm(batch)
        self.commands.completed(changes.commands)

    def _adapt_budget(self, size: int, seconds: float) -> None:
        """Adapt the budget so that the next large write takes about LOCK_SECONDS."""
        if size >= self.budget // 2:
            wanted = self.budget * LOCK_SECONDS / max(seconds, 1e-4)
            self.budget = round(min(BUDGET_MAX, max(BUDGET_MIN, (3 * self.budget + wanted) / 4)))

    def _checkpoint(self) -> None:
        self.store.checkpoint(idle=not (self.inbox.in_flight or self.inbox or self.durations or self.core.has_work))

    def _send_hint(self, changes: Changes) -> None:
        """Tell other processes which runs have changed, and the new samples."""
        if self.hints is None or not (changes.runs or changes.samples) or not self.hints.has_listeners:
            return
        hint: dict[str, object] = {"runs": {str(run.id): run.seq for run in changes.runs}}
        if changes.nodes or changes.ended:
            hint["overview"] = True
        if changes.samples:
            hint["samples"] = [
                {
                    "run": str(run),
                    "node": node,
                    "attempt": attempt,
                    "at": iso(at),
                    "cpu_percent": cpu,
                    "memory_bytes": memory,
                    "io_wait": io_wait,
                    "io_bytes": io,
                    "network_bytes": network,
                    "network_scope": scope,
                }
                for run, node, attempt, at, cpu, memory, io_wait, io, network, scope in changes.samples
            ]
        self.hints.broadcast(hint)

    # After an error of the database.

    def _recover(self) -> None:
        """Discard memory and read it again, however long the database is away. Raises LostLeadership and
        DrainTimeout."""
        self.inbox.put_back()
        while True:
            self.watchdog.turns += 1
            try:
                self.leadership.regain(self._wait_for_lock)
                # Reading may take long.
                self.watchdog.paused = True
                while not self._rebuild_or_set_aside():
                    pass
                self.leadership.database_back()
                return
            except driver_errors() as error:
                self.leadership.database_away(error)
                if self.drain_expired():
                    raise DrainTimeout from error
                self._wait_for_database(OUTAGE_SECONDS)
            finally:
                self.watchdog.paused = False

    def _wait_for_lock(self, seconds: float) -> None:
        self.watchdog.turns += 1
        self._wait_for_database(seconds)

    def _wait_for_database(self, seconds: float) -> None:
        """Wait for some seconds. Meanwhile the executor enforces limits, and its reports are kept."""
        if self.executor_stopped:
            time.sleep(seconds)
        else:
            self.inbox.extend(self.executor.poll(seconds))

    def _rebuild_or_set_aside(self) -> bool:
        """Set aside the runs that are noted as faulty, and read memory again. Return False if that noted another run.
        Raises database errors, and any other error that is not about one run."""
        for run, fault in list(self.faults.items()):
            log.error("run_set_aside run=%s: %s", run, fault)
            seq = self.store.set_aside(run, self.leadership.epoch, fault)
            del self.faults[run]
            if self.hints is not None and seq is not None:
                self.hints.broadcast({"runs": {str(run): seq}, "overview": True})
        try:
            self._rebuild()
        except (RunFault, *COMPUTING_ERRORS) as error:
            if not self._note_fault(error):
                raise
        return not self.faults

    def _rebuild(self) -> None:
        """Read memory from the database. What the executor has in flight goes on; any other attempt is lost."""
        self.store.forget()
        self.dispatcher.reset()
        self.durations = DurationQueue()
        inbox = self.inbox
        if self.remote is not None:
            self.leadership.lock.limit_silence(SILENT_AT_START_SECONDS)
            # A commit whose outcome is not known may have written works and deleted reports.
            inbox.in_flight = set(self.remote.reload())
            inbox.drop_batches()
        core = self.core = self._new_core()
        core.begin(round(self.wall() * 1e6), self.monotonic())
        pools = self.store.pools()
        faults.point("rebuild.before_reading")
        lost, unknown = recovery.rebuild(core, pools, self.store.unfinished(), inbox.in_flight, self.started)
        if unknown:
            # They were dispatched by a tick whose commit failed, or have been returned since.
            self.dispatcher.discard(unknown)
        inbox.extend(lost)
        if self.remote is not None:
            self.leadership.lock.limit_silence(SILENT_SECONDS)
        faults.point("rebuild.after_reading")
        self.commands.reset()
        self.next_beat = 0.0


def _new_claim() -> str:
    return secrets.token_hex(16)
