"""Rows of runs in states that the scheduler would have made, for tests that only read or request."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from engine import clock
from engine.models import Attempt, Host, LogBatch, NodeRun, Run
from engine.text import dump


def ended(run_id: str | int, state: str = "failed", **nodes: str) -> Run:
    """Return a run that ended in `state`, with its nodes in the given states."""
    now = clock.now()
    run = Run.objects.get(pk=int(run_id))
    run.state, run.started_at, run.finished_at = state, now, now
    run.counts = {name: list(nodes.values()).count(name) for name in nodes.values()}
    run.save()
    for node, node_state in nodes.items():
        node_run(run, node, node_state)
    return run


def node_run(run: Run, node: str, state: str, *, output: dict[str, Any] | None = None, attempts: int = 1) -> NodeRun:
    """Return a node run with its ended attempts."""
    now = clock.now()
    for number in range(1, attempts + 1):
        Attempt.objects.create(
            run=run,
            node=node,
            number=number,
            state="succeeded" if state == "succeeded" else "failed",
            claim=f"claim-{node}-{number}",
            worker="local/1",
            pid=4242,
            started_at=now,
            finished_at=now,
            error=error(node) if state == "failed" else None,
            usage={"cpu_seconds": 0.5, "memory_peak_bytes": 1000},
            receipt={"processes": 1, "slots": 0, "seconds": 0.1} if state == "cancelled" else None,
        )
    return NodeRun.objects.create(
        run=run,
        node=node,
        state=state,
        attempt=attempts,
        ready_at=now,
        started_at=now,
        finished_at=now,
        error=error(node) if state == "failed" else None,
        output=output,
        artifact=(output or {}).get("artifact", ""),
    )


def error(node: str) -> dict[str, Any]:
    return {"class": "ValueError", "message": "bad", "node": node, "line": 3, "traceback": "Traceback ..."}


def lines(run: Run, node: str, first_seq: int, *messages: str, level: str = "info", attempt: int = 1) -> None:
    """Return log lines numbered from `first_seq`."""
    body = [["2026-11-24T08:00:00.000000Z", level, message] for message in messages]
    LogBatch.objects.create(
        run=run,
        node=node,
        attempt=attempt,
        first_seq=first_seq,
        last_seq=first_seq + len(messages) - 1,
        body=dump(body),
    )


def host(
    name: str, state: str = "active", *, queues: Sequence[str] = ("default",), reason: str = "", capacity: int = 2,
    ahead: timedelta = timedelta(hours=1),
) -> Host:  # fmt: skip
    """Return a worker's host whose last heartbeat is `ahead` of now: no test takes long enough for it to be lost."""
    now = clock.now()
    return Host.objects.create(
        name=name, queues=list(queues), capacity=capacity, protocol=1, state=state, reason=reason, started_at=now,
        beat_at=now + ahead, load={"pid": 77, "processes": []},
    )  # fmt: skip
