"""When the stacks of one attempt are taken, and those that are held until a limit acts."""

from engine.executors.base import Stacks, Work
from engine.supervisor.loop import NEVER
from engine.supervisor.stack_sampler import StackSampler

LEAD_SECONDS = 0.3
"""How long before a time limit stacks are taken, so that the limit itself acts on time."""


class AttemptStacks:
    """Times are monotonic."""

    def __init__(self) -> None:
        self.next_at = NEVER
        """The earliest of the times below."""
        self.stuck_at = NEVER
        """When the attempt counts as stuck."""
        self.soft_lead_at = self.hard_lead_at = NEVER
        """A little before its soft and its hard limit."""
        self.sampler: StackSampler | None = None
        """What takes its stacks now."""
        self.taken_since_sample = False
        """Whether its stacks were taken since its resource use was sampled last."""
        self.signal_problem: str | None = None
        """Why faulthandler's signal cannot be used with it."""
        self.held: dict[str, Stacks] = {}
        """Limit -> stacks that were taken for it, which are reported only if it acts."""
        self.memory_bytes_at_last = 0
        """Memory that it used when its stacks were taken because it came close to its limit."""

    def plan(self, work: Work, now: float) -> None:
        """Plan the times of an attempt that has just started."""
        if work.stuck_after is not None:
            self.stuck_at = now + work.stuck_after
        if work.soft_timeout is not None:
            self.soft_lead_at = now + work.soft_timeout - min(LEAD_SECONDS, work.soft_timeout / 2)
        if work.hard_timeout is not None:
            self.hard_lead_at = now + work.hard_timeout - min(LEAD_SECONDS, work.hard_timeout / 2)
        self.update()

    def update(self) -> None:
        """Set `next_at`."""
        self.next_at = min(self.stuck_at, self.soft_lead_at, self.hard_lead_at)
        if self.sampler is not None:
            self.next_at = min(self.next_at, self.sampler.due)
