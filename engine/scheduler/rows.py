"""The rows that a tick writes, as tuples, and the statements that write them, for both databases. Pure.

Statements are idempotent by key: writing a row again changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from engine.executors import wire
from engine.executors.base import Work
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.state import AttemptState, NodeState, RunState
from engine.text import stored_json

TIMES_MAX = 4096


class Times:
    """Converts microseconds since 1970 to the database's text. Texts are cached, because one time is in up to three
    rows, and most times of a tick are in one second."""

    __slots__ = ("cache", "second", "suffix", "text")

    def __init__(self, suffix: str) -> None:
        """`suffix`: `+00` for PostgreSQL; empty for SQLite, where Django stores naive UTC."""
        self.suffix = suffix
        self.second = -1
        self.text = ""
        self.cache: dict[int | None, str] = {}

    def __call__(self, us: int | None) -> str | None:
        text = self.cache.get(us)
        if text is not None or us is None:
            return text
        second, rest = divmod(us, 1_000_000)
        if second != self.second:
            self.text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")
            self.second = second
        if len(self.cache) > TIMES_MAX:
            self.cache.clear()
        text = self.cache[us] = f"{self.text}.{rest:06d}{self.suffix}"
        return text


NODE_COLUMNS = (
    "run_id", "node", "item", "state", "reason", "attempt", "claim", "retries", "losses", "pool", "slots",
    "ready_at", "retry_at", "started_at", "finished_at", "expected", "expected_from", "progress", "error",
    "output", "artifact",
)  # fmt: skip
ATTEMPT_COLUMNS = (
    "run_id", "node", "item", "number", "state", "claim", "worker", "pid", "pid_started", "ready_at",
    "started_at", "finished_at", "error", "usage", "receipt",
)  # fmt: skip
EVENT_COLUMNS = ("run_id", "first_seq", "last_seq", "body")
LOG_COLUMNS = ("run_id", "node", "item", "attempt", "first_seq", "last_seq", "body")
SAMPLE_COLUMNS = (
    "run_id", "node", "item", "attempt", "at", "cpu_percent", "memory_bytes", "io_wait", "io_bytes",
    "network_bytes", "network_scope",
)  # fmt: skip
STACK_COLUMNS = ("run_id", "node", "item", "attempt", "taken_at", "why", "body")
DURATION_COLUMNS = ("workflow", "node", "durations", "median")

NODE_KEY = ("run_id", "node", "item")
ATTEMPT_KEY = ("run_id", "node", "item", "number")
BATCH_KEY = ("run_id", "first_seq")
DURATION_KEY = ("workflow", "node")

TABLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "nodes": ("engine_noderun", NODE_COLUMNS, NODE_KEY),
    "attempts": ("engine_attempt", ATTEMPT_COLUMNS, ATTEMPT_KEY),
    "events": ("engine_eventbatch", EVENT_COLUMNS, BATCH_KEY),
    "logs": ("engine_logbatch", LOG_COLUMNS, BATCH_KEY),
    "samples": ("engine_sample", SAMPLE_COLUMNS, ()),
    "stacks": ("engine_stack", STACK_COLUMNS, ()),
    "durations": ("engine_nodestat", DURATION_COLUMNS, DURATION_KEY),
}


def insert(table: str, values: str) -> str:
    """Return the statement that inserts or replaces by key; `values` is what follows VALUES."""
    name, columns, key = TABLES[table]
    statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES {values}"  # noqa: S608 - names from this module
    if key:
        changed = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
        statement += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"
    return statement


STACKS_MAX = 20
"""Of one attempt."""


def thin_stacks(mark: str) -> str:
    """Return the statement that deletes all but STACKS_MAX stacks of one attempt.

    The newest one stays, then those that were taken automatically, then newer before older ones. The parameters are
    (run, node, attempt) three times; `mark` is the driver's placeholder.
    """
    mine = f"run_id = {mark} AND node = {mark} AND item = -1 AND attempt = {mark}"
    return (
        f"DELETE FROM engine_stack WHERE {mine} AND id NOT IN (SELECT id FROM engine_stack WHERE {mine} "  # noqa: S608
        f"ORDER BY CASE WHEN id = (SELECT MAX(id) FROM engine_stack WHERE {mine}) THEN 0 "
        f"WHEN why = 'asked' THEN 2 ELSE 1 END, taken_at DESC, id DESC LIMIT {STACKS_MAX})"
    )


class Rows:
    """The rows of a tick, made before the transaction begins, so that it holds the lock only while it writes."""

    __slots__ = (
        "attempts",
        "claims",
        "closed",
        "commands",
        "crowded_attempts",
        "dispatches",
        "durations",
        "events",
        "indexed_runs",
        "logs",
        "nodes",
        "pending_actions",
        "pools",
        "read_batches",
        "samples",
        "stacks",
        "unindexed_runs",
    )

    def __init__(self, changes: Changes, at: Times) -> None:
        self.indexed_runs = [_run_row(run, at) for run in changes.runs if run.indexed != run.stored_indexed]
        """Runs with a change in an indexed column."""
        self.unindexed_runs = [_run_row(run, at) for run in changes.runs if run.indexed == run.stored_indexed]
        self.nodes = [_node_row(node, at) for node in changes.nodes]
        self.claims = [(node.claim, node.run.id, node.plan.id) for node in changes.claimed]
        self.attempts = [_attempt_row(attempt, at) for attempt in changes.attempts]
        self.events = [
            (run.id, run.events[0][0], run.events[-1][0], stored_json(run.events)) for run in changes.runs if run.events
        ]
        self.logs = [
            (
                run.id,
                row.node,
                -1,
                row.attempt,
                row.first_seq,
                row.first_seq + len(row.lines) - 1,
                stored_json(row.lines),
            )
            for run in changes.runs
            for row in run.logs
        ]
        self.samples = [
            (run, node, -1, attempt, at(at_us), cpu, memory, io_wait, io, network, scope)
            for run, node, attempt, at_us, cpu, memory, io_wait, io, network, scope in changes.samples
        ]
        self.stacks = [
            (run, node, -1, attempt, at(at_us), why, body) for run, node, attempt, at_us, why, body in changes.stacks
        ]
        self.crowded_attempts = sorted({(run, node, attempt) for run, node, attempt, *_ in changes.stacks})
        """Attempts that may have more than STACKS_MAX stacks now."""
        self.pools = [(pool.acquired, pool.released, pool.longest_wait, pool.name) for pool in changes.pools]
        self.commands = [
            (None if outcome is None else stored_json(outcome), command) for command, outcome in changes.commands
        ]
        self.pending_actions = [
            (node.pending_action.stored(node.claim), node.run.id, node.plan.id)
            for node in changes.pending_actions
            if node.pending_action is not None
        ]
        """Written by statements of their own, because they are rare."""
        self.dispatches: Sequence[tuple[Any, ...]] = ()
        self.closed: Sequence[str] = ()
        self.read_batches: Sequence[int] = ()
        if changes.works is not None:
            self.dispatches = [_dispatch_row(work) for work in changes.works]
            self.closed = changes.closed
            self.read_batches = changes.read_batches
        self.durations = [
            (workflow, node, stored_json(seconds), median) for workflow, node, seconds, median in changes.durations
        ]


def _dispatch_row(work: Work) -> tuple[Any, ...]:
    return work.claim, work.queue, wire.PROTOCOL, wire.work_text(work), wire.envelope_text(work)


def _run_row(run: RunState, at: Times) -> tuple[Any, ...]:
    return (
        run.state,
        run.reason,
        stored_json(run.altered) if run.altered else "{}",
        stored_json(run.counts),
        run.seq,
        run.stopping,
        at(run.started_us),
        at(run.resumed_us),
        at(run.finished_us),
        run.id,
        run.stored_seq,
    )


def _node_row(node: NodeState, at: Times) -> tuple[Any, ...]:
    error, progress, output = node.error, node.progress, node.output
    return (
        node.run.id,
        node.plan.id,
        -1,
        node.state,
        node.reason,
        node.attempt,
        node.claim,
        node.retries,
        node.losses,
        "" if node.pool is None else node.pool.name,
        node.slots,
        at(node.ready_us) if node.ready_us else None,
        at(node.retry_us) if node.retry_us else None,
        at(node.started_us),
        at(node.finished_us),
        node.expected,
        node.expected_from,
        None if progress is None else stored_json(progress),
        None if error is None else stored_json(error),
        None if output is None else stored_json(output),
        node.artifact,
    )


def _attempt_row(attempt: AttemptState, at: Times) -> tuple[Any, ...]:
    error, usage, receipt = attempt.error, attempt.usage, attempt.receipt
    node = attempt.node
    return (
        node.run.id,
        node.plan.id,
        -1,
        attempt.number,
        attempt.state,
        attempt.claim,
        attempt.worker,
        attempt.pid,
        attempt.pid_started,
        at(attempt.ready_us),
        at(attempt.started_us),
        at(attempt.finished_us),
        None if error is None else stored_json(error),
        None if usage is None else stored_json(usage),
        None if receipt is None else stored_json(receipt),
    )
