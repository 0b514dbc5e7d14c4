"""What the rules know: plain values, gathered by facts.py or made by hand in tests. Pure.

Times are aware datetimes, spans seconds. None always means: not determined, or there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import policy
from engine.admission.conditions import WaitingCondition
from engine.policy import stuck_after
from engine.sentences import Sentence

BEHIND_MOST = 1000
MARKS = (policy.MARKED_STUCK, policy.MARKED_QUIET, "Counts as stuck", "Counts as quiet")
"""How the lines begin that the scheduler added to a node's log; the last two are of earlier releases."""


def own_lines(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lines that the node itself wrote."""
    return [line for line in logs if not str(line["message"]).startswith(MARKS)]


@dataclass(frozen=True, slots=True)
class Sampled:
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
class Kept:
    """Stacks of a running attempt."""

    taken_at: datetime
    why: str
    body: Mapping[str, Any]
    """{samples, children, moves, cpu_percent, pid}; see engine.inspect.stacks."""


@dataclass(frozen=True, slots=True)
class Running:
    """A node of the run that runs now."""

    node: str
    name: str
    type: str
    attempt: int
    pid: int | None
    started_at: datetime
    seconds: float
    """How long the attempt has run."""
    worker: str = ""
    """On whose host its process is; empty: the scheduler's."""
    expected: float | None = None
    expected_from: str = "none"
    soft_timeout: float | None = None
    hard_timeout: float | None = None
    memory_mb: int | None = None
    logs: Sequence[Mapping[str, Any]] = ()
    """Its last lines, oldest first."""
    said_at: datetime | None = None
    """When it last wrote a line or reported progress."""
    fraction: float | None = None
    """Of its work, as it last reported, ..."""
    progress_at: datetime | None = None
    """... when, ..."""
    progress_words: str = ""
    """... and with which message."""
    stack: Kept | None = None
    """The newest of this attempt."""
    samples: Sequence[Sampled] = ()
    """Of this attempt in the last SAMPLES_SECONDS, oldest first."""
    cores: float | None = None
    """How many it may use (affinity and quota)."""
    behind: int = 0
    """Nodes of the run that cannot start before it ends; counted up to BEHIND_MOST."""

    @property
    def limit(self) -> float | None:
        """Seconds after which it counts as stuck."""
        return stuck_after(self.expected, self.expected_from)

    @property
    def is_stuck(self) -> bool:
        limit = self.limit
        return limit is not None and self.seconds > limit


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has what a node waits for: slots of a pool, or a node process."""

    run: int
    node: str
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
    """Slots that the node takes."""
    ahead: int = 0
    """Slots that those before it in the line take."""
    holders: Sequence[Holder] = ()
    """The longest first."""


@dataclass(frozen=True, slots=True)
class Root:
    """The upstream node that everything behind it really waits for."""

    node: str
    name: str
    state: str
    since: datetime | None
    is_stuck: bool = False
    pid: int | None = None
    why: Sentence | None = None
    """What it waits for itself, where one node is asked about."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A node of the run that does not run and has not ended."""

    node: str
    name: str
    type: str
    state: str
    conditions: Sequence[WaitingCondition]
    since: datetime | None = None
    pool: PoolFacts | None = None
    root: Root | None = None
    """Of a pending one."""
    attempt: int = 0
    retries: int = 0
    retry_at: datetime | None = None
    error: Mapping[str, Any] | None = None
    """Of the last attempt of a retrying one."""
    pid: int | None = None
    """Of that attempt."""
    failed_at: datetime | None = None
    queue: str = ""
    """Of a ready one."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A worker that lives and gets no work."""

    name: str
    queues: Sequence[str]
    reason: str
    """Why it drains, see engine.states."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A node that failed or ran out of time."""

    node: str
    name: str
    type: str
    state: str
    error: Mapping[str, Any] | None
    attempt: int
    pid: int | None
    finished_at: datetime | None
    worker: str = ""
    """On whose host that process was; empty: the scheduler's."""
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
    stack: Kept | None = None
    """Of that attempt, just before a limit acted."""
    logs: Sequence[Mapping[str, Any]] = ()
    """Its last lines, oldest first."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A run, or the part of it that one node is about."""

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
    running: Sequence[Running] = ()
    waiting: Sequence[Waiting] = ()
    """The first of them; ready ones first."""
    waiting_total: int = 0
    failures: Sequence[Failure] = ()
    """The first in time; with one node asked for, what made it end as it did."""
    failed_total: int = 0
    occupants: Sequence[Holder] = ()
    """Who has the node processes, the longest first; () unless a node waits for one."""
    processes: int = 0
    resting: Sequence[Resting] = ()
    """Workers that get no work; () unless a node's queue has no worker."""
    max_runs: int | None = None
    rivals: Sequence[Holder] = ()
    """Runs of the same workflow that keep this one from starting (`node` empty), the longest first."""
    machine_memory: int | None = None
    """Bytes."""
    asked: str | None = None
    """The one node that is asked about: then also what is in order is explained."""
    asked_name: str = ""

    @property
    def duration(self) -> float | None:
        if self.started_at is None:
            return None
        return max(0.0, ((self.finished_at or self.now) - self.started_at).total_seconds())
