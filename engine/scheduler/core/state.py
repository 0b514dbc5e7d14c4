"""Runs, node runs, attempts, pools and workflows as the scheduler holds them in memory. Pure.

Times are integers of microseconds since 1970 (`_us`); spans and the monotonic clock are seconds. All of it can be
rebuilt from the database, which is done after every error.
"""

from collections import deque
from typing import Any

from engine.scheduler.core.plan import Plan, PlanNode
from engine.scheduler.core.ready_queue import ReadyQueue
from engine.shapes import output_summary
from engine.states import PendingAction, counts_as

OUTPUT_BYTES_MAX = 4096
"""Outputs up to this size stay in memory for the nodes that read them; larger ones are read when needed."""


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
        "last_end_us",
        "losses",
        "memory_mb",
        "output",
        "pending_action",
        "plan",
        "pool",
        "pool_name",
        "ports",
        "progress",
        "progress_at",
        "progress_scheduled",
        "ready_event",
        "ready_us",
        "reason",
        "retries",
        "retry_us",
        "run",
        "seconds",
        "skip_output",
        "slots",
        "soft_timeout",
        "started_us",
        "state",
        "summary",
        "ticket",
        "unsent_progress",
    )

    def __init__(self, run: "RunState", plan: PlanNode) -> None:
        self.run = run
        self.plan = plan
        self.state = "pending"
        self.reason = ""
        self.attempt = 0
        """Number of the newest attempt."""
        self.claim = ""
        """Not empty: dispatched or running, so it holds slots of its pool and counts against the run's limit."""
        self.current: AttemptState | None = None
        """The running attempt."""
        self.retries = 0
        self.losses = 0
        self.ready_us = 0
        """Since when it waits; kept when its attempt is lost, so that it does not start again behind all others."""
        self.last_end_us = 0
        """When its latest attempt ended, as far as this scheduler has seen it."""
        self.retry_us = 0
        self.started_us: int | None = None
        self.finished_us: int | None = None
        self.expected: float | None = None
        self.expected_from = "none"
        self.progress: dict[str, Any] | None = None
        self.progress_at = 0.0
        """Monotonic time of the last progress event."""
        self.progress_scheduled = False
        """A timer will send the progress event."""
        self.unsent_progress: tuple[float | None, str | None, int] | None = None
        """(fraction, message, at) that is in no event yet."""
        self.error: dict[str, Any] | None = None
        self.output: dict[str, Any] | None = None
        """The stored form while another node may read it; None also when it is large or nobody does."""
        self.summary: dict[str, Any] | None = None
        """{kind, bytes, ports, row_count?} of the output."""
        self.ports: frozenset[str] | None = None
        """The ports that a succeeded branch took."""
        self.artifact = ""
        self.seconds: float | None = None
        """Running time of the attempt that succeeded since this run started or was retried."""
        self.pending_action: PendingAction | None = None
        """What a person wants done when the attempt in flight has been killed. Stored with the node."""
        self.skip_output: dict[str, Any] | None = None
        """The output in stored form with which the pending action SKIP ends the node; None: null. Stored in the
        command."""
        self.key: tuple[float, int, int] = (0.0, 0, 0)
        """Place in a ready queue."""
        self.ticket = 0
        """The ticket of its valid entry in a queue; 0: it is in no queue."""
        self.dirty = False
        """It is among the changes of the current tick."""
        self.ready_event: dict[str, Any] | None = None
        """The event that it became ready, until the tick has decided whether it has to wait."""
        self.pool: PoolState | None = None
        self.pool_name = ""
        """The stored pool, whose slots an attempt in flight holds, even if the node's pool was changed since."""
        self.slots = 1
        policy = plan.policy
        self.soft_timeout = policy.soft_timeout
        self.hard_timeout = policy.hard_timeout
        self.memory_mb = policy.memory_mb

    def take_output(self, output: dict[str, Any] | None) -> None:
        """Take an output in stored form; None: it has none."""
        self.output = output
        self.summary = output_summary(output)
        self.artifact = "" if output is None else output.get("artifact") or ""

    @property
    def hands_on(self) -> bool:
        """Whether nodes downstream get its output, if it has one."""
        return counts_as(self.state, self.reason) == "succeeded"

    def forget_results(self) -> None:
        """Clear what former attempts left; their numbers go on."""
        self.retries = self.losses = 0
        self.error = self.progress = self.unsent_progress = None
        self.take_output(None)
        self.ports = None
        self.seconds = None
        self.started_us = None
        self.expected, self.expected_from = None, "none"


class AttemptState:
    """One attempt since its reported start."""

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
        """`ready_us`: when the node became ready for this attempt."""
        self.node = node
        self.number = number
        self.state = "running"
        self.claim = claim
        self.worker = worker
        self.pid = pid
        self.pid_started = pid_started
        self.ready_us = ready_us
        self.started_us = started_us
        self.finished_us: int | None = None
        self.error: dict[str, Any] | None = None
        self.usage: dict[str, Any] | None = None
        self.receipt: dict[str, Any] | None = None
        self.dirty = False


class LogLines:
    """Lines of one attempt with consecutive numbers: one row of LogBatch."""

    __slots__ = ("attempt", "first_seq", "lines", "node")

    def __init__(self, node: str, attempt: int, first_seq: int) -> None:
        self.node = node
        self.attempt = attempt
        self.first_seq = first_seq
        self.lines: list[tuple[str, str, str]] = []
        """(at, level, message)."""


class RunState:
    """One run that has not ended."""

    __slots__ = (
        "altered",
        "counts",
        "created_us",
        "dirty",
        "draft",
        "events",
        "finished_us",
        "holds_decisions",
        "id",
        "in_flight",
        "inputs",
        "is_in_decision_queue",
        "jobs",
        "logs",
        "nodes",
        "nodes_left",
        "parked",
        "plan",
        "priority",
        "reason",
        "resumed_us",
        "selected",
        "seq",
        "shared",
        "sources_left",
        "started_us",
        "state",
        "stopping",
        "stored_indexed",
        "stored_seq",
        "sweep",
        "to_decide",
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
        """{node: {policy field: value}} that retries changed."""
        self.selected: frozenset[int] | None = None
        """Indexes of the targets and of everything upstream of them; None: all nodes run."""
        self.state = "queued"
        self.reason = ""
        self.stopping = ""
        """run_stopped, run_timeout or cancelled: starts nothing new."""
        self.counts: dict[str, int] = {"pending": len(plan.nodes)}
        self.seq = 0
        self.stored_seq = 0
        """`seq` in the database: the tick's update only finds the row with this number."""
        self.stored_indexed: tuple[str, int | None] = ("", None)
        """`indexed` in the database."""
        self.created_us = 0
        self.started_us: int | None = None
        self.resumed_us: int | None = None
        self.finished_us: int | None = None
        self.nodes: list[NodeState | None] = [None] * len(plan.nodes)
        """By index; None: pending."""
        self.sources_left = list(plan.upstream_counts)
        """By index: how many sources have not ended."""
        self.nodes_left = len(plan.nodes)
        """How many nodes have not ended."""
        self.in_flight: set[NodeState] = set()
        """Nodes that are dispatched or running."""
        self.parked: ReadyQueue[NodeState] = ReadyQueue()
        """Ready nodes that wait for this run's own limits."""
        self.waits_for_workflow = False
        """Retried while the workflow's `max_runs` was reached: nothing starts until another run ends."""
        self.to_decide: deque[int] = deque()
        """Pending nodes whose trigger rule may be decided now."""
        self.is_in_decision_queue = False
        self.holds_decisions = False
        """A job changes its nodes, and no node is decided until the job is done."""
        self.jobs = 0
        """Commands and sweeps that are spread over several ticks; the run cannot end before they do."""
        self.sweep = 0
        """Number of the newest sweep; an older one ends without effect."""
        self.events: list[list[Any]] = []
        self.logs: list[LogLines] = []
        self.dirty = False
        """It is among the changes of the current tick."""
        self.shared = ""
        """The part of an envelope that all its nodes share, as JSON; made by engine.scheduler.envelopes."""

    def is_selected(self, index: int) -> bool:
        """Return whether the node is to run at all."""
        return self.selected is None or index in self.selected

    @property
    def indexed(self) -> tuple[str, int | None]:
        """The columns of its row that are in indexes and may change."""
        return self.state, self.finished_us

    @property
    def active_since_us(self) -> int | None:
        """When it started, or was last retried after its end."""
        return self.resumed_us or self.started_us

    @property
    def in_flight_count(self) -> int:
        return len(self.in_flight)

    @property
    def max_concurrent(self) -> int | None:
        return self.plan.settings.max_concurrent


class PoolState:
    """One pool: its size, what is in use, and which nodes wait for it."""

    __slots__ = ("acquired", "dirty", "in_use", "longest_wait", "name", "oversized", "parked", "released", "slots")

    def __init__(self, name: str, slots: int | None) -> None:
        self.name = name
        self.slots = slots
        """None: the pool does not exist."""
        self.in_use = 0
        self.acquired = 0
        """Slots acquired since the last write; `released` likewise."""
        self.released = 0
        self.longest_wait = 0.0
        """Seconds."""
        self.parked: ReadyQueue[NodeState] = ReadyQueue()
        self.oversized: ReadyQueue[NodeState] = ReadyQueue()
        """Nodes that need more slots than the pool has; they wait until it is changed."""
        self.dirty = False

    def first_key(self) -> tuple[float, int, int] | None:
        """Return the key of the first node that waits; None: no node does."""
        node = self.parked.first()
        return None if node is None else node.key


class WorkflowState:
    """The runs of one workflow: those that count against `max_runs`, and those that wait."""

    __slots__ = ("active", "waiting")

    def __init__(self) -> None:
        self.active: set[int] = set()
        self.waiting: list[tuple[float, int, int, RunState]] = []
        """A heap of (created_at + priority x aging, run id, serial, run). The serial decides between two entries of one
        run, because runs cannot be compared."""
