"""Work, reports and requests as text in the database, between the scheduler and the hosts. Pure.

The rows of works and of hosts name the PROTOCOL of their writer. It changes when one side could not read the other's
text. A host takes only work of its own protocol.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Stacks, Started, Work

PROTOCOL = 2
SHORT_WORKS_MAX = 32
"""Short works that a host takes at once: in one message, or without one."""

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

_KINDS: dict[str, type[Any]] = {
    "s": Started,
    "e": Ended,
    "r": Returned,
    "l": Lines,
    "p": Progress,
    "u": Sampled,
    "k": Stacks,
}
_MARKS = {kind: mark for mark, kind in _KINDS.items()}
_FIELDS: dict[type[Any], tuple[str, ...]] = {kind: kind.__slots__ for kind in _KINDS.values()}

_WORK = (
    "soft_timeout", "hard_timeout", "memory_mb", "expected", "stuck_after", "run", "workflow", "node", "type", "entry",
    "short", "own_python",
)  # fmt: skip


class RequestKind(StrEnum):
    """What the scheduler may ask of the host that has a dispatch."""

    KILL = "kill"
    """End the attempt with its process tree."""
    STACKS = "stacks"
    """Sample the attempt's stacks."""
    RETURN = "back"
    """Return the work if it has not started."""


@dataclass(frozen=True, slots=True)
class HostRequest:
    """A request about one dispatch. Its text is in the column `wish`."""

    kind: RequestKind
    argument: str = ""
    """For KILL the state to report; for STACKS a number that distinguishes it from earlier requests."""

    def __str__(self) -> str:
        return f"{self.kind} {self.argument}".rstrip()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the request with this text. Raises ValueError for an unknown kind."""
        kind, _, argument = text.partition(" ")
        return cls(RequestKind(kind), argument)


def reports_text(reports: Iterable[Report]) -> str:
    """Return the text of reports, in order."""
    return _encode([_row(report) for report in reports])


def _row(report: Report) -> list[Any]:
    kind = type(report)
    return [_MARKS[kind], *[getattr(report, name) for name in _FIELDS[kind]]]


def read_reports(text: str) -> list[Report]:
    """Return the reports in `text`. Raises KeyError, TypeError or ValueError if it is malformed."""
    found: list[Report] = []
    for mark, *values in json.loads(text):
        if mark == "l":
            values[1] = [(at, level, message) for at, level, message in values[1]]
        found.append(_KINDS[mark](*values))
    return found


def shift(reports: Iterable[Report], seconds: float) -> None:
    """Add `seconds` to the times of all reports, to convert them to another clock."""
    if not seconds:
        return
    for report in reports:
        if isinstance(report, Lines):
            report.lines = [(at + seconds, level, message) for at, level, message in report.lines]
        elif not isinstance(report, Returned):
            report.at += seconds


def work_text(work: Work) -> str:
    """Return what a supervisor needs beside the envelope, without the interpreter, which each host knows."""
    return _encode([getattr(work, name) for name in _WORK])


def envelope_text(work: Work) -> str:
    """Return the envelope without what its host adds, which `work.shared` does not contain."""
    text = _encode(work.envelope)
    return f"{{{work.shared},{text[1:]}" if work.shared else text


def is_short(text: str) -> bool:
    """Return whether this is the text of a short work."""
    return bool(json.loads(text)[_WORK.index("short")])


def read_work(claim: str, text: str, envelope: str, *, common: str, python: str) -> Work:
    """Return the work as the supervisor of a host takes it. Raises ValueError if `text` is malformed.

    `common` is what the host adds to envelopes, JSON without braces; `python` is its interpreter for node types that
    ask for one.
    """
    fields = dict(zip(_WORK, json.loads(text), strict=True))
    return Work(
        claim=claim,
        # The rest stays text, because the host does not read it. The claim is needed in both forms.
        envelope={"claim": claim},
        shared=f"{common},{envelope[1:-1]}",
        python=python if fields["own_python"] else "",
        config=_Config(envelope),
        **fields,
    )


class _Config(Mapping[str, Any]):
    """The node's config, decoded from its envelope on first use: only stacks need it, to show the author's lines."""

    def __init__(self, envelope: str) -> None:
        self._envelope = envelope

    def _read(self) -> dict[str, Any]:
        return json.loads(self._envelope).get("config") or {}

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())
