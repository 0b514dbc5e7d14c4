"""The scheduler's loop: ticks, heartbeat, drain.

One thread runs all of it. A tick takes what has come (reports, commands, timers), lets the core decide in memory,
writes everything in one transaction, and only then dispatches and tells others. How it comes to lead, and how it goes
on after an error of the database, is in `leading`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable

from engine import faults
from engine.config import Config
from engine.database.heartbeat import BEAT_SECONDS
from engine.errors import LostLeadership
from engine.executors.base import PREFETCH_MAX, Ended, Executor, Report, ReportBatch, Returned, Started, Work
from engine.scheduler import commands, remote_executor
from engine.scheduler.dialects import driver_errors
from engine.scheduler.envelopes import Envelopes, Unreadable
from engine.scheduler.leader_lock import Leadership
from engine.scheduler.leadership import AGAIN_SECONDS, OUTAGE_SECONDS, GivenUp, Leading, Patience, Stop
from engine.scheduler.memory import Changes, NodeState
from engine.scheduler.store import COMMANDS_AT_ONCE, Store
from engine.shapes import iso

log = logging.getLogger("interlock.scheduler")

LOOK_SECONDS = 1.0
"""How often the loop looks for commands whose hint was lost, and at the size of the write-ahead log."""
GAP_SECONDS = 0.001
"""What a tick that has more to do leaves free for others who wait for SQLite's lock (it is no queue)."""
LOCK_SECONDS = 0.004
"""How long the write of one tick should hold that lock; the budget follows what was measured."""
BUDGET_MIN, BUDGET_MAX = 50, 2000
LEARN_SECONDS = 0.05
"""How often durations of what has ended are learned: what runs now goes first, and what ran twice is learned once."""
DRAIN_SECONDS = 10.0


class Scheduler(Leading):
    """The one that leads. `tick` is one round; `run_forever` leads until told to stop."""

    def __init__(
        self,
        config: Config,
        executor: Executor,
        *,
        wall: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        seed: int | None = None,
        store: Store | None = None,
        leadership: Leadership | None = None,
    ) -> None:
        """`wall`, `monotonic`, `seed`, `store` and `leadership` are replaced by tests only."""
        super().__init__(config, executor, wall, monotonic, seed, store or Store(), leadership or Leadership(config))
        self.budget = 200
        self.learn_at = 0.0
        self.tidy_at = 0.0
        self.wrote_at = 0.0
        self.draining = False

    # Life.

    def run_forever(self, stop: Stop, *, drain_seconds: float = DRAIN_SECONDS, hurry: Stop | None = None) -> None:
        """Wait for leadership, lead, and drain when `stop` is set (at once when `hurry` is), for which a database that
        is away is waited for as long. Raises LostLeadership."""
        if not self.start(stop):
            return
        self.gives_up = Patience(stop, hurry, self._grace(drain_seconds), self.monotonic)
        try:
            with self.watchdog:
                while not stop.is_set():
                    self.tick(LOOK_SECONDS)
            self.drain(drain_seconds, hurry)
        except LostLeadership:
            # Whoever leads now counts our attempts as lost: none of them may go on.
            self._stop_executor()
            raise
        except GivenUp:
            log.warning("scheduler_ends: what its nodes have done since the database went away is not stored")
            self._stop_executor()
        finally:
            self.close()

    def _grace(self, asked: float) -> float:
        """How long a drain may take: what runs on other hosts goes on without us."""
        return asked if self.remote is None else 0.0

    def _stop_executor(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.inbox.extend(self.executor.stop(0))

    def drain(self, seconds: float = DRAIN_SECONDS, hurry: Stop | None = None) -> None:
        """Start nothing more, let running nodes end for up to `seconds`, interrupt the rest: they go back to ready,
        nothing counted. The executor is stopped then. What runs on other hosts goes on. Raises GivenUp."""
        self.draining = True
        end = self.monotonic() + self._grace(seconds)
        if self.remote is None:
            self.executor.recall()
        while self.in_flight and (left := end - self.monotonic()) > 0 and not (hurry is not None and hurry.is_set()):
            self.tick(min(left, 0.2))
        if self.hints is not None:
            self.hints.close()
            self.hints = None
        self._stop_executor()
        for _ in range(1000):
            self._turn()
            if self.failed:
                if self.gives_up():
                    raise GivenUp
                self._wait_for_database(AGAIN_SECONDS)
            elif not self.inbox and not self.core.has_more:
                break

    # A tick.

    def tick(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for news, and deal with it. Raises LostLeadership."""
        self.inbox.extend(self.executor.poll(self._wait(timeout)))
        if self.monotonic() >= self.again_at:
            self._turn()
        self.watchdog.turns += 1

    def _wait(self, timeout: float) -> float:
        mono = self.monotonic()
        if mono < self.again_at:
            return min(timeout, self.again_at - mono)
        if self.inbox or self.core.has_more:
            return min(GAP_SECONDS, max(0.0, self.wrote_at + GAP_SECONDS - mono))
        until = min(mono + timeout, self.look_at, self.beat_at)
        if (due := self.core.next_due()) is not None:
            until = min(until, due)
        if self.learning:
            until = min(until, self.learn_at)
        return max(0.0, until - mono)

    def _turn(self) -> None:
        try:
            self._turn_once()
            self.failed = ""
        except driver_errors() as error:
            again, said = self.failed != "", f"{type(error).__name__}: {error}"
            if said != self.failed:
                log.warning("tick_failed: %s", said)
            self.failed = said
            self._recover()
            if again:
                # It answers and takes nothing (its disk is full): to read everything again at once helps nobody.
                self.again_at = self.monotonic() + OUTAGE_SECONDS

    def _turn_once(self) -> None:
        core, inbox = self.core, self.inbox
        mono = self.monotonic()
        core.begin(round(self.wall() * 1e6), mono)
        if mono >= self.look_at:
            self._take_commands(mono)
        core.run_timers()
        budget = self.budget
        changes = core.changes
        while inbox and changes.size < budget:
            report = inbox.popleft()
            self.taken.append(report)
            if type(report) is ReportBatch:
                changes.read.append(report.id)
                for one in report.reports:
                    core.report(one)
            else:
                core.report(report)  # type: ignore[arg-type] # no ReportBatch
        core.work(budget)
        if not self.draining:
            self._admit()
        changes = core.take_changes()
        if self.remote is not None:
            # Written with the tick: what is out is what the database says.
            changes.works = self._complete(changes.sends)
        if self.learning and mono >= self.learn_at and not inbox and not core.has_more:
            self.learn_at = mono + LEARN_SECONDS
            changes.stats = self.learning.take(self.store.learn)
        self._write(changes, mono)
        self._dispatch(changes)
        faults.point("tick.after_dispatch")
        self._tell(changes)

    def _admit(self) -> None:
        core, executor = self.core, self.executor
        if self.remote is not None:
            if core.line.first() is not None or core.queues:
                found, self.asked_back = remote_executor.admit(core, self.remote, self.envelopes, self.asked_back)
                for node in core.changes.sends:
                    self.works[node.claim] = found.works[node]
            return
        if core.line.first() is None:
            return
        room = _Room(executor, self.envelopes)
        core.admit(room)
        for node in core.changes.sends:
            self.works[node.claim] = room.works[node]
        head = core.line.first()
        if head is None:
            return
        # Somebody stands before what was sent ahead and has not begun: that comes back and lines up again.
        asked = self.asked_back
        if any(
            node.key > head.key and node.state == "ready" and claim not in asked for claim, node in core.claims.items()
        ):
            self.asked_back = {claim for claim, node in core.claims.items() if node.state == "ready"}
            core.changes.take_back = True

    def _write(self, changes: Changes, mono: float) -> None:
        now_us = self.core.now_us
        # A write of its own is put off as long as may be; beside others a beat costs little.
        beat = mono >= self.beat_at - (BEAT_SECONDS - LOOK_SECONDS if changes else 0.0)
        if changes:
            faults.point("tick.before_write")
            begun = self.monotonic()
            self.store.write(changes, self.epoch, now_us, beat)
            faults.point("tick.after_commit")
            self.wrote_at = self.monotonic()
            self._adapt(changes.size, self.wrote_at - begun)
        elif beat:
            faults.point("tick.before_beat")
            self.store.beat(self.epoch, now_us)
        else:
            self._forget_taken()
            return
        if beat:
            self.beat_at = mono + BEAT_SECONDS
        if mono >= self.tidy_at:
            self.tidy_at = mono + LOOK_SECONDS
            self.store.tidy(idle=not self.in_flight and not self.learning and not changes)
        self._forget_taken()
        for command, _ in changes.commands:
            self.open_commands.discard(command)

    def _adapt(self, size: int, seconds: float) -> None:
        """Let the next big write take about LOCK_SECONDS."""
        if size >= self.budget // 2:
            wanted = self.budget * LOCK_SECONDS / max(seconds, 1e-4)
            self.budget = round(min(BUDGET_MAX, max(BUDGET_MIN, (3 * self.budget + wanted) / 4)))

    def _forget_taken(self) -> None:
        for report in self.taken:
            if isinstance(report, ReportBatch):
                for one in report.reports:
                    self._forget(one)
                if self.remote is not None:
                    self.remote.confirm(report)
            else:
                self._forget(report)
        self.taken.clear()

    def _forget(self, report: Report) -> None:
        if isinstance(report, Ended):
            self.in_flight.discard(report.claim)
        elif isinstance(report, Returned):
            self.in_flight.difference_update(report.claims)

    def _dispatch(self, changes: Changes) -> None:
        executor = self.executor
        if changes.sends:
            executor.send(self._complete(changes.sends) if changes.works is None else changes.works)
        if changes.kills:
            faults.point("tick.before_kill")
        for claim, state in changes.kills:
            executor.kill(claim, state)
        for claim in changes.stacks:
            executor.take_stacks(claim)
        if changes.take_back:
            executor.recall()

    def _complete(self, sends: Iterable[NodeState]) -> list[Work]:
        works = []
        for node in sends:
            work = self.works.pop(node.claim)
            self.in_flight.add(node.claim)
            faults.point("tick.dispatching")
            try:
                if not node.plan.entry:
                    raise Unreadable(
                        f'There is no node type "{node.plan.type}" (any more): its package is not installed.'
                    )
                works.append(self.envelopes.complete(work, node))
            except Unreadable as error:
                self._refuse(node, str(error))
        return works

    def _refuse(self, node: NodeState, message: str) -> None:
        """End an attempt that cannot be sent."""
        at = self.wall()
        error = {"class": "ExpressionError", "message": message, "line": None, "traceback": None}
        if not node.plan.entry:
            error["class"] = "MissingNodeType"
        self.inbox.append(Started(node.claim, os.getpid(), "", "scheduler", at))
        self.inbox.append(Ended(node.claim, "failed", at, 0.0, error=error))

    def _tell(self, changes: Changes) -> None:
        for run in changes.ended:
            self.learning.note(run)
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

    # Commands.

    def _take_commands(self, mono: float) -> None:
        self.look_at = mono + LOOK_SECONDS
        found = [command for command in self.store.open_commands() if command.pk not in self.open_commands]
        if not found:
            return
        if len(found) > COMMANDS_AT_ONCE:
            found = found[:COMMANDS_AT_ONCE]
            self.look_at = 0.0
        core = self.core
        new = {
            command.run_id
            for command in found
            if command.kind == "start" and command.run_id is not None and command.run_id not in core.runs
        }
        if new:
            for run in self.store.queued(new):
                if run.state == "queued":
                    core.add_run(run)
        for command in found:
            self.open_commands.add(command.pk)
            self._apply(command.pk, command.kind, command.run_id, command.node, command.body or {})

    def _apply(self, command: int, kind: str, run_id: int | None, node: str, body: dict[str, object]) -> None:
        core = self.core

        def done(outcome: dict[str, object] | None) -> None:
            core.changes.commands.append((command, outcome))

        if kind == "pool_changed":
            commands.pools_changed(core, self.store.pools())
            done(None)
            return
        run = core.runs.get(run_id) if run_id is not None else None
        if kind == "start":
            done(None)
        elif kind == "cancel":
            done(commands.cancel(core, run) if run is not None else {"refused": "ended"})
        elif kind == "cancel_node":
            done(commands.cancel_node(core, run, node) if run is not None else {"refused": "ended"})
        elif kind == "skip":
            if run is None and run_id is not None:
                run = self.store.run(run_id)
            if run is None:
                done({"refused": "no such run"})
            else:
                commands.skip(core, run, node, done)
        elif kind == "stack":
            done(commands.take_stack(core, run, node) if run is not None else {"refused": "ended"})
        elif kind == "retry":
            if run is None and run_id is not None:
                run = self.store.run(run_id)
            if run is None:
                done({"refused": "no such run"})
            else:
                commands.retry(core, run, body, done)
        else:
            log.error("unknown_command kind=%s", kind)
            done({"refused": "unknown"})


class _Room:
    """How much an executor will take in this tick, counting what was granted."""

    __slots__ = ("ahead", "envelopes", "executor", "idle", "rooms", "works")

    def __init__(self, executor: Executor, envelopes: Envelopes) -> None:
        self.executor = executor
        self.envelopes = envelopes
        self.idle = executor.idle_credit()
        self.ahead = executor.prefetch_credit()
        self.rooms: dict[str, bool] = {}
        """Interpreter -> whether a short work would be taken; nothing is sent before the tick is written."""
        self.works: dict[NodeState, Work] = {}

    def __call__(self, node: NodeState) -> bool:
        if self.idle <= 0 and self.ahead <= 0:
            return False
        work = self.envelopes.sketch(node)
        short = self.executor.is_short(work)
        if self.idle > 0:
            self.idle -= 1
            # What an idle process could be sent ahead it cannot be behind a long node.
            self.ahead -= 1 if short else PREFETCH_MAX
        elif short and self._room(work):
            self.ahead -= 1
        else:
            return False
        self.works[node] = work
        return True

    def _room(self, work: Work) -> bool:
        found = self.rooms.get(work.python)
        if found is None:
            found = self.rooms[work.python] = self.executor.has_room(work)
        return found
