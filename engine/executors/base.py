"""The seam between the scheduler and whatever runs attempts.

The scheduler hands over envelopes and takes reports; it never blocks on a process. An executor decides
nothing about a node's state: it says what happened, always with the claim of the attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

AHEAD_MAX = 64
"""Works in one node process, the running one included. Enough to last while the scheduler writes what has ended."""


@dataclass(slots=True)
class Work:
    """One attempt that may start, with what a supervisor needs around its envelope."""

    claim: str
    envelope: dict[str, Any]
    """What the attempt needs (see engine.worker.envelope), but for what is in `shared`; JSON."""
    soft_timeout: float | None
    """Seconds of running."""
    hard_timeout: float | None
    memory_mb: int | None
    python: str
    """Interpreter of the node process; empty: the product's own."""
    expected: float | None
    """Seconds; None: unknown. What is known to be short may be sent ahead."""
    stuck_after: float | None = None
    """Seconds of running after which it counts as stuck, and its stacks are taken; None: nothing is expected of it,
    and it is watched for quiet instead."""
    run: str = ""
    workflow: str = ""
    node: str = ""
    type: str = ""
    entry: str = ""
    """The module that runs its type."""
    config: Mapping[str, Any] = field(default_factory=dict)
    shared: str = ""
    """The rest of the envelope, which other attempts have as well: JSON without its braces, made once for all."""
    short: bool | None = None
    """Whether its sender believes it to be short; None: the supervisor finds out itself."""
    queue: str = "default"
    own_python: bool = False
    """Whether it runs in the interpreter that INTERLOCK_NODE_PYTHON names on its host."""


@dataclass(slots=True)
class Started:
    """The node process has begun the attempt."""

    claim: str
    pid: int
    pid_started: str
    worker: str
    at: float
    """Unix time."""


@dataclass(slots=True)
class Ended:
    """The attempt is over and nothing of it is left."""

    claim: str
    state: str
    """succeeded failed timed_out cancelled lost."""
    at: float
    seconds: float
    """Running time by one monotonic clock."""
    output: dict[str, Any] | None = None
    """When succeeded: stored form, {kind, bytes, ports, value | artifact, schema?, row_count?}."""
    error: dict[str, Any] | None = None
    """{class, message, line, traceback}; `node` is added by the scheduler."""
    usage: dict[str, Any] | None = None
    receipt: dict[str, Any] | None = None
    """After a kill: {processes, slots, seconds}; `slots` is filled in by the scheduler."""
    interrupted: bool = False
    """Ended by a stop of the product or beside another attempt's kill: goes back to ready, nothing counted."""


@dataclass(slots=True)
class Returned:
    """Sent work that never started; it may be sent again, here or elsewhere."""

    claims: list[str]


@dataclass(slots=True)
class Lines:
    """Log lines of one attempt, in order: (unix time, level, message)."""

    claim: str
    lines: list[tuple[float, str, str]]


@dataclass(slots=True)
class Progress:
    claim: str
    fraction: float | None
    message: str | None
    at: float


@dataclass(slots=True)
class Sampled:
    """Resource use of the attempt's process tree now; None: not determined."""

    claim: str
    at: float
    cpu_percent: float | None
    memory_bytes: int | None
    io_wait: bool | None
    network_bytes: int | None
    network_scope: str = "not_determined"
    io_bytes: int | None = None
    """Bytes a second read and written by system calls of the tree."""


@dataclass(slots=True)
class Stacks:
    """What the threads of a running attempt did, sampled a few times."""

    claim: str
    at: float
    why: str
    """asked, stuck, quiet, soft_timeout, hard_timeout or memory."""
    body: dict[str, Any]
    """{samples, children}; see engine.inspect.stacks."""


Report = Started | Ended | Returned | Lines | Progress | Sampled | Stacks


@dataclass(slots=True)
class Batch:
    """Reports of another host that stand in the database together: one tick takes up all of them, and takes them out
    there."""

    id: int
    reports: list[Report]


@dataclass(slots=True)
class Places:
    """How much may be sent now; who sends counts down."""

    idle: int
    """Works that would begin at once, however long they are."""
    ahead: int
    """Works that would be taken, if they were short."""


@dataclass(slots=True)
class WorkerInfo:
    """One node process, for people."""

    pid: int
    state: str
    """starting, idle, busy, stopping."""
    claims: list[str] = field(default_factory=list)


class Executor(Protocol):
    """What the scheduler needs. All calls come from the scheduler's one thread and none but `poll` blocks."""

    def start(self) -> Mapping[str, float]:
        """Start node processes and clean up what an earlier, killed supervisor left. Which attempts its processes had
        begun last: {claim: unix time}."""

    def room(self, work: Work) -> bool:
        """Whether `work` would be taken now (an idle process, or room ahead on a short one)."""

    def idle(self) -> int:
        """How many more works would be taken now, however long they are."""

    def short(self, work: Work) -> bool:
        """Whether `work` is believed to be short enough to be sent ahead. Looks at everything but its claim."""

    def free(self) -> int:
        """How many more works would be taken now, if they were short."""

    def send(self, works: Iterable[Work]) -> None:
        """Take works; each ends with an Ended or a Returned report, whatever happens."""

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        """End an attempt with its whole process tree; reported as Ended with `state` and its receipt.

        Unknown claims are ignored; sent work that has not started is Returned.
        """

    def take_stacks(self, claim: str) -> None:
        """Sample the stacks of a running attempt; comes as Stacks (`why` asked). Unknown claims are ignored."""

    def take_back(self) -> None:
        """Ask for all work that was sent ahead and has not started; comes as Returned."""

    def poll(self, timeout: float) -> Sequence[Report | Batch]:
        """Reports since the last call, waiting up to `timeout` seconds for the first or for a watched file."""

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        """Call `callback` within `poll` whenever `fileobj` is readable; it also ends the wait."""

    def unwatch(self, fileobj: Any) -> None: ...

    def stop(self, grace: float) -> Sequence[Report]:
        """Let running attempts end for up to `grace` seconds, interrupt the others, end all processes."""

    def workers(self) -> list[WorkerInfo]: ...


class RemoteExecutor(Executor, Protocol):
    """One whose works and reports stand in the database, written there and taken out of it by the scheduler's ticks.
    `poll` gives a Batch for what comes from there. What it has out outlives the scheduler."""

    def recall(self) -> Collection[str]:
        """Forget what was heard and read it again: memory was thrown away. The claims of all works that are out.
        Raises the database's errors."""

    def served(self) -> Collection[str]:
        """Queues for which there is a worker."""

    def places(self) -> Mapping[str, tuple[Places, ...]]:
        """By queue that is served, what may be sent to it now: all of its places must have room."""

    def discard(self, claims: Collection[str]) -> None:
        """Take these works out of the database: nobody waits for them. Their hosts end them. Raises the database's
        errors."""

    def now(self) -> float:
        """Unix time by the database's clock, which is the one of all that it holds."""

    def settled(self, batch: Batch) -> None:
        """A tick that took `batch` up has been written."""
