"""One attempt in a node process, with what the supervisor knows of it."""

from typing import Any

from engine.executors.base import Work
from engine.supervisor.attempt_output import AttemptOutput
from engine.supervisor.attempt_stacks import AttemptStacks
from engine.supervisor.loop import NEVER
from engine.supervisor.resource_usage import ResourceUsage

CHECK_SECONDS = 0.1
SAMPLE_SECONDS = 1.0


class Attempt:
    """Work that was sent to a process, and after `start` the attempt that runs it. Times are monotonic."""

    def __init__(self, work: Work, is_short: bool, default_memory_mb: int | None) -> None:
        self.work = work
        self.memory_mb = default_memory_mb if work.memory_mb is None else work.memory_mb
        """Its limit on memory; None: none."""
        self.claim = work.claim
        self.is_short = is_short
        """Whether it was expected to take less than 50 ms."""
        self.is_started = False
        self.began = 0.0
        self.is_ending = False
        """Whether it is being killed, so that no further limit acts on it."""
        self.soft_at = self.hard_at = NEVER
        """When its soft and its hard limit act."""
        self.soft_passed = False
        self.check_at = NEVER
        """When its limits on memory and processes are checked next."""
        self.sample_at = NEVER
        self.memory_error: dict[str, Any] | None = None
        """The error of the memory limit that it has passed. It is ended when its stacks have been taken."""
        self.memory_error_due = NEVER
        """When it is ended over its memory limit at the latest."""
        self.oom_kills_before = 0
        """Processes that the kernel had killed in the control group before the attempt was sent."""
        self.tasks_refused = False
        """Whether the kernel has refused it another process or thread."""
        self.output = AttemptOutput(self.claim)
        self.usage = ResourceUsage()
        self.stacks = AttemptStacks()

    def start(self, now: float) -> None:
        """Note that the node process has started it."""
        work = self.work
        self.is_started = True
        self.began = now
        if work.soft_timeout is not None:
            self.soft_at = now + work.soft_timeout
        if work.hard_timeout is not None:
            self.hard_at = now + work.hard_timeout
        self.check_at = now + CHECK_SECONDS
        self.sample_at = now + SAMPLE_SECONDS
        self.output.active_at = now
        self.stacks.plan(work, now)

    def due(self) -> float:
        """Return when the running attempt needs attention next."""
        output = self.output
        if self.is_ending:
            return min(output.lines_due, output.progress_due)
        return min(
            self.soft_at,
            self.hard_at,
            self.check_at,
            self.sample_at,
            self.stacks.next_at,
            output.lines_due,
            output.progress_due,
        )
