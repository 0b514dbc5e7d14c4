"""What the scheduler remembers: runs, node runs, attempts, pools, workflows, and what a tick changed.

Pure. Times are integers of microseconds since 1970 (`_us`); spans and the monotonic clock are seconds. All of it
can be rebuilt from the database, and is after any doubt.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from engine.executors.base import Work
from engine.scheduler.plan import Plan, PlanNode
from engine.scheduler.ready_queue import Line

OUTPUT_KEPT_BYTES = 4096
"""Outputs up to this size stay in memory for the nodes that read them; larger ones are read when needed."""


def kept_wish(kept: str | None, claim: str) -> str:
    """The wish in what a node's row keeps, when it is about the attempt with this claim; else empty."""
    wish, _, about = (kept or "").partition(" ")
    return wish if claim and about == claim else ""


class NodeState:
    """One node of one run that has left `pending` (or was reset to it)."""

    __slots__ = (
        "artifact",
        "attempt",
        "claim",
        "current",
        "dirty",
        "error",
        "expected",
        "expected_from",
        "finished_us",
        "hard_timeout",
        "key",
        "losses",
        "memory_mb",
        "output",
        "plan",
        "pool",
        "pool_name",
        "ports",
        "progress",
        "progress_at",
        "progress_due",
        "progress_kept",
        "ready_event",
        "ready_us",
        "reason",
        "retries",
        "retry_us",
        "run",
        "seconds",
        "slots",
        "soft_timeout",
        "started_us",
        "state",
        "summary",
        "ticket",
        "wish",
    )

    def __init__(self, run: RunState, plan: PlanNode) -> None:
        self.run = run
        self.plan = plan
        self.state = "pending"
        self.reason = ""
        self.attempt = 0
        self.claim = ""
        """Not empty: sent or running; the pool's slots and the run's limit are held."""
        self.current: AttemptState | None = None
        self.retries = 0
        self.losses = 0
        self.ready_us = 0
        self.retry_us = 0
        self.started_us: int | None = None
        self.finished_us: int | None = None
        self.expected: float | None = None
        self.expected_from = "none"
        self.progress: dict[str, Any] | None = None
        self.progress_at = 0.0
        """Monotonic time of the last progress event."""
        self.progress_due = False
        """A later progress waits for its event."""
        self.progress_kept: tuple[float | None, str | None, int] | None = None
        self.error: dict[str, Any] | None = None
        self.output: dict[str, Any] | None = None
        """The stored form while somebody may need it; None also when it was let go (see Core.outputs)."""
        self.summary: dict[str, Any] | None = None
        """{kind, bytes, ports, row_count?} of the output."""
        self.ports: frozenset[str] | None = None
        """Ports taken, of a branch that succeeded."""
        self.artifact = ""
        self.seconds: float | None = None
        """Running time of the attempt that succeeded in this life of the scheduler."""
        self.wish = ""
        """What a person wants of the attempt in flight: cancel, retry, skip or empty. Its row keeps it too."""
        self.key: tuple[float, int, int] = (0.0, 0, 0)
        self.ticket = 0
        """Of its place in a line; an entry with another one is void. 0: it stands in none."""
        self.dirty = False
        self.ready_event: dict[str, Any] | None = None
        self.pool: PoolState | None = None
        self.pool_name = ""
        """As the database has it: what an attempt in flight holds, whatever was changed since."""
        self.slots = 1
        policy = plan.policy
        self.soft_timeout = policy.soft_timeout
        self.hard_timeout = policy.hard_timeout
        self.memory_mb = policy.memory_mb


class AttemptState:
    """One try."""

    __slots__ = (
        "claim",
        "dirty",
        "error",
        "finished_us",
        "node",
        "number",
        "pid",
        "pid_started",
        "ready_us",
        "receipt",
        "started_us",
        "state",
        "usage",
        "worker",
    )

    def __init__(
        self,
        node: NodeState,
        number: int,
        claim: str,
        worker: str,
        pid: int,
        pid_started: str,
        started_us: int,
        ready_us: int | None,
    ) -> None:
        self.node = node
        self.number = number
        self.state = "running"
        self.claim = claim
        self.worker = worker
        self.pid = pid
        self.pid_started = pid_started
        self.ready_us = ready_us
        """When the node became ready for it."""
        self.started_us = started_us
        self.finished_us: int | None = None
        self.error: dict[str, Any] | None = None
        self.usage: dict[str, Any] | None = None
        self.receipt: dict[str, Any] | None = None
        self.dirty = False


class LogRow:
    """Lines of one attempt with consecutive numbers."""

    __slots__ = ("attempt", "first_seq", "lines", "node")

    def __init__(self, node: str, attempt: int, first_seq: int) -> None:
        self.node = node
        self.attempt = attempt
        self.first_seq = first_seq
        self.lines: list[tuple[str, str, str]] = []


class RunState:
    """One run that is not over."""

    __slots__ = (
        "altered",
        "asked",
        "counts",
        "created_us",
        "dirty",
        "draft",
        "events",
        "finished_us",
        "held",
        "id",
        "indexed_written",
        "inputs",
        "jobs",
        "left",
        "line",
        "logs",
        "nodes",
        "plan",
        "priority",
        "queued_todo",
        "reason",
        "resumed_us",
        "seq",
        "seq_written",
        "shared",
        "started_us",
        "state",
        "stopping",
        "sweep",
        "todo",
        "undecided",
        "version",
        "waits_for_workflow",
        "workflow",
    )

    def __init__(self, id: int, plan: Plan) -> None:
        self.id = id
        self.plan = plan
        self.workflow = ""
        self.version: int | None = None
        self.draft = False
        self.inputs: dict[str, Any] = {}
        self.priority = 5
        self.altered: dict[str, dict[str, Any]] = {}
        self.asked: frozenset[int] | None = None
        """Indexes of the nodes to run, with every node also all before it; None: all nodes."""
        self.state = "queued"
        self.reason = ""
        self.stopping = ""
        """run_stopped, run_timeout or cancelled: starts nothing new."""
        self.counts: dict[str, int] = {"pending": len(plan.nodes)}
        self.seq = 0
        self.seq_written = 0
        """What the database has: the tick's update finds the row only with this number."""
        self.indexed_written: tuple[str, int | None] = ("", None)
        """What the database has of `indexed`."""
        self.created_us = 0
        self.started_us: int | None = None
        self.resumed_us: int | None = None
        self.finished_us: int | None = None
        self.nodes: list[NodeState | None] = [None] * len(plan.nodes)
        """By index; None: pending."""
        self.undecided = list(plan.upstream_counts)
        """By index: sources that have not ended."""
        self.left = len(plan.nodes)
        """Nodes that have not ended."""
        self.held: set[NodeState] = set()
        """Nodes sent or running."""
        self.line: Line = Line()
        """Ready nodes that wait for this run's own limits."""
        self.waits_for_workflow = False
        self.todo: deque[int] = deque()
        """Pending nodes whose trigger rule may be decided now."""
        self.queued_todo = False
        self.jobs = 0
        """Commands and sweeps that are spread over several ticks; the run cannot end meanwhile."""
        self.sweep = 0
        """Number of the sweep that is in force."""
        self.events: list[list[Any]] = []
        self.logs: list[LogRow] = []
        self.dirty = False
        self.shared = ""
        """The part of an envelope that all its nodes share, as JSON; made by engine.scheduler.envelopes."""

    def asks_for(self, index: int) -> bool:
        """Whether the node is to run at all."""
        return self.asked is None or index in self.asked

    @property
    def indexed(self) -> tuple[str, int | None]:
        """What indexes of its row hold and may change."""
        return self.state, self.finished_us

    @property
    def holds(self) -> int:
        return len(self.held)

    @property
    def max_concurrent(self) -> int | None:
        return self.plan.settings.max_concurrent


class PoolState:
    """One pool: its size, what is held of it, and who waits."""

    __slots__ = ("acquired", "aside", "dirty", "in_use", "line", "longest_wait", "name", "released", "slots")

    def __init__(self, name: str, slots: int | None) -> None:
        self.name = name
        self.slots = slots
        """None: there is no such pool (any more)."""
        self.in_use = 0
        self.acquired = 0
        """Since the last write."""
        self.released = 0
        self.longest_wait = 0.0
        self.line: Line = Line()
        self.aside: Line = Line()
        """Nodes that want more slots than the pool has; they wait until it is changed."""
        self.dirty = False

    def first_key(self) -> tuple[float, int, int] | None:
        node = self.line.first()
        return None if node is None else node.key


class WorkflowState:
    """Runs of one workflow: those that use up `max_runs`, and those that wait."""

    __slots__ = ("active", "waiting")

    def __init__(self) -> None:
        self.active: set[int] = set()
        self.waiting: list[tuple[float, int, int, RunState]] = []
        """A heap by (created_at + priority x aging, id); the third says which of two readings of one run came first."""


class Changes:
    """What a tick has to write and do."""

    __slots__ = (
        "attempts",
        "claimed",
        "closed",
        "commands",
        "ended",
        "extra",
        "kills",
        "nodes",
        "pools",
        "read",
        "runs",
        "samples",
        "sends",
        "stack_rows",
        "stacks",
        "stats",
        "take_back",
        "wishes",
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
        self.commands: list[tuple[int, dict[str, Any] | None]] = []
        """(id, outcome) of what is done."""
        self.stats: list[tuple[str, str, list[float], float | None]] = []
        """(workflow, node, durations, median)."""
        self.ended: list[RunState] = []
        self.sends: list[NodeState] = []
        self.works: list[Work] | None = None
        """What is sent, when it and its end are to stand in the database; None: it is handed over after the write."""
        self.closed: list[str] = []
        """Claims that nobody has any more."""
        self.read: list[int] = []
        """Batches that were taken up."""
        self.kills: list[tuple[str, str]] = []
        """(claim, state)."""
        self.stacks: list[str] = []
        """Claims of attempts whose stacks the executor is to take."""
        self.stack_rows: list[tuple[int, str, int, int, str, str]] = []
        """Stacks that were taken: (run, node, attempt, taken at (us), why, body as JSON)."""
        self.take_back = False
        self.wishes: list[NodeState] = []
        """Nodes whose wish is to be kept with their row."""
        self.extra = 0
        """Work that is no node: lines, samples."""

    @property
    def size(self) -> int:
        """About how many rows the write has: what a tick's length is measured by."""
        return len(self.nodes) + len(self.claimed) + self.extra

    def __bool__(self) -> bool:
        return bool(
            self.nodes
            or self.claimed
            or self.runs
            or self.attempts
            or self.pools
            or self.samples
            or self.stack_rows
            or self.commands
            or self.wishes
            or self.stats
            or self.read
        )
