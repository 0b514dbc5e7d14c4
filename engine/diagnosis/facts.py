"""What the rules know about a run: plain values, read by the readers of this package or made by tests. Pure.

Times are aware datetimes, spans are seconds. None always means: not determined, or there is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import policy
from engine.admission.conditions import WaitingCondition
from engine.log_lines import error_lines
from engine.sentences import Sentence

DEPENDENTS_MAX = 1000
MARKS = (policy.MARKED_STUCK, policy.MARKED_QUIET, "Counts as stuck", "Counts as quiet")
"""The beginnings of the lines that the scheduler adds to a node's log; the last two are from earlier releases."""


def own_lines(logs: Sequence[Mapping[str, Any]], error: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
    """Return the lines that the node itself wrote: without those of the scheduler, among them the attempt's error."""
    added = frozenset(error_lines(error)) if error else frozenset[str]()
    own = [line for line in logs if not str(line["message"]).startswith(MARKS)]
    return [line for line in own if line.get("level") != "error" or line["message"] not in added]


@dataclass(frozen=True, slots=True)
class UsageSample:
    """Resource use of one attempt's process tree at one moment."""

    at: datetime
    cpu_percent: float | None = None
    """Of one core."""
    memory_bytes: int | None = None
    io_wait: bool | None = None
    io_bytes: int | None = None
    """A second."""
    network_bytes: int | None = None
    """A second."""
    network_scope: str = "not_determined"


@dataclass(frozen=True, slots=True)
class StoredStack:
    """Stacks of an attempt at one moment."""

    taken_at: datetime
    why: str
    body: Mapping[str, Any]
    """{samples, children, moves, cpu_percent, pid}; see engine.inspect.stacks."""


@dataclass(frozen=True, slots=True)
class HolderFacts:
    """A living process that holds what a node waits for."""

    pid: int
    command: str
    since: datetime | None
    """Start of its attempt, else of the process."""
    run: int | None = None
    """The run, node and attempt in whose process tree it is; None: of none that runs."""
    node: str = ""
    stack: "StoredStack | None" = None
    """The newest of its attempt: why it does not end."""
    holder: "HolderFacts | None" = None
    """Who holds what it waits for itself."""


@dataclass(frozen=True, slots=True)
class RunningFacts:
    """A node that runs now."""

    node: str
    name: str
    type: str
    attempt: int
    pid: int | None
    started_at: datetime
    seconds: float
    """How long the attempt has run."""
    worker: str = ""
    """The Celery worker that runs it; empty: the scheduler's own node processes."""
    expected: float | None = None
    expected_from: str = "none"
    soft_timeout: float | None = None
    hard_timeout: float | None = None
    memory_mb: int | None = None
    logs: Sequence[Mapping[str, Any]] = ()
    """Its last lines, oldest first."""
    last_output_at: datetime | None = None
    """When it last wrote a line or reported progress."""
    fraction: float | None = None
    """The progress that it last reported, with `progress_at` and `progress_message`."""
    progress_at: datetime | None = None
    progress_message: str = ""
    stack: StoredStack | None = None
    """The newest of this attempt."""
    silence: str | None = None
    """How it was quiet when the supervisor noticed it, at `silent_at`: idle, computing or idling."""
    silent_at: datetime | None = None
    samples: Sequence[UsageSample] = ()
    """Of this attempt in the last SAMPLES_SECONDS, oldest first."""
    holders: Mapping[int, HolderFacts] = field(default_factory=dict)
    """By pid: the living ones among those that its stacks name."""
    cores: float | None = None
    """How many it may use (affinity and quota)."""
    dependents: int = 0
    """Nodes of the run that cannot start before it ends; counted up to DEPENDENTS_MAX."""

    @property
    def stuck_after(self) -> float | None:
        """Seconds after which it is stuck."""
        return policy.stuck_after(self.expected, self.expected_from)

    @property
    def last_sign_at(self) -> datetime:
        """When it last wrote a line or reported progress, else its start."""
        return self.started_at if self.last_output_at is None else max(self.started_at, self.last_output_at)

    @property
    def is_stuck(self) -> bool:
        limit = self.stuck_after
        return limit is not None and self.seconds > limit


@dataclass(frozen=True, slots=True)
class Blocker:
    """Who has what a node waits for: a node with slots of a pool or with a node process, or another run."""

    run: int
    node: str
    """Empty: the run as a whole."""
    since: datetime | None
    slots: int = 1
    pid: int | None = None
    is_stuck: bool = False


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """A pool that a node waits for."""

    name: str
    slots: int | None
    """None: there is no such pool."""
    in_use: int = 0
    wanted: int = 1
    """Slots that the node needs."""
    ahead: int = 0
    """Slots that nodes ahead of it in the queue will take."""
    holders: Sequence[Blocker] = ()
    """The longest first."""


@dataclass(frozen=True, slots=True)
class UpstreamRoot:
    """The upstream node that a pending node really waits for."""

    node: str
    name: str
    state: str
    since: datetime | None
    is_stuck: bool = False
    pid: int | None = None
    why: Sentence | None = None
    """What it waits for itself; only determined for a requested node."""


@dataclass(frozen=True, slots=True)
class WaitingFacts:
    """A node that does not run and has not ended."""

    node: str
    name: str
    type: str
    state: str
    conditions: Sequence[WaitingCondition]
    since: datetime | None = None
    pool: PoolFacts | None = None
    root: UpstreamRoot | None = None
    """Of a pending node."""
    attempt: int = 0
    retries: int = 0
    retry_at: datetime | None = None
    error: Mapping[str, Any] | None = None
    """Of a retrying node, from its last attempt; `pid` and `failed_at` likewise."""
    pid: int | None = None
    failed_at: datetime | None = None
    queue: str = ""
    """Of a ready node."""


@dataclass(frozen=True, slots=True)
class DrainingWorker:
    """A worker that is alive and gets no work."""

    name: str
    queues: Sequence[str]
    reason: str
    """A HostReason."""


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """A node that failed or timed out."""

    node: str
    name: str
    type: str
    state: str
    error: Mapping[str, Any] | None
    attempt: int
    pid: int | None
    finished_at: datetime | None
    worker: str = ""
    """The Celery worker that ran it; empty: the scheduler's own node processes."""
    seconds: float | None = None
    """Running time of its last attempt."""
    soft_timeout: float | None = None
    hard_timeout: float | None = None
    memory_mb: int | None = None
    memory_peak: int | None = None
    cpu_seconds: float | None = None
    """Used by its last attempt."""
    retries: int = 0
    """Retries used."""
    stack: StoredStack | None = None
    """Of its last attempt, just before a limit ended it."""
    logs: Sequence[Mapping[str, Any]] = ()
    """Its last lines, oldest first."""
    error_bases: Sequence[str] = ()
    """The base classes of the error's class."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """A node on the critical path of a run that succeeded: it began when the one before it ended."""

    node: str
    name: str
    working: float
    """Running time of its attempts."""
    waiting: float
    """From the end of the step before it, or the start of the run, without its running time."""
    ended_at: datetime
    attempts: int = 1
    pool: str = ""
    pool_slots: int | None = None
    """Size of the pool now."""
    pid: int | None = None
    cpu_seconds: float | None = None
    expected: float | None = None
    expected_from: str = "none"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run, or the part of it that concerns one node."""

    run: int
    workflow: str
    state: str
    now: datetime
    version: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    beat_age: float | None = 0.0
    """Seconds since the scheduler's last heartbeat; None: there was none."""
    scheduler_pid: int | None = None
    running: Sequence[RunningFacts] = ()
    waiting: Sequence[WaitingFacts] = ()
    """The first of them; ready ones first."""
    waiting_total: int = 0
    failures: Sequence[FailureFacts] = ()
    """The first failure; for a requested node the one that made it end as it did."""
    failed_total: int = 0
    occupants: Sequence[Blocker] = ()
    """The nodes in the node processes, the longest first; empty unless a node waits for one."""
    processes: int = 0
    draining: Sequence[DrainingWorker] = ()
    """Empty unless a node's queue has no worker."""
    max_runs: int | None = None
    competing_runs: Sequence[Blocker] = ()
    """Runs of the same workflow that keep this one from starting, the longest first."""
    machine_memory: int | None = None
    """Bytes."""
    critical_path: Sequence[PathStep] = ()
    """Of a run that succeeded, the first in time first."""
    usual_seconds: float | None = None
    """Median duration of the runs of its workflow that succeeded before it; only for a run that succeeded."""
    requested_node: str | None = None
    """The only node in question: its waiting is explained even if it is in order."""
    requested_name: str = ""

    @property
    def duration(self) -> float | None:
        if self.started_at is None:
            return None
        return max(0.0, ((self.finished_at or self.now) - self.started_at).total_seconds())
