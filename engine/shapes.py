"""The contract's objects, built from plain values. Events and queries both use these, so they cannot disagree.

Pure: no database, no clock. Times come in as integers of microseconds since 1970 (UTC) and leave as ISO 8601.
"""

from __future__ import annotations

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
    """`moment` (aware) as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def optional_micros(moment: datetime | None) -> int | None:
    """`micros`; None stays None."""
    return None if moment is None else (moment - EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    """The inverse of `micros`."""
    return EPOCH + timedelta(microseconds=us)


def iso(us: int | None) -> str | None:
    """ISO 8601 with microseconds; None stays None."""
    if us is None:
        return None
    return iso_moment(_EPOCH_UTC + timedelta(microseconds=us))


def iso_moment(moment: datetime) -> str:
    """ISO 8601 with microseconds of a time in UTC, aware or not."""
    # Twice as fast as strftime; a snapshot holds tens of thousands of times.
    text = moment.isoformat(timespec="microseconds")
    return text[:26] + "Z"


def output_summary(output: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a node run says about its output: {kind, bytes, ports, row_count?}; the value is read on its own."""
    if output is None:
        return None
    summary: dict[str, Any] = {
        "kind": output.get("kind", "json"),
        "bytes": output.get("bytes", 0),
        "ports": output.get("ports") or ["out"],
    }
    if output.get("row_count") is not None:
        summary["row_count"] = output["row_count"]
    return summary


def node_shape(
    node: str,
    type_: str,
    name: str,
    *,
    state: str = "pending",
    reason: str = "",
    attempt: int = 0,
    started_at: str | None = None,
    finished_at: str | None = None,
    expected: float | None = None,
    expected_from: str = "none",
    progress: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    waiting_for: list[dict[str, Any]] | None = None,
    output: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The contract's node run. Times are ISO 8601, `output` is its summary."""
    return {
        "node": node,
        "type": type_,
        "name": name,
        "state": state,
        "reason": reason or None,
        "attempt": attempt,
        "started_at": started_at,
        "finished_at": finished_at,
        "expected": expected,
        "expected_from": expected_from,
        "progress": progress,
        "error": error,
        "waiting_for": waiting_for if waiting_for and state in WAITING_STATES else [],
        "output": output,
    }


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
    created_by: str,
    created_us: int,
    started_us: int | None,
    finished_us: int | None,
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """The contract's run, with `draft`, `reason` and `altered` beside what it asks for."""
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
        "created_by": created_by,
        "created_at": iso(created_us),
        "started_at": iso(started_us),
        "finished_at": iso(finished_us),
        "counts": full_counts(counts),
    }


def full_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of the states that occur, in the order of the state table; they sum to all nodes."""
    return {state: counts[state] for state in NODE_STATES if counts.get(state)}


def line_shape(seq: int, at: str, node: str, attempt: int, level: str, message: str) -> dict[str, Any]:
    """The contract's log line."""
    return {"seq": seq, "at": at, "node": node, "attempt": attempt, "level": level, "message": message}
