"""One attempt in a node process, as the supervisor follows it: limits, lines, progress, measurements."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from engine.executors.base import Lines, Progress, Report, Stacks, Work
from engine.inspect.network import NetworkMeter
from engine.supervisor.attempt_log import AttemptLog, clean

if TYPE_CHECKING:
    from engine.supervisor.quiet import Quiet
    from engine.supervisor.stack_sampler import Sampling

LINES_SECONDS = 0.1
LINES_BATCH = 200
PROGRESS_SECONDS = 0.1
NEVER = float("inf")
LEAD_SECONDS = 0.3
"""How long before a limit on time stacks begin to be taken, so that the limit itself is kept to the moment."""


def moment(at: Any) -> float:
    """The unix time of a frame; what cannot be one (the node's code may reach the channel) becomes now."""
    now = time.time()
    at = float(at)
    return at if now - 86400.0 < at < now + 60.0 else now


class Attempt:
    """Sent work, and after its reported start the running attempt. Times are monotonic unless said otherwise."""

    __slots__ = (
        "began",
        "check_at",
        "claim",
        "cpu_sample",
        "cpu_seconds",
        "cpu_started",
        "deaf",
        "did_at",
        "ending",
        "hard_at",
        "hard_lead",
        "io_sample",
        "kept",
        "lines_at",
        "log",
        "looked_at",
        "memory_now",
        "memory_peak",
        "near_at",
        "network",
        "oom_kills",
        "progress_at",
        "progress_due",
        "progress_kept",
        "quiet",
        "refused",
        "sample_at",
        "sampling",
        "seen",
        "short",
        "soft_at",
        "soft_lead",
        "soft_passed",
        "stacks_at",
        "started",
        "stuck_at",
        "verdict",
        "work",
    )

    def __init__(self, work: Work, short: bool) -> None:
        self.work = work
        self.claim = work.claim
        self.short = short
        """Believed to take less than 50 ms."""
        self.started = False
        self.began = 0.0
        self.soft_at = self.hard_at = NEVER
        self.soft_passed = False
        self.check_at = NEVER
        """When its tree is looked at for the limits on memory and processes."""
        self.sample_at = NEVER
        self.log: AttemptLog | None = None
        self.lines_at = NEVER
        self.progress_at = 0.0
        self.progress_due = NEVER
        self.progress_kept: Progress | None = None
        self.cpu_started: float | None = None
        """CPU seconds of the tree when first measured."""
        self.cpu_seconds: float | None = None
        """CPU seconds of the tree, last measured."""
        self.cpu_sample: tuple[float, float] | None = None
        """(when, CPU seconds) at the last sample."""
        self.memory_now = self.memory_peak = 0
        self.oom_kills = 0
        """Kills at the limit in the process's control group, before it was sent."""
        self.refused = False
        """The kernel has kept it from starting one more process or thread."""
        self.network = NetworkMeter()
        self.seen: set[tuple[int, int]] = set()
        """(pid, start) of processes seen in its tree."""
        self.io_sample: tuple[float, dict[int, int]] | None = None
        """(when, bytes by process) at the last sample."""
        self.stacks_at = self.stuck_at = self.soft_lead = self.hard_lead = NEVER
        """When its stacks need attention next; when it counts as stuck; a little before its limits."""
        self.sampling: Sampling | None = None
        self.looked_at = False
        """Its stacks were taken since the last sample."""
        self.deaf: str | None = None
        """Why faulthandler's signal is of no use with it."""
        self.did_at = 0.0
        """When it last wrote a line, reported progress, or was seen to use CPU or I/O."""
        self.quiet: Quiet | None = None
        """Kept from its first sample on, where nothing is expected of it."""
        self.kept: dict[str, Stacks] = {}
        """Stacks that were taken before a limit acts, by what they were taken for."""
        self.near_at = 0
        """Bytes that it used when its stacks were kept because it came near its limit on memory."""
        self.verdict: tuple[float, dict[str, Any]] | None = None
        """(when at the latest, error): it has passed a limit and is ended after a last quick look."""
        self.ending = False
        """A kill of it is under way; no further limit acts on it."""

    def start(self, now: float) -> None:
        self.started = True
        self.began = now
        work = self.work
        if work.soft_timeout is not None:
            self.soft_at = now + work.soft_timeout
        if work.hard_timeout is not None:
            self.hard_at = now + work.hard_timeout
        self.check_at = now + 0.1
        self.sample_at = now + 1.0
        self.did_at = now
        if work.stuck_after is not None:
            self.stuck_at = now + work.stuck_after
        if work.soft_timeout is not None:
            self.soft_lead = self.soft_at - min(LEAD_SECONDS, work.soft_timeout / 2)
        if work.hard_timeout is not None:
            self.hard_lead = self.hard_at - min(LEAD_SECONDS, work.hard_timeout / 2)
        self.plan_stacks()

    def plan_stacks(self) -> None:
        """Find out when its stacks need attention next."""
        self.stacks_at = min(self.stuck_at, self.soft_lead, self.hard_lead)
        if self.sampling is not None:
            self.stacks_at = min(self.stacks_at, self.sampling.due)

    def due(self) -> float:
        """When it next needs attention."""
        if self.ending:
            return min(self.lines_at, self.progress_due)
        return min(
            self.soft_at,
            self.hard_at,
            self.check_at,
            self.sample_at,
            self.lines_at,
            self.progress_due,
            self.stacks_at,
        )

    def feed(self, stream: int, data: bytes, now: float, at: float, reports: list[Report]) -> None:
        """Bytes of stdout (0) or stderr (1), read at unix time `at`."""
        log = self.log
        if log is None:
            log = self.log = AttemptLog()
        self.did_at = now
        log.feed(stream, data, at)
        self._lines(log, now, reports)

    def say(self, frame: dict[str, Any], now: float, reports: list[Report]) -> None:
        """A log frame."""
        log = self.log
        if log is None:
            log = self.log = AttemptLog()
        self.did_at = now
        level = frame.get("level")
        log.add(
            moment(frame["at"]), level if level in ("debug", "info", "warning") else "error", str(frame.get("m", ""))
        )
        self._lines(log, now, reports)

    def _lines(self, log: AttemptLog, now: float, reports: list[Report]) -> None:
        if len(log.pending) >= LINES_BATCH:
            self.flush_lines(reports)
        elif log.pending and self.lines_at == NEVER:
            self.lines_at = now + LINES_SECONDS

    def flush_lines(self, reports: list[Report]) -> None:
        self.lines_at = NEVER
        if self.log is not None and self.log.pending:
            reports.append(Lines(self.claim, self.log.pending))
            self.log.pending = []

    def progress(self, frame: dict[str, Any], now: float, reports: list[Report]) -> None:
        """At most ten a second go on; the newest of the others is kept until it is due."""
        self.did_at = now
        fraction = frame.get("fraction")
        message = frame.get("message")
        report = Progress(
            self.claim,
            None if fraction is None else float(fraction),
            None if message is None else clean(str(message)),
            moment(frame["at"]),
        )
        if now - self.progress_at >= PROGRESS_SECONDS:
            self.progress_at = now
            self.progress_kept, self.progress_due = None, NEVER
            reports.append(report)
        else:
            self.progress_kept = report
            self.progress_due = self.progress_at + PROGRESS_SECONDS

    def flush_progress(self, now: float, reports: list[Report]) -> None:
        if self.progress_kept is not None:
            reports.append(self.progress_kept)
            self.progress_at = now
        self.progress_kept, self.progress_due = None, NEVER

    def usage(self, reported: dict[str, Any] | None) -> dict[str, Any] | None:
        """{cpu_seconds, memory_peak_bytes}: what the node process measured, and what was seen from outside."""
        usage = dict(reported) if reported else {}
        if usage.get("cpu_seconds") is None and self.cpu_seconds is not None and self.cpu_started is not None:
            usage["cpu_seconds"] = round(self.cpu_seconds - self.cpu_started, 3)
        if self.memory_peak > (usage.get("memory_peak_bytes") or 0):
            usage["memory_peak_bytes"] = self.memory_peak
        return usage or None
