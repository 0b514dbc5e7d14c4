"""Work and reports as JSON in the database, between the scheduler and the hosts. Pure.

`PROTOCOL` is written beside each work and by each host: it changes when what stands here does, and a host takes only
work of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Stacks, Started, Work

PROTOCOL = 2

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


def reports_text(reports: Iterable[Report]) -> str:
    """Reports of one host, in order."""
    return _encode([_row(report) for report in reports])


def _row(report: Report) -> list[Any]:
    kind = type(report)
    return [_MARKS[kind], *[getattr(report, name) for name in _FIELDS[kind]]]


def read_reports(text: str) -> list[Report]:
    """The reports in `text`. Raises KeyError, TypeError or ValueError for what is none."""
    found: list[Report] = []
    for mark, *values in json.loads(text):
        if mark == "l":
            values[1] = [(at, level, message) for at, level, message in values[1]]
        found.append(_KINDS[mark](*values))
    return found


def shift(reports: Iterable[Report], seconds: float) -> None:
    """Say when all of it was by a clock that is so much ahead."""
    if not seconds:
        return
    for report in reports:
        if isinstance(report, Lines):
            report.lines = [(at + seconds, level, message) for at, level, message in report.lines]
        elif not isinstance(report, Returned):
            report.at += seconds


def work_text(work: Work) -> str:
    """What a supervisor needs around the envelope; the interpreter is the host's own matter."""
    return _encode([getattr(work, name) for name in _WORK])


def envelope_text(work: Work) -> str:
    """The envelope without what its host adds (`work.shared` has none of that)."""
    text = _encode(work.envelope)
    return f"{{{work.shared},{text[1:]}" if work.shared else text


def read_work(claim: str, text: str, envelope: str, *, common: str, python: str) -> Work:
    """The work as a supervisor of a host takes it. `common`: what the host adds to envelopes, JSON without braces;
    `python`: its interpreter for node types that ask for one. Raises ValueError for what is no work."""
    known = dict(zip(_WORK, json.loads(text), strict=True))
    return Work(
        claim=claim,
        # As text: the host does not look into it. The claim stands in both, as the same.
        envelope={"claim": claim},
        shared=f"{common},{envelope[1:-1]}",
        python=python if known["own_python"] else "",
        config=Config(envelope),
        **known,
    )


class Config(Mapping[str, Any]):
    """The node's config, found in its envelope when somebody asks: only stacks do, for the author's lines."""

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
