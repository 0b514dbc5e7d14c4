"""What a diagnosis says: what is stuck, what waits, what is used, and findings with evidence and actions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.admission.conditions import WaitingCondition
from engine.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was measured or read."""

    kind: str
    """What it is about: duration, cpu, memory, io, network, stack, wait, child, log, pool, error or history."""
    message: Sentence
    """With the number, the process and the time, where there are any."""
    value: float | int | str | None = None
    unit: str | None = None
    """seconds, percent, bytes, bytes_per_second, slots, runs or None."""
    pid: int | None = None
    """The process it was measured on."""
    at: str | None = None
    """ISO 8601: when it was measured, or since when it holds."""
    brief: Sentence | None = None
    """The message without the error, for places that show the error above it; None: the message itself."""


@dataclass(frozen=True, slots=True)
class Action:
    """A call of the API that can be sent as it is."""

    label: Sentence
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    danger: bool = False
    """It ends something, and is shown as dangerous."""
    edits: tuple[str, int | None] | None = None
    """The node, and the line of its code, to edit: pages open the editor there, the call reads the draft. Only for
    people who may edit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause and what helps."""

    code: str
    message: Sentence
    """The cause in one sentence."""
    evidence: Sequence[Evidence]
    node: str | None = None
    """The node it is about; None: the run."""
    actions: Sequence[Action] = ()
    """The best first. The API names the first one apart; pages offer all."""
    brief: Sentence | None = None
    """The message without the error or state of its node, for places that show these above it; None: the message
    itself."""
    cause: str | None = None
    """What keeps a running node from ending: the code of its activity, also where `code` says that it is quiet."""


@dataclass(frozen=True, slots=True)
class StuckNode:
    """A running node that takes too long, or a quiet one, which has no expected duration."""

    node: str
    type: str
    duration: float
    expected: float | None
    expected_from: str
    logs: Sequence[Mapping[str, Any]] = ()
    """Its last 50 lines."""
    stack: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WaitingNode:
    """A node that waits, and what for."""

    node: str
    conditions: Sequence[WaitingCondition]


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource use of the run's process trees now; None: not determined."""

    cpu_usage: float | None = None
    memory_usage: float | None = None
    io_wait: float | None = None
    network_io: float | None = None
    scopes: Mapping[str, str] = field(default_factory=dict)
    """By the names above what was measured: tree, host or not_determined."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a run is as it is."""

    workflow: str
    run: int
    status: str
    duration: float | None
    """Seconds from its start to its end or now; None: it has not started."""
    stuck: Sequence[StuckNode]
    waiting: Sequence[WaitingNode]
    """The first of the nodes that wait; `waiting_total` counts all."""
    usage: Usage
    findings: Sequence[Finding]
    """The most useful first."""
    waiting_total: int = 0

    def without_edits(self) -> "Diagnosis":
        """Return the diagnosis for people who may not edit."""
        kept = [replace(one, actions=[act for act in one.actions if act.edits is None]) for one in self.findings]
        return replace(self, findings=kept)

    def of(self, node: str) -> list[Finding]:
        """Return the findings about one node."""
        return [finding for finding in self.findings if finding.node == node]
