"""Takes the stacks of running attempts, one sampling at a time per attempt; further requests join it."""

import time
from dataclasses import dataclass

from engine.executors.base import Ended, Stacks
from engine.supervisor.attempt import Attempt
from engine.supervisor.loop import NEVER, Loop
from engine.supervisor.process import NodeProcess
from engine.supervisor.reports import ReportQueue
from engine.supervisor.stack_sampler import StackSampler

LIMITS = frozenset({"soft_timeout", "hard_timeout", "memory"})
"""Stacks that are taken for a limit are reported only when it acts."""
NEAR_MEMORY_LIMIT = 0.9
"""Share of `memory_mb` from which on stacks are held, because the kernel acts at the limit without a warning."""
MEMORY_GROWTH = 1.02
"""Stacks near the limit are taken again when the attempt uses this many times the memory."""
FRESH_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class StackSchedule:
    """Decides when stacks are taken, and reports them."""

    loop: Loop
    reports: ReportQueue

    def take(
        self, process: NodeProcess, attempt: Attempt, why: str, *, quick: bool = False, quiet: str | None = None
    ) -> None:
        """Begin to take the stacks of a running attempt. `quiet`: how it is quiet, see StackSampler."""
        if attempt.is_ending:
            return
        state = attempt.stacks
        if state.sampler is not None:
            state.sampler.join(why)
            state.sampler.quiet = quiet or state.sampler.quiet
            return
        state.taken_since_sample = True
        # A reply that came too late for an earlier sampling is out of date.
        process.stacks.read()
        state.sampler = self._sampler(process, attempt, why, quick=quick, quiet=quiet)
        state.update()
        self.loop.wake_at(state.next_at)

    def advance(self, process: NodeProcess, attempt: Attempt, now: float) -> None:
        """Do what is due of an attempt's stacks."""
        state = attempt.stacks
        if state.stuck_at <= now:
            state.stuck_at = NEVER
            self.take(process, attempt, "stuck")
        if state.soft_lead_at <= now:
            state.soft_lead_at = NEVER
            self.take(process, attempt, "soft_timeout", quick=True)
        if state.hard_lead_at <= now:
            state.hard_lead_at = NEVER
            self.take(process, attempt, "hard_timeout", quick=True)
        if state.sampler is not None and state.sampler.due <= now and state.sampler.advance(now):
            self._finish(attempt, state.sampler)
        state.update()

    def on_reply(self, process: NodeProcess) -> None:
        """Read what the stack server has sent, or notice that it has closed its socket."""
        if not process.stacks.read():
            self.loop.unregister(process.stacks.socket)
        attempt = process.current
        if attempt is not None and attempt.stacks.sampler is not None:
            attempt.stacks.sampler.due = attempt.stacks.next_at = self.loop.now
            self.loop.wake_at(self.loop.now)

    def report_for_limit(self, process: NodeProcess, attempt: Attempt, why: str) -> None:
        """Report the stacks that were taken for the limit that acts now, complete or not."""
        state = attempt.stacks
        if state.sampler is not None and why in state.sampler.reasons:
            self._finish(attempt, state.sampler)
        elif why not in state.held:
            # This loop was held up for the whole time before the limit: report at least the kernel's view.
            self._finish(attempt, self._sampler(process, attempt, why, quick=False))
        self.reports.append(state.held.pop(why))
        state.update()

    def take_near_memory_limit(self, process: NodeProcess, attempt: Attempt, limit_bytes: int) -> None:
        """Hold the stacks of an attempt that comes close to its limit on memory."""
        used, state = attempt.usage.memory_bytes, attempt.stacks
        if used > max(NEAR_MEMORY_LIMIT * limit_bytes, MEMORY_GROWTH * state.memory_bytes_at_last):
            state.memory_bytes_at_last = used
            self.take(process, attempt, "memory", quick=True)

    def take_over_memory_limit(self, process: NodeProcess, attempt: Attempt) -> bool:
        """Take stacks in a hurry before the attempt is ended; return False if fresh ones are held already."""
        state = attempt.stacks
        held = state.held.pop("memory", None)
        if held is not None and time.time() - held.at < FRESH_SECONDS:
            state.held["memory"] = held
            return False
        self.take(process, attempt, "memory", quick=True)
        if state.sampler is not None:
            state.sampler.hurry()
        return True

    def complete(self, attempt: Attempt) -> None:
        """End a sampling now, with the samples that it has, if any is going on."""
        if attempt.stacks.sampler is not None:
            self._finish(attempt, attempt.stacks.sampler)

    def on_end(self, attempt: Attempt) -> None:
        """Report the samples of an attempt that ends, and take no more."""
        state = attempt.stacks
        if state.sampler is not None and state.sampler.samples:
            self._finish(attempt, state.sampler)
        state.sampler = None
        state.next_at = NEVER

    def report_held(self, attempt: Attempt, ended: Ended) -> None:
        """Report the stacks taken for the limit on memory, if that has ended the attempt."""
        held = attempt.stacks.held.get("memory")
        if held is not None and ended.error is not None and ended.error["class"] == "MemoryLimit":
            self.reports.append(held)

    def _sampler(
        self, process: NodeProcess, attempt: Attempt, why: str, *, quick: bool, quiet: str | None = None
    ) -> StackSampler:
        return StackSampler(
            process.pid,
            process.stacks,
            process.signal,
            attempt.work,
            why,
            self.loop.now,
            quick=quick,
            quiet=quiet,
            signal_problem=attempt.stacks.signal_problem,
        )

    def _finish(self, attempt: Attempt, sampler: StackSampler) -> None:
        """Report what was sampled, or hold it until its limit acts."""
        state = attempt.stacks
        state.sampler = None
        state.signal_problem = sampler.signal_problem
        now = time.time()
        body = sampler.body(now)
        for why in sampler.reasons:
            report = Stacks(attempt.claim, now, why, body)
            if why in LIMITS:
                state.held[why] = report
            else:
                self.reports.append(report)
