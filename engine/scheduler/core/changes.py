"""What one tick has to write to the database and to ask of the executor. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from engine.executors.base import Work
from engine.scheduler.core.state import AttemptState, NodeState, PoolState, RunState


class Changes:
    """Collected while the tick decides; then written in one transaction, then acted on."""

    __slots__ = (
        "attempts",
        "claimed",
        "closed",
        "commands",
        "dispatches",
        "durations",
        "ended",
        "extra_size",
        "kills",
        "nodes",
        "pending_actions",
        "pools",
        "read_batches",
        "recall",
        "runs",
        "samples",
        "stack_requests",
        "stacks",
        "works",
    )

    def __init__(self) -> None:
        self.runs: list[RunState] = []
        self.nodes: list[NodeState] = []
        self.claimed: list[NodeState] = []
        """Nodes of which only the claim changed."""
        self.attempts: list[AttemptState] = []
        self.pools: list[PoolState] = []
        self.samples: list[tuple[Any, ...]] = []
        """(run, node, attempt, at (us), and the measured values in the order of rows.SAMPLE_COLUMNS)."""
        self.stacks: list[tuple[int, str, int, int, str, str]] = []
        """(run, node, attempt, taken at (us), why, body as JSON)."""
        self.commands: list[tuple[int, dict[str, Any] | None]] = []
        """(id, outcome) of completed commands."""
        self.durations: list[tuple[str, str, list[float], float | None]] = []
        """(workflow, node, seconds of the last successes, median)."""
        self.pending_actions: list[NodeState] = []
        """Nodes whose pending action is to be stored."""
        self.ended: list[RunState] = []
        self.dispatches: list[NodeState] = []
        """Nodes to dispatch after the write."""
        self.works: list[Work] | None = None
        """The works of `dispatches`, when they are written to the database with the tick; None: the executor gets
        them after the write."""
        self.closed: list[str] = []
        """Claims that no node has any more."""
        self.read_batches: list[int] = []
        """Ids of the report batches that this tick has taken."""
        self.kills: list[tuple[str, str]] = []
        """(claim, state in which the attempt is to end)."""
        self.stack_requests: list[str] = []
        """Claims of attempts whose stacks the executor is to take."""
        self.recall = False
        """The executor is to return what it has not started."""
        self.extra_size = 0
        """Size of lines and stacks, in rows."""

    @property
    def size(self) -> int:
        """About how many rows the write has; limits the length of a tick."""
        return len(self.nodes) + len(self.claimed) + self.extra_size

    def by_run(self) -> Mapping[int, "Changes"]:
        """Return what is to be written for each run alone."""
        parts: dict[int, Changes] = defaultdict(Changes)
        for run in self.runs:
            parts[run.id].runs.append(run)
        for node in self.nodes:
            parts[node.run.id].nodes.append(node)
        for node in self.claimed:
            parts[node.run.id].claimed.append(node)
        for node in self.pending_actions:
            parts[node.run.id].pending_actions.append(node)
        for attempt in self.attempts:
            parts[attempt.node.run.id].attempts.append(attempt)
        for sample in self.samples:
            parts[sample[0]].samples.append(sample)
        for stack in self.stacks:
            parts[stack[0]].stacks.append(stack)
        return parts

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.nodes
            or self.claimed
            or self.runs
            or self.attempts
            or self.pools
            or self.samples
            or self.stacks
            or self.commands
            or self.pending_actions
            or self.durations
            or self.read_batches
        )
