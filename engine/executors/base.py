"""The interface between the scheduler and what runs attempts.

The scheduler hands over work and takes reports; no call but `poll` blocks. An executor decides nothing about a node's
state: it reports what happened, always with the claim of the attempt.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

PREFETCH_MAX = 64
"""Works in one node process, including the running one: enough to keep it busy while the scheduler writes reports."""
RECALL_SECONDS = 0.1
"""Prefetched work is recalled when the attempt before it runs longer than this."""


@dataclass(slots=True)
class Work:
    """One attempt that may start, with what a supervisor needs to know beside its envelope."""

    claim: str
    envelope: dict[str, Any]
    """What the attempt needs (see engine.worker.envelope), apart from what is in `shared`; JSON."""
    soft_timeout: float | None
    """Seconds of running time."""
    hard_timeout: float | None
    memory_mb: int | None
    python: str
    """Interpreter of the node process; empty: the product's own."""
    expected: float | None
    """Expected duration in seconds; None: unknown. Short work may be prefetched."""
    stuck_after: float | None = None
    """Seconds of running time after which the attempt counts as stuck and its stacks are taken; None: it has no
    expected duration and is watched for quiet instead."""
    run: str = ""
    workflow: str = ""
    node: str = ""
    type: str = ""
    entry: str = ""
    """The module that runs its node type."""
    config: Mapping[str, Any] = field(default_factory=dict)
    shared: str = ""
    """The part of the envelope that other attempts have too: JSON without its braces, encoded once for all of them."""
    short: bool | None = None
    """Whether the scheduler expects it to be short; None: the supervisor decides."""
    queue: str = "default"
    own_python: bool = False
    """Whether it runs in the interpreter that INTERLOCK_NODE_PYTHON names on its host."""


@dataclass(slots=True)
class Started:
    """The node process has started the attempt."""

    claim: str
    pid: int
    pid_started: str
    worker: str
    at: float
    """Unix time."""


@dataclass(slots=True)
class Ended:
    """The attempt has ended and nothing of it runs any more."""

    claim: str
    state: str
    """succeeded, failed, timed_out, cancelled or lost."""
    at: float
    seconds: float
    """Running time by one monotonic clock."""
    output: dict[str, Any] | None = None
    """The stored form of a success: {kind, bytes, ports, value | artifact, schema?, row_count?}."""
    error: dict[str, Any] | None = None
    """{class, message, line, traceback}; the scheduler adds `node`."""
    usage: dict[str, Any] | None = None
    receipt: dict[str, Any] | None = None
    """After a kill: {processes, slots, seconds}; the scheduler fills in `slots`."""
    interrupted: bool = False
    """It ended only because the product stopped or another attempt was killed: the node becomes ready again, and the
    attempt is not counted."""


@dataclass(slots=True)
class Returned:
    """Dispatched work that never started; it may be dispatched again, here or elsewhere."""

    claims: list[str]


@dataclass(slots=True)
class Lines:
    """Log lines of one attempt, in order: (unix time, level, message)."""

    claim: str
    lines: list[tuple[float, str, str]]


@dataclass(slots=True)
class Progress:
    """The fraction and message that an attempt last reported."""

    claim: str
    fraction: float | None
    message: str | None
    at: float


@dataclass(slots=True)
class Sampled:
    """Resource use of the attempt's process tree at one moment; None: not determined."""

    claim: str
    at: float
    cpu_percent: float | None
    memory_bytes: int | None
    io_wait: bool | None
    network_bytes: int | None
    network_scope: str = "not_determined"
    io_bytes: int | None = None
    """Bytes a second that the tree reads and writes by system calls."""


@dataclass(slots=True)
class Stacks:
    """What the threads of a running attempt did, sampled a few times."""

    claim: str
    at: float
    why: str
    """Why they were taken: asked, stuck, quiet, soft_timeout, hard_timeout or memory."""
    body: dict[str, Any]
    """{samples, children}; see engine.inspect.stacks."""


Report = Started | Ended | Returned | Lines | Progress | Sampled | Stacks


@dataclass(slots=True)
class ReportBatch:
    """Reports of another host that are in one row: one tick applies all of them and deletes the row."""

    id: int
    reports: list[Report]


@dataclass(slots=True)
class Credit:
    """How much work may be dispatched now. The scheduler subtracts what it admits."""

    idle: int
    """Works that would start at once, whatever their duration."""
    prefetch: int
    """Works that would be taken if they are short."""


@dataclass(slots=True)
class NodeProcessInfo:
    """One node process, for people."""

    pid: int
    state: str
    """starting, idle, busy or stopping."""
    claims: list[str] = field(default_factory=list)


class Executor(Protocol):
    """What the scheduler needs. All calls come from the scheduler's one thread."""

    @property
    def remote(self) -> "RemoteExecutor | None":
        """This executor if it keeps work and reports in the database; None if it keeps them in memory."""

    def start(self) -> Mapping[str, float]:
        """Start node processes and clean up after an earlier supervisor that was killed.

        Return the attempts that its processes started last: {claim: unix time}.
        """

    def has_room(self, work: Work) -> bool:
        """Return whether `work` would be taken now: by an idle process, or by one with short work."""

    def idle_credit(self) -> int:
        """Return how many more works would start now, whatever their duration."""

    def is_short(self, work: Work) -> bool:
        """Return whether `work` is expected to be short enough to be prefetched. Ignores its claim."""

    def prefetch_credit(self) -> int:
        """Return how many more works would be taken now if they are short."""

    def send(self, works: Iterable[Work]) -> None:
        """Take works. Each is reported exactly once, as Ended or Returned, whatever happens."""

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        """End an attempt with its whole process tree; reported as Ended with `state` and its receipt.

        Unknown claims are ignored; work that has not started is Returned.
        """

    def take_stacks(self, claim: str) -> None:
        """Sample the stacks of a running attempt; reported as Stacks (`why` is asked). Unknown claims are ignored."""

    def recall(self) -> None:
        """Take back all work that has not started; reported as Returned."""

    def poll(self, timeout: float) -> Sequence[Report | ReportBatch]:
        """Return reports since the last call; wait up to `timeout` seconds for the first, or for a watched file."""

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        """Call `callback` within `poll` whenever `fileobj` is readable; this also ends the wait."""

    def unwatch(self, fileobj: Any) -> None:
        """Stop watching `fileobj`."""

    def stop(self, grace: float) -> Sequence[Report]:
        """Give running attempts up to `grace` seconds to end, interrupt the others, and end all processes."""

    def node_processes(self) -> list[NodeProcessInfo]:
        """Return the node processes of this process; none for a remote executor."""


class RemoteExecutor(Executor, Protocol):
    """An executor whose work and reports are in the database, where the scheduler's ticks write and delete them.

    `poll` returns a ReportBatch for each row of reports. Dispatched work outlives the scheduler.
    """

    def reload(self) -> Collection[str]:
        """Read again what is dispatched, after the scheduler discarded its memory. Return the claims of all dispatched
        work. Raises the database's errors."""

    def served_queues(self) -> Collection[str]:
        """Return the queues that a host takes work from."""

    def credits(self) -> Mapping[str, tuple[Credit, ...]]:
        """Return, for each served queue, the credits that work for it uses up: its hosts' and that of all hosts.

        Work may be dispatched while all of them have room."""

    def discard(self, claims: Collection[str]) -> None:
        """Delete the dispatches of these claims, which no node waits for; their hosts end them. Raises the database's
        errors."""

    def now(self) -> float:
        """Return the unix time by the database's clock."""

    def confirm(self, batch: ReportBatch) -> None:
        """Forget a batch: the tick that applied it has been committed."""
