"""The contract's objects, built from plain values. Events and queries both use these, so they cannot disagree.

Pure: no database, no clock. Times come in as integers of microseconds since 1970 (UTC) and leave as ISO 8601.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.states import NODE_STATES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UTC = EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)

WAITING_STATES = frozenset({"pending", "ready", "waiting", "retrying"})
"""States in which `waiting_for` may say something."""


def micros(moment: datetime) -> int:
    """Return `moment` (aware) as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def optional_micros(moment: datetime | None) -> int | None:
    """Return what `micros` returns; None for None."""
    return None if moment is None else (moment - EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    """Return the time that `micros` has converted, aware, in UTC."""
    return EPOCH + timedelta(microseconds=us)


def iso(us: int | None) -> str | None:
    """Return ISO 8601 with microseconds; None for None."""
    if us is None:
        return None
    return iso_moment(_EPOCH_UTC + timedelta(microseconds=us))


def iso_moment(moment: datetime) -> str:
    """Return ISO 8601 with microseconds of a time in UTC, aware or not."""
    # Twice as fast as strftime; a snapshot holds tens of thousands of times.
    text = moment.isoformat(timespec="microseconds")
    return text[:26] + "Z"


def shown_error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an attempt's error without the base classes of its class, which only retries need."""
    return None if error is None else {name: value for name, value in error.items() if name != "bases"}


def output_summary(output: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a node run says about its output: {kind, bytes, ports, row_count?, skipped_lines?}. The value is read
    separately."""
    if output is None:
        return None
    summary: dict[str, Any] = {
        "kind": output.get("kind", "json"),
        "bytes": output.get("bytes", 0),
        "ports": output.get("ports") or ["out"],
    }
    if output.get("row_count") is not None:
        summary["row_count"] = output["row_count"]
    if output.get("skipped"):
        summary["skipped_lines"] = output["skipped"]["lines"]
    return summary


class Moments:
    """Converts microseconds since 1970 to JSON: ISO 8601, or null. The text of the last second is cached, because most
    times are close together."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, us: int | None) -> str:
        if us is None:
            return "null"
        second, rest = divmod(us, 1_000_000)
        if second != self._second:
            self._second, self._text = second, (_EPOCH_UTC + timedelta(seconds=second)).isoformat()
        return f'"{self._text}.{rest:06d}Z"'


def node_text(
    node: str,
    type_: str,
    name: str,
    *,
    state: str = "pending",
    reason: str = "",
    attempt: int = 0,
    started_at: str = "null",
    finished_at: str = "null",
    expected: float | None = None,
    expected_from: str = "none",
    progress: str = "null",
    error: str = "null",
    waiting_for: list[dict[str, Any]] | None = None,
    output: str = "null",
) -> str:
    """Return the contract's node run as JSON. Times, progress, error and output (its summary) are JSON already.

    Written by hand: a run of 10,000 nodes has 30,000 of them in its events, and building an object of each to encode
    it again took six times as long.
    """
    return (
        f'{{"node":"{node}","type":{quoted(type_)},"name":{quoted(name)},"state":"{state}",'
        f'"reason":{quoted(reason) if reason else "null"},"attempt":{attempt},'
        f'"started_at":{started_at},"finished_at":{finished_at},'
        f'"expected":{"null" if expected is None else repr(expected)},"expected_from":"{expected_from}",'
        f'"progress":{progress},"error":{error},'
        f'"waiting_for":{encoded(waiting_for) if waiting_for and state in WAITING_STATES else "[]"},'
        f'"output":{output}}}'
    )


quoted = json.encoder.encode_basestring
"""A string as JSON, not escaped beyond need."""
encoded = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_LONE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """Return `text`, which is JSON, so that it encodes as UTF-8: lone surrogates, which occur only in strings, become
    escapes."""
    return text if text.isascii() else _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def run_shape(
    run_id: int,
    *,
    workflow: str,
    version: int | None,
    draft: bool,
    state: str,
    reason: str,
    inputs: Mapping[str, Any],
    priority: int,
    altered: bool,
    rerun_of: int | None,
    created_by: str,
    created_us: int,
    started_us: int | None,
    finished_us: int | None,
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """Return the contract's run, with `draft`, `reason`, `altered` and `rerun_of` beside what it asks for."""
    return {
        "id": str(run_id),
        "workflow": workflow,
        "version": version,
        "draft": draft,
        "state": state,
        "reason": reason or None,
        "inputs": inputs,
        "priority": priority,
        "altered": altered,
        "rerun_of": None if rerun_of is None else str(rerun_of),
        "created_by": created_by,
        "created_at": iso(created_us),
        "started_at": iso(started_us),
        "finished_at": iso(finished_us),
        "counts": full_counts(counts),
    }


def full_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the states that occur, in the order of the state table. Their sum is the number of nodes."""
    return {state: counts[state] for state in NODE_STATES if counts.get(state)}


def line_shape(seq: int, at: str, node: str, attempt: int, level: str, message: str) -> dict[str, Any]:
    """Return the contract's log line."""
    return {"seq": seq, "at": at, "node": node, "attempt": attempt, "level": level, "message": message}
