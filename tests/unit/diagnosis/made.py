"""RunFacts made by hand, with only what a case is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.admission.conditions import WaitingCondition
from engine.diagnosis.facts import (
    Blocker,
    FailureFacts,
    PoolFacts,
    RunFacts,
    RunningFacts,
    StoredStack,
    UsageSample,
    WaitingFacts,
)

NOW = datetime(2026, 11, 24, 9, 44, 0, tzinfo=UTC)
PID = 41207
CODE = "<node load>"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def frame(line: int, source: str, *, author: bool = True, file: str = CODE, function: str = "main") -> dict[str, Any]:
    return {"file": file, "line": line, "function": function, "source": source, "author": author}


def thread(*frames: dict[str, Any], wait: Any = None, name: str = "MainThread", id: int = 1) -> dict[str, Any]:
    """A thread; `wait` is a kind, or all of waits_on."""
    if isinstance(wait, str):
        wait = {"kind": wait, "message": f"waits ({wait})"}
    return {"id": id, "name": name, "waits_on": wait, "frames": list(frames)}


def body(*threads: dict[str, Any], children: Any = (), cpu: float | None = 0.0, samples: int = 3) -> dict[str, Any]:
    return {
        "samples": [{"at": "2026-11-24T09:43:58.000000Z", "threads": list(threads)}] * samples,
        "children": list(children),
        "moves": False,
        "cpu_percent": cpu,
        "pid": PID,
    }


def child(pid: int = 5001, command: str = "sleep 600", **more: Any) -> dict[str, Any]:
    return {
        "pid": pid,
        "command": command,
        "state": "S",
        "cpu_seconds": 0.01,
        "since": "2026-11-24T09:43:40.000000Z",
        **more,
    }


def kept(of: dict[str, Any], why: str = "stuck", seconds_ago: float = 2) -> StoredStack:
    return StoredStack(ago(seconds_ago), why, of)


def samples(*cpu: float | None, **more: Any) -> list[UsageSample]:
    """One a second up to now, oldest first."""
    return [UsageSample(ago(len(cpu) - 1 - place), percent, **more) for place, percent in enumerate(cpu)]


def running(node: str = "load", seconds: float = 20, expected: float | None = 5, **more: Any) -> RunningFacts:
    more.setdefault("expected_from", "none" if expected is None else "author")
    more.setdefault("pid", PID)
    return RunningFacts(
        node=node,
        name=more.pop("name", node.capitalize()),
        type=more.pop("type", "python"),
        attempt=1,
        started_at=ago(seconds),
        seconds=seconds,
        expected=expected,
        **more,
    )


PARAMS = {
    "pool": "warehouse",
    "slots": 1,
    "in_use": 1,
    "pool_slots": 1,
    "max_concurrent": 1,
    "max_runs": 1,
    "queue": "gpu",
    "losses": 3,
    "nodes": ["load"],
    "names": ["load"],
    "more": 0,
    "retry": 1,
    "retries": 2,
    "at": "2026-01-01T00:00:00.000000Z",
}
"""Of any waiting condition."""


def waiting(code: str, node: str = "export", seconds: float = 4, **more: Any) -> WaitingFacts:
    conditions = more.pop("conditions", None) or [WaitingCondition(code, PARAMS, None)]
    return WaitingFacts(
        node=node,
        name=node.capitalize(),
        type="python",
        state=more.pop("state", "ready"),
        conditions=conditions,
        since=ago(seconds),
        **more,
    )


def pool(
    *holders: Blocker, slots: int | None = 1, wanted: int = 1, ahead: int = 0, in_use: int | None = None
) -> PoolFacts:
    used = sum(holder.slots for holder in holders) if in_use is None else in_use
    return PoolFacts("warehouse", slots, used, wanted, ahead, holders)


def holder(run: int = 815, node: str = "hold", seconds: float = 840, **more: Any) -> Blocker:
    return Blocker(run, node, ago(seconds), pid=more.pop("pid", 3381), **more)


def failure(kind: str = "ValueError", message: str = "bad", **more: Any) -> FailureFacts:
    return FailureFacts(
        node=more.pop("node", "parse"),
        name=more.pop("name", "Parse amounts"),
        type="python",
        state=more.pop("state", "failed"),
        error=more.pop(
            "error", {"class": kind, "message": message, "node": "parse", "line": 9, "traceback": "Traceback ..."}
        ),
        attempt=1,
        pid=PID,
        finished_at=ago(3),
        seconds=more.pop("seconds", 4.5),
        **more,
    )


def facts(*things: RunningFacts | WaitingFacts | FailureFacts, **more: Any) -> RunFacts:
    failures = [one for one in things if isinstance(one, FailureFacts)]
    waits = [one for one in things if isinstance(one, WaitingFacts)]
    more.setdefault("state", "running")
    more.setdefault("failed_total", len(failures))
    return RunFacts(
        run=812,
        workflow="delays",
        now=NOW,
        created_at=ago(60),
        started_at=ago(59),
        finished_at=more.pop("finished_at", None),
        running=[one for one in things if isinstance(one, RunningFacts)],
        waiting=waits,
        waiting_total=len(waits),
        failures=failures,
        processes=more.pop("processes", 2),
        machine_memory=more.pop("machine_memory", 8 * 2**30),
        **more,
    )


def line(message: str, seconds_ago: float, seq: int = 7) -> dict[str, Any]:
    at = ago(seconds_ago).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"seq": seq, "at": at, "node": "load", "attempt": 1, "level": "info", "message": message}
