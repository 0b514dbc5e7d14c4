"""The scheduler's side of the database: what it reads at its start, for commands and for envelopes, and the one
transaction that each tick writes."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from cachetools import LRUCache
from django.db import connection, transaction

from engine.database.sqlite_backend.write_queue import write_queue_of
from engine.definition import store
from engine.errors import RunFault
from engine.models import Attempt, Command, Dispatch, Host, HostReport, NodeRun, NodeStat, Pool, Run
from engine.models.conditions import unfinished_runs
from engine.scheduler import set_aside, wal
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.plan import Plan
from engine.scheduler.core.recovery import count
from engine.scheduler.core.state import OUTPUT_BYTES_MAX, AttemptState, NodeState, RunState
from engine.scheduler.dialects import COMPUTING_ERRORS, Dialect, PostgreSQL, SQLite, data_errors
from engine.scheduler.durations import LearnedDurations
from engine.scheduler.rows import Rows
from engine.shapes import micros, optional_micros, output_summary
from engine.states import HostReason, PendingAction

log = logging.getLogger("interlock.scheduler")

COMMANDS_AT_ONCE = 100
RUNS_AT_ONCE = 500
"""Runs whose nodes are read by one query."""


class Store:
    """One connection, used by the scheduler's thread alone. Every method may raise database errors."""

    def __init__(self) -> None:
        self.durations = LearnedDurations(self._durations)
        self.dialect: Dialect | None = None
        self.write_ahead_log: wal.WriteAheadLog | None = None
        self._plans: LRUCache[int, Plan] = LRUCache(maxsize=64)

    @property
    def is_open(self) -> bool:
        return self.dialect is not None

    def open(self) -> None:
        """Connect, or connect again."""
        connection.close()
        connection.ensure_connection()
        raw = connection.connection
        if connection.vendor == "postgresql":
            self.dialect = PostgreSQL(raw)
        else:
            self.dialect = SQLite(raw, write_queue_of(str(connection.settings_dict["NAME"])))
        self.write_ahead_log = wal.of_connection()

    def checkpoint(self, idle: bool) -> None:
        """Truncate SQLite's write-ahead log if it is too large. `idle`: nothing runs."""
        if self.write_ahead_log is not None:
            self.write_ahead_log.checkpoint(idle)

    def close(self) -> None:
        self.dialect = self.write_ahead_log = None
        connection.close()

    def forget(self) -> None:
        """Forget what was read and may have changed since."""
        self.durations.clear()

    # Writing.

    def write(self, changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        """Write a tick, and the heartbeat if `beat`. Raises database errors, LostLeadership and Diverged; memory must
        then be discarded."""
        assert self.dialect is not None
        rows = Rows(changes, self.dialect.times)
        self.dialect.write(rows, epoch, now_us, beat)
        self._confirm(changes)

    def faulty_runs(self, changes: Changes, epoch: int, now_us: int) -> dict[int, str]:
        """Return {run: error} of the runs whose part of `changes` cannot be written. Writes nothing. Raises
        LostLeadership, and database errors that are not about one run."""
        assert self.dialect is not None
        found: dict[int, str] = {}
        for run, part in changes.by_run().items():
            try:
                self.dialect.write(Rows(part, self.dialect.times), epoch, now_us, False, rehearse=True)
            except data_errors() as error:
                found[run] = str(RunFault(run, error))
        return found

    def set_aside(self, run_id: int, epoch: int, fault: str) -> int | None:
        """Fail a run that makes every tick fail. Return its new seq; None: it had ended. Raises database errors."""
        return set_aside.end_run(run_id, epoch, fault)

    def _confirm(self, changes: Changes) -> None:
        """Update memory after a commit."""
        for run in changes.runs:
            run.dirty = False
            run.stored_seq = run.seq
            run.stored_indexed = run.indexed
            run.events = []
            if run.logs:
                run.logs = []
        for node in changes.nodes:
            node.dirty = False
            if node.output is not None and (not node.plan.feeds or node.output.get("bytes", 0) > OUTPUT_BYTES_MAX):
                node.output = None
        for attempt in changes.attempts:
            attempt.dirty = False
        for pool in changes.pools:
            pool.dirty = False
            pool.acquired = pool.released = 0

    def delete_dispatches(self) -> None:
        """End everything that runs on other hosts: a host whose registration has ended kills its attempts."""
        if connection.vendor == "postgresql":
            with transaction.atomic():
                # First, because a host whose registration has ended writes no reports.
                Host.objects.exclude(state="gone").update(state="gone", reason=HostReason.STOPPED)
                Dispatch.objects.all().delete()
                HostReport.objects.all().delete()

    def beat(self, epoch: int, now_us: int) -> None:
        """Write the heartbeat alone."""
        assert self.dialect is not None
        self.dialect.write(None, epoch, now_us, True)

    # Reading.

    def plan(self, definition_id: int) -> Plan:
        """Return the compiled definition."""
        plan = self._plans.get(definition_id)
        if plan is None:
            plan = self._plans[definition_id] = Plan(definition_id, store.load(definition_id))
        return plan

    def open_commands(self) -> list[Command]:
        """Return commands that are not done, the oldest first: at most one more than are applied at once."""
        return list(Command.objects.filter(done_at=None).order_by("id")[: COMMANDS_AT_ONCE + 1])

    def pools(self) -> dict[str, int]:
        """Return {name: slots}."""
        return dict(Pool.objects.values_list("name", "slots"))

    def unfinished(self) -> list[RunState]:
        """Return all runs that have not ended, with their nodes."""
        return self._load(unfinished_runs().order_by("id"), nodes=True)

    def queued(self, ids: Iterable[int]) -> list[RunState]:
        """Return new runs in id order; they have no node rows yet."""
        return self._load(Run.objects.filter(pk__in=list(ids)).order_by("id"), nodes=False)

    def run(self, run_id: int) -> RunState | None:
        """Return one run with its nodes; None: it does not exist."""
        found = self._load(Run.objects.filter(pk=run_id), nodes=True)
        return found[0] if found else None

    def _load(self, found: Any, *, nodes: bool) -> list[RunState]:
        runs = [run for run in map(self._run, found) if run is not None]
        if nodes:
            by_id = {run.id: run for run in runs}
            ids = list(by_id)
            for start in range(0, len(ids), RUNS_AT_ONCE):
                self._load_nodes(by_id, ids[start : start + RUNS_AT_ONCE])
            for run in runs:
                count(run)
        return runs

    def _run(self, row: Run) -> RunState | None:
        try:
            plan = self.plan(row.definition_id)
        except (KeyError, TypeError, ValueError) as error:
            # One unreadable definition must not stop all other runs.
            log.error("definition_unreadable run=%s definition=%s: %r", row.pk, row.definition_id, error)
            return None
        try:
            return self._run_state(row, plan)
        except COMPUTING_ERRORS as error:
            raise RunFault(row.pk, error) from error

    def _run_state(self, row: Run, plan: Plan) -> RunState:
        run = RunState(row.pk, plan)
        run.workflow, run.version, run.draft = row.workflow, row.version, row.draft
        run.inputs, run.priority, run.altered = row.inputs, row.priority, row.altered or {}
        if row.targets is not None:
            run.selected = plan.with_upstream(row.targets)
        run.state, run.reason, run.stopping = row.state, row.reason, row.stopping
        run.waits_for_workflow = row.state == "running" and row.reason == "workflow_limit"
        run.seq = run.stored_seq = row.seq
        run.created_us = micros(row.created_at)
        run.started_us = optional_micros(row.started_at)
        run.resumed_us = optional_micros(row.resumed_at)
        run.finished_us = optional_micros(row.finished_at)
        run.stored_indexed = run.indexed
        return run

    def _load_nodes(self, runs: Mapping[int, RunState], ids: list[int]) -> None:
        for row in NodeRun.objects.filter(run_id__in=ids, item=-1):
            run = runs[row.run_id]
            try:
                index = run.plan.by_id[row.node]
                node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
                _fill(node, row)
            except COMPUTING_ERRORS as error:
                raise RunFault(run.id, error) from error
            if node.pending_action == PendingAction.SKIP:
                node.skip_output = _skip_output(run.id, row.node)
        for attempt in Attempt.objects.filter(run_id__in=ids, item=-1, state="running"):
            run = runs[attempt.run_id]
            running = run.nodes[run.plan.by_id[attempt.node]]
            if running is not None and running.state == "running" and running.claim == attempt.claim:
                running.current = AttemptState(
                    running,
                    attempt.number,
                    attempt.claim,
                    attempt.worker,
                    attempt.pid,
                    attempt.pid_started,
                    micros(attempt.started_at),
                    optional_micros(attempt.ready_at),
                )

    def output(self, run: RunState, index: int) -> dict[str, Any] | None:
        """Return the stored output of one node of a run."""
        output: dict[str, Any] | None = (
            NodeRun.objects.filter(run_id=run.id, node=run.plan.nodes[index].id, item=-1)
            .values_list("output", flat=True)
            .first()
        )
        return output

    def _durations(self, workflow: str) -> Iterable[tuple[str, list[float], float | None]]:
        return NodeStat.objects.filter(workflow=workflow).values_list("node", "durations", "median")


def _skip_output(run: int, node: str) -> dict[str, Any] | None:
    """Return the output that the last applied command to skip the node gives it; None: null."""
    skips = Command.objects.filter(run_id=run, node=node, kind="skip", outcome=None).exclude(done_at=None)
    body = skips.order_by("-id").values_list("body", flat=True).first() or {}
    output: dict[str, Any] | None = body.get("output")
    return output


def _fill(node: NodeState, row: NodeRun) -> None:
    node.state, node.reason = row.state, row.reason
    node.attempt, node.claim = row.attempt, row.claim
    node.pending_action = PendingAction.from_stored(row.pending_action, row.claim)
    node.retries, node.losses = row.retries, row.losses
    node.slots, node.pool_name = row.slots, row.pool
    node.ready_us = optional_micros(row.ready_at) or 0
    node.retry_us = optional_micros(row.retry_at) or 0
    node.started_us = optional_micros(row.started_at)
    node.finished_us = optional_micros(row.finished_at)
    node.expected, node.expected_from = row.expected, row.expected_from
    node.progress, node.error = row.progress, row.error
    node.artifact = row.artifact
    if row.output is not None:
        node.summary = output_summary(row.output)
        if node.plan.feeds and row.output.get("bytes", 0) <= OUTPUT_BYTES_MAX:
            node.output = row.output
        if node.plan.branches and row.state == "succeeded":
            node.ports = frozenset(row.output.get("ports") or ())
    active_since_us = node.run.active_since_us
    if (
        row.state == "succeeded"
        and active_since_us
        and node.started_us
        and node.finished_us
        and node.finished_us >= active_since_us
    ):
        # No scheduler has learned this duration yet: that is done when the run ends.
        node.seconds = (node.finished_us - node.started_us) / 1e6
