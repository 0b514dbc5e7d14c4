"""Watches running attempts: limits on time, memory and processes, samples, stacks, and output that is due."""

import signal
import time
from dataclasses import dataclass
from typing import Any

from engine.executors.base import RECALL_SECONDS
from engine.supervisor import resource_limits
from engine.supervisor.attempt import CHECK_SECONDS, SAMPLE_SECONDS, Attempt
from engine.supervisor.attempt_errors import hard_timeout
from engine.supervisor.loop import NEVER, Loop
from engine.supervisor.process import NodeProcess
from engine.supervisor.reports import ReportQueue
from engine.supervisor.stack_schedule import StackSchedule
from engine.supervisor.termination import Termination
from engine.supervisor.work_distributor import RECALL_BESIDE_IDLE_SECONDS, WorkDistributor

CHECK_SHARE = 10
"""The next check of a tree comes after this many times the duration of the last one, up to CHECK_SECONDS_MAX, because
checking a large tree takes long."""
CHECK_SECONDS_MAX = 1.0
MEMORY_STACKS_SECONDS = 0.05
"""How long an attempt over its limit on memory may live on while its stacks are taken."""


@dataclass(slots=True, eq=False)
class AttemptMonitor:
    """Call `check` for each running attempt when the loop is due."""

    loop: Loop
    reports: ReportQueue
    distributor: WorkDistributor
    stacks: StackSchedule
    termination: Termination

    def check(self, process: NodeProcess, attempt: Attempt, now: float, *, beside_idle: bool) -> None:
        """Do what is due of the attempt. `beside_idle`: whether another process has nothing to do."""
        if attempt.output.lines_due <= now:
            attempt.output.flush_lines(self.reports.append)
        if attempt.output.progress_due <= now:
            attempt.output.flush_progress(now, self.reports.append)
        if not attempt.is_ending:
            if len(process.attempts) > 1:
                recall_at = attempt.began + (RECALL_BESIDE_IDLE_SECONDS if beside_idle else RECALL_SECONDS)
                if recall_at <= now:
                    self.distributor.recall(process)
                else:
                    self.loop.wake_at(recall_at)
            if attempt.stacks.next_at <= now:
                self.stacks.advance(process, attempt, now)
            if attempt.memory_error is not None:
                self._end_over_memory(attempt, attempt.memory_error, now)
            elif attempt.hard_at <= now:
                self.stacks.report_for_limit(process, attempt, "hard_timeout")
                self.termination.kill(attempt.claim, "timed_out", hard_timeout(attempt.work))
            elif attempt.soft_at <= now:
                self.stacks.report_for_limit(process, attempt, "soft_timeout")
                attempt.soft_at, attempt.soft_passed = NEVER, True
                process.signal(signal.SIGUSR1)
            if attempt.check_at <= now:
                self._check_resources(process, attempt, now)
            if attempt.sample_at <= now:
                self._sample(process, attempt, now)
        self.loop.wake_at(attempt.due())

    def _check_resources(self, process: NodeProcess, attempt: Attempt, now: float) -> None:
        used = time.thread_time()
        error = resource_limits.check(process, attempt)
        seconds = CHECK_SHARE * (time.thread_time() - used)
        attempt.check_at = now + min(CHECK_SECONDS_MAX, max(CHECK_SECONDS, seconds))
        if error is None:
            limit = (attempt.memory_mb or 0) * resource_limits.MIB
            if limit:
                self.stacks.take_near_memory_limit(process, attempt, limit)
        elif (
            error["class"] == "MemoryLimit"
            and not resource_limits.was_killed_at_limit(process, attempt)
            and self.stacks.take_over_memory_limit(process, attempt)
        ):
            attempt.memory_error, attempt.memory_error_due = error, now + MEMORY_STACKS_SECONDS
            attempt.check_at = NEVER
        else:
            self.termination.kill(attempt.claim, "failed", error)

    def _end_over_memory(self, attempt: Attempt, error: dict[str, Any], now: float) -> None:
        """End an attempt over its limit on memory when its stacks are taken, or when their time is over."""
        if "memory" in attempt.stacks.held or now >= attempt.memory_error_due:
            self.stacks.complete(attempt)
            self.termination.kill(attempt.claim, "failed", error)
        else:
            self.loop.wake_at(attempt.memory_error_due)

    def _sample(self, process: NodeProcess, attempt: Attempt, now: float) -> None:
        attempt.sample_at = now + SAMPLE_SECONDS
        sampled = attempt.usage.sample(attempt.claim, process.pid, now)
        self.reports.append(sampled)
        if attempt.work.stuck_after is None:
            stacks = attempt.stacks
            was_taken, stacks.taken_since_sample = stacks.taken_since_sample, stacks.sampler is not None
            active_at = attempt.output.active_at
            quiet = attempt.usage.became_quiet(sampled, now, attempt.began, active_at, was_taken)
            if quiet:
                self.stacks.take(process, attempt, "quiet", quiet=quiet)
