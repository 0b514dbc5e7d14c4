"""When the stacks of a running attempt are taken: asked for, when it counts as stuck or quiet, before a limit acts."""

from __future__ import annotations

import time
from typing import Any

from engine.executors.base import Ended, Stacks
from engine.supervisor import resource_sampling
from engine.supervisor.attempt import NEVER, Attempt
from engine.supervisor.process import NodeProcess
from engine.supervisor.stack_sampler import Sampling
from engine.supervisor.termination import Ending, Endings

LIMITS = frozenset({"soft_timeout", "hard_timeout", "memory"})
"""Stacks that are taken before a limit acts are reported only when it does."""
NEAR = 0.9
"""Share of `memory_mb` from which on stacks are kept: the kernel acts at the limit without a warning."""
NEAR_MORE = 1.02
"""They are taken anew when so much more is used."""
FRESH_SECONDS = 1.0
VERDICT_SECONDS = 0.05
"""How long an attempt over its limit on memory lives on for a last look."""


class Stacking(Endings):
    """The part of the supervisor that takes stacks: one taking at a time of an attempt, which further wishes join."""

    def take_stacks(self, claim: str) -> None:
        """Sample the stacks of a running attempt; comes as Stacks (`why` asked). Unknown claims are ignored."""
        process = self._where.get(claim)
        attempt = None if process is None else process.current
        if process is not None and attempt is not None and attempt.claim == claim:
            self._now = time.monotonic()
            self._take(process, attempt, "asked")

    def _take(self, process: NodeProcess, attempt: Attempt, why: str, *, quick: bool = False) -> None:
        if attempt.ending:
            return
        if attempt.sampling is not None:
            attempt.sampling.join(why)
            return
        attempt.looked_at = True
        # An answer that came too late for an earlier taking tells of back then.
        process.read_answer()
        attempt.sampling = Sampling(process, attempt.work, why, self._now, quick=quick, deaf=attempt.deaf)
        attempt.plan_stacks()
        self._soon(attempt.stacks_at)

    def _keep_stacks(self, process: NodeProcess, attempt: Attempt, now: float) -> None:
        """Whatever is due of an attempt's stacks."""
        if attempt.stuck_at <= now:
            attempt.stuck_at = NEVER
            self._take(process, attempt, "stuck")
        if attempt.soft_lead <= now:
            attempt.soft_lead = NEVER
            self._take(process, attempt, "soft_timeout", quick=True)
        if attempt.hard_lead <= now:
            attempt.hard_lead = NEVER
            self._take(process, attempt, "hard_timeout", quick=True)
        sampling = attempt.sampling
        if sampling is not None and sampling.due <= now and sampling.advance(now):
            self._taken(process, attempt, sampling)
        attempt.plan_stacks()

    def _taken(self, process: NodeProcess, attempt: Attempt, sampling: Sampling) -> None:
        """Report what was sampled, or keep it until its limit acts."""
        attempt.sampling = None
        attempt.deaf = sampling.deaf
        now = time.time()
        body = sampling.body(now)
        for why in sampling.whys:
            report = Stacks(attempt.claim, now, why, body)
            if why in LIMITS:
                attempt.kept[why] = report
            else:
                self._reports.append(report)

    def _before_limit(self, process: NodeProcess, attempt: Attempt, why: str) -> None:
        """Report what was taken for the limit that acts now, whole or not."""
        sampling = attempt.sampling
        if sampling is not None and why in sampling.whys:
            self._taken(process, attempt, sampling)
        elif why not in attempt.kept:
            # This loop was held up over the whole time before the limit: at least the kernel's view.
            self._taken(process, attempt, Sampling(process, attempt.work, why, self._now))
        self._reports.append(attempt.kept.pop(why))
        attempt.plan_stacks()

    def _over_memory(self, process: NodeProcess, attempt: Attempt, error: dict[str, Any], now: float) -> None:
        """It has passed its limit on memory: ended now, or after one look of 50 ms at most."""
        kept = attempt.kept.get("memory")
        if resource_sampling.killed_at_limit(process, attempt) or (
            kept is not None and time.time() - kept.at < FRESH_SECONDS
        ):
            self.kill(attempt.claim, "failed", error)
            return
        attempt.kept.pop("memory", None)
        attempt.verdict = (now + VERDICT_SECONDS, error)
        attempt.check_at = NEVER
        self._take(process, attempt, "memory", quick=True)
        if attempt.sampling is not None:
            attempt.sampling.hurry()

    def _near_memory(self, process: NodeProcess, attempt: Attempt) -> None:
        """Keep the stacks of an attempt that comes near its limit on memory."""
        limit = (attempt.work.memory_mb or 0) * resource_sampling.MIB
        if limit and attempt.memory_now > max(NEAR * limit, NEAR_MORE * attempt.near_at):
            attempt.near_at = attempt.memory_now
            self._take(process, attempt, "memory", quick=True)

    def _judge(self, process: NodeProcess, attempt: Attempt, now: float) -> None:
        """End an attempt over its limit on memory when the last look is over, or its time."""
        assert attempt.verdict is not None
        until, error = attempt.verdict
        if "memory" in attempt.kept or now >= until:
            sampling = attempt.sampling
            if sampling is not None:
                self._taken(process, attempt, sampling)
            self.kill(attempt.claim, "failed", error)
        else:
            self._soon(until)

    # When it ends.

    def _end(self, process: NodeProcess, ending: Ending) -> None:
        if process.current is not None:
            self._cut_sampling(process, process.current)
        super()._end(process, ending)

    def _cut_sampling(self, process: NodeProcess, attempt: Attempt) -> None:
        """The attempt ends: what was seen of it so far is reported, if it was anything."""
        sampling = attempt.sampling
        if sampling is not None and sampling.looks:
            self._taken(process, attempt, sampling)
        attempt.sampling = None
        attempt.stacks_at = NEVER

    def _deliver(self, attempt: Attempt, ended: Ended) -> None:
        kept = attempt.kept.get("memory")
        if kept is not None and ended.error is not None and ended.error["class"] == "MemoryLimit":
            self._reports.append(kept)
        super()._deliver(attempt, ended)
