"""Ends node processes with everything they started, and reports the attempts in them.

An end is reported only when nothing of the attempt runs any more: its whole tree was killed and searched again.
"""

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.executors.base import Ended, Returned
from engine.inspect import procfs
from engine.supervisor import cleanup, resource_limits
from engine.supervisor.attempt import Attempt
from engine.supervisor.attempt_errors import process_died, soft_timeout, worker_lost
from engine.supervisor.channel import remove_envelope_file
from engine.supervisor.end_reason import FAULTY, Cause, EndReason
from engine.supervisor.kill import TreeKill
from engine.supervisor.loop import Loop
from engine.supervisor.process import NodeProcess
from engine.supervisor.process_pool import ProcessPool
from engine.supervisor.reports import ReportQueue
from engine.supervisor.stack_schedule import StackSchedule
from engine.supervisor.work_distributor import WorkDistributor


class OomKills:
    """Tells whether the kernel has killed a process for lack of memory just now."""

    def __init__(self) -> None:
        self._before = self._last = procfs.oom_kills()
        """Kills since boot: as counted one to two seconds ago, and last."""
        self._check_at = 0.0

    def check(self, now: float) -> None:
        """Read the count once a second, so that an old kill does not explain a new death."""
        if now >= self._check_at:
            self._check_at = now + 1.0
            self._before, self._last = self._last, procfs.oom_kills()

    def has_new(self) -> bool:
        """Return whether there was a kill in the last second or two that has not been asked for yet."""
        kills = procfs.oom_kills()
        found = kills > self._before
        self._before = self._last = kills
        return found


@dataclass(slots=True, eq=False)
class Termination:
    """`kill`, `end` or `retire` begins an end; `complete` reports it when the tree is gone."""

    loop: Loop
    reports: ReportQueue
    pool: ProcessPool
    distributor: WorkDistributor
    stacks: StackSchedule
    scratch: Path
    artifacts: Path
    oom_kills: OomKills = field(default_factory=OomKills)

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        """End an attempt with its whole tree; it is reported as Ended with `state` and its receipt.

        Unknown claims are ignored; work that has not started is Returned.
        """
        process = self.pool.by_claim.get(claim)
        if process is None:
            return
        if not process.takes_work:
            process.requested_ends.setdefault(claim, (state, dict(error) if error else None))
            return
        if process.attempts[claim] is not process.current:
            self.distributor.recall(process)
            if claim not in self.pool.by_claim:
                return
            # The process has read it and starts it at this moment.
        self.end(process, EndReason(Cause.KILLED, claim, state, dict(error) if error else None))

    def end(self, process: NodeProcess, reason: EndReason) -> None:
        """Begin to end a process and everything that it started."""
        if process.current is not None:
            self.stacks.on_end(process.current)
        process.is_ending = True
        process.end_reason = reason
        self.pool.remove_idle(process)
        if process.is_ready or reason.cause not in (Cause.DIED, Cause.NOT_READY):
            self.distributor.recall(process)
        # From now on it can do nothing, however late its tree is searched.
        process.signal(signal.SIGSTOP)
        if process.group is not None:
            process.group.freeze(True)
        seen: set[tuple[int, int]] = set()
        for attempt in process.attempts.values():
            attempt.is_ending = True
            seen |= attempt.usage.processes
            if attempt.is_started and not process.is_dead:
                attempt.usage.measure(process.pid)
        process.kill = TreeKill(process.pid, process.start, process.mark, time.monotonic(), seen, process.group)
        self.loop.due = 0.0

    def retire(self, process: NodeProcess) -> None:
        """End a process that has no children and nothing to do; its tree need not be searched."""
        if process.takes_work:
            self.distributor.recall(process)
            process.is_ending = True
            process.end_reason = EndReason(Cause.RETIRED)
            self.pool.remove_idle(process)
            process.signal(signal.SIGKILL)
            self.loop.due = 0.0

    def on_death(self, process: NodeProcess) -> None:
        """Handle the end of the node process itself; its descendants may live on.

        What it wrote before must have been read: a complete result among it counts.
        """
        if process.kill is not None:
            self.loop.due = 0.0
        elif process.end_reason is None:
            code, number = process.exit_status()
            out_of_memory = number == signal.SIGKILL and self.oom_kills.has_new()
            self.end(process, EndReason(Cause.DIED, error=process_died(code, number, out_of_memory)))
        elif process.has_work:
            self.end(process, process.end_reason)
        else:
            self.pool.release(process)
            self.loop.wake_at(0.0)

    def check_oom_kills(self, now: float) -> None:
        self.oom_kills.check(now)

    def complete(self, process: NodeProcess) -> None:
        """Report the attempts of a process of whose tree nothing is left, and release it."""
        kill, reason = process.kill, process.end_reason
        assert kill is not None
        assert reason is not None
        receipt = {"processes": len(kill.ended), "slots": None, "seconds": round(kill.seconds, 3)}
        returned: list[str] = []
        for attempt, ended in process.pending_ends:
            if reason.cause is Cause.CHILDREN_LEFT and attempt.claim == reason.claim:
                ended.receipt = dict(receipt)
            self.report_end(attempt, ended)
        for attempt in list(process.attempts.values()):
            self.distributor.forget(process, attempt)
            if attempt.is_started:
                self.report_end(attempt, self._interrupted(process, attempt, reason, dict(receipt)))
            elif reason.cause not in FAULTY or not self.distributor.refuse_after_failed_starts(process, attempt.work):
                returned.append(attempt.claim)
            remove_envelope_file(attempt.claim, self.scratch)
            cleanup.clear_staging(self.artifacts, attempt.claim)
        if reason.cause in (Cause.DIED, Cause.NOT_READY) and not process.is_ready:
            self.pool.on_failed_start(process)
        process.pending_ends.clear()
        process.current = None
        if returned:
            self.reports.append(Returned(returned))
        self.pool.release(process)

    def _interrupted(self, process: NodeProcess, attempt: Attempt, reason: EndReason, receipt: dict[str, Any]) -> Ended:
        """Return the end of an attempt that did not report its end itself."""
        is_meant = reason.claim in (None, attempt.claim)
        interrupted = reason.cause in (Cause.STOPPED, Cause.RETIRED) or not is_meant
        state, error = reason.state, reason.error
        if attempt.claim in process.requested_ends and (reason.cause is not Cause.KILLED or not is_meant):
            interrupted = False
            state, error = process.requested_ends[attempt.claim]
        elif reason.cause is Cause.DIED and resource_limits.was_killed_at_limit(process, attempt):
            state, error = "failed", resource_limits.memory_error(attempt)
        elif interrupted:
            state, error = "lost", worker_lost("The node process was ended with another attempt, or by a stop.")
        elif attempt.soft_passed and state == "lost":
            state, error = "timed_out", soft_timeout(attempt.work, error)
        return Ended(
            attempt.claim,
            state,
            time.time(),
            self.loop.now - attempt.began,
            error=error,
            usage=attempt.usage.merge(None),
            receipt=receipt,
            interrupted=interrupted,
        )

    def report_end(self, attempt: Attempt, ended: Ended) -> None:
        """Report an end, after everything that the attempt reported before."""
        self.stacks.report_held(attempt, ended)
        if attempt.output.log is not None:
            self.flush_lines()
        self.reports.append_end(attempt.output, ended, self.loop.now)

    def flush_lines(self) -> None:
        """Report the lines of all running attempts together, so that the scheduler can put those of one moment in
        order of their time."""
        for process in self.pool.processes:
            if process.current is not None:
                process.current.output.flush_lines(self.reports.append)
