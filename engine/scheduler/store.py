"""The scheduler's side of the database: what it reads at a start, for commands and for envelopes, and the one
transaction that a tick writes."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction

from engine.database.sqlite_backend.write_queue import turn_at
from engine.definition import store
from engine.models import Attempt, Command, Dispatch, Host, HostReport, NodeRun, NodeStat, Pool, Run
from engine.models.conditions import unfinished_runs
from engine.scheduler import wal
from engine.scheduler.dialects import Dialect, PostgreSQL, SQLite
from engine.scheduler.memory import OUTPUT_KEPT_BYTES, AttemptState, Changes, NodeState, RunState, kept_wish
from engine.scheduler.plan import Plan
from engine.scheduler.recovery import count
from engine.scheduler.rows import Rows
from engine.shapes import micros, output_summary

log = logging.getLogger("interlock.scheduler")

PLANS_KEPT = 64
WORKFLOWS_KEPT = 256
DURATIONS_KEPT = 50
LEARNED_FROM = 3
"""Successes that a learned duration needs."""
COMMANDS_AT_ONCE = 100


class Store:
    """One connection, used by the scheduler's one thread. Raises the database's errors as they come."""

    def __init__(self) -> None:
        self.plans: OrderedDict[int, Plan] = OrderedDict()
        self.durations: OrderedDict[str, dict[str, list[float]]] = OrderedDict()
        """workflow -> {node: the last successes' seconds}; only the scheduler writes these."""
        self.medians: dict[str, dict[str, float]] = {}
        self.dialect: Dialect | None = None
        self.log: wal.WriteAheadLog | None = None

    @property
    def is_open(self) -> bool:
        return self.dialect is not None

    def open(self) -> None:
        """(Re)connect."""
        connection.close()
        connection.ensure_connection()
        raw = connection.connection
        if connection.vendor == "postgresql":
            self.dialect = PostgreSQL(raw)
        else:
            self.dialect = SQLite(raw, turn_at(str(connection.settings_dict["NAME"])))
        self.log = wal.of_connection()

    def tidy(self, idle: bool) -> None:
        """Keep SQLite's log short."""
        if self.log is not None:
            self.log.tidy(idle)

    def close(self) -> None:
        self.dialect = self.log = None
        connection.close()

    def forget(self) -> None:
        """Drop what was read: after an error nothing is taken for granted."""
        self.durations.clear()
        self.medians.clear()

    # Writing.

    def write(self, changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        """Write a tick, with `beat` also a sign of life. Raises database errors, LostLeadership and Diverged; memory is
        then to be thrown away."""
        assert self.dialect is not None
        rows = Rows(changes, self.dialect.times)
        self.dialect.write(rows, epoch, now_us, beat)
        self._written(changes)

    def _written(self, changes: Changes) -> None:
        """Memory follows what the database now has."""
        for run in changes.runs:
            run.dirty = False
            run.seq_written = run.seq
            run.indexed_written = run.indexed
            run.events = []
            if run.logs:
                run.logs = []
        for node in changes.nodes:
            node.dirty = False
            if node.output is not None and (not node.plan.feeds or node.output.get("bytes", 0) > OUTPUT_KEPT_BYTES):
                # Nobody reads it, or it is large: who needs it reads it again.
                node.output = None
        for attempt in changes.attempts:
            attempt.dirty = False
        for pool in changes.pools:
            pool.dirty = False
            pool.acquired = pool.released = 0

    def forget_dispatches(self) -> None:
        """Nothing runs elsewhere (any more): hosts that find their lives over end what they have."""
        if connection.vendor == "postgresql":
            with transaction.atomic():
                # First: from then on nothing is told.
                Host.objects.exclude(state="gone").update(state="gone", reason="nodes run beside the scheduler now")
                Dispatch.objects.all().delete()
                HostReport.objects.all().delete()

    def beat(self, epoch: int, now_us: int) -> None:
        """Write a sign of life alone."""
        assert self.dialect is not None
        self.dialect.write(None, epoch, now_us, True)

    # Reading.

    def plan(self, definition_id: int) -> Plan:
        """The compiled definition; cached, for it never changes."""
        plan = self.plans.get(definition_id)
        if plan is None:
            plan = self.plans[definition_id] = Plan(definition_id, store.load(definition_id))
            if len(self.plans) > PLANS_KEPT:
                self.plans.popitem(last=False)
        else:
            self.plans.move_to_end(definition_id)
        return plan

    def open_commands(self) -> list[Command]:
        """Commands that are not done, the oldest first, at most COMMANDS_AT_ONCE beyond those known."""
        return list(Command.objects.filter(done_at=None).order_by("id")[: COMMANDS_AT_ONCE + 1])

    def pools(self) -> dict[str, int]:
        """name -> slots."""
        return dict(Pool.objects.values_list("name", "slots"))

    def unfinished(self) -> list[RunState]:
        """All runs that are not over, with their nodes."""
        return self._load(unfinished_runs().order_by("id"), nodes=True)

    def queued(self, ids: Iterable[int]) -> list[RunState]:
        """New runs by id, in id order; they have no node rows yet."""
        return self._load(Run.objects.filter(pk__in=list(ids)).order_by("id"), nodes=False)

    def run(self, run_id: int) -> RunState | None:
        """One run with its nodes; None when it does not exist (any more)."""
        found = self._load(Run.objects.filter(pk=run_id), nodes=True)
        return found[0] if found else None

    def _load(self, found: Any, *, nodes: bool) -> list[RunState]:
        runs = [run for run in map(self._run, found) if run is not None]
        if nodes:
            by_id = {run.id: run for run in runs}
            ids = list(by_id)
            for start in range(0, len(ids), 500):
                self._load_nodes(by_id, ids[start : start + 500])
            for run in runs:
                count(run)
        return runs

    def _run(self, row: Run) -> RunState | None:
        try:
            plan = self.plan(row.definition_id)
        except (KeyError, TypeError, ValueError) as error:
            # One unreadable definition must not keep every other run from going on.
            log.error("definition_unreadable run=%s definition=%s: %r", row.pk, row.definition_id, error)
            return None
        run = RunState(row.pk, plan)
        run.workflow, run.version, run.draft = row.workflow, row.version, row.draft
        run.inputs, run.priority, run.altered = row.inputs, row.priority, row.altered or {}
        if row.targets is not None:
            run.asked = plan.with_upstream(row.targets)
        run.state, run.reason, run.stopping = row.state, row.reason, row.stopping
        run.waits_for_workflow = row.state == "running" and row.reason == "workflow_limit"
        run.seq = run.seq_written = row.seq
        run.created_us = micros(row.created_at)
        run.started_us = None if row.started_at is None else micros(row.started_at)
        run.resumed_us = None if row.resumed_at is None else micros(row.resumed_at)
        run.finished_us = None if row.finished_at is None else micros(row.finished_at)
        run.indexed_written = run.indexed
        return run

    def _load_nodes(self, runs: Mapping[int, RunState], ids: list[int]) -> None:
        for row in NodeRun.objects.filter(run_id__in=ids, item=-1):
            run = runs[row.run_id]
            index = run.plan.by_id[row.node]
            node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
            _fill(node, row)
        for attempt in Attempt.objects.filter(run_id__in=ids, item=-1, state="running"):
            run = runs[attempt.run_id]
            holder = run.nodes[run.plan.by_id[attempt.node]]
            if holder is not None and holder.state == "running" and holder.claim == attempt.claim:
                holder.current = AttemptState(
                    holder,
                    attempt.number,
                    attempt.claim,
                    attempt.worker,
                    attempt.pid,
                    attempt.pid_started,
                    micros(attempt.started_at),
                    None if attempt.ready_at is None else micros(attempt.ready_at),
                )

    def output(self, run: RunState, index: int) -> dict[str, Any] | None:
        """The stored output of one node of a run."""
        output: dict[str, Any] | None = (
            NodeRun.objects.filter(run_id=run.id, node=run.plan.nodes[index].id, item=-1)
            .values_list("output", flat=True)
            .first()
        )
        return output

    # Learned durations.

    def expectations(self, workflow: str) -> Mapping[str, float]:
        """{node: learned seconds} of a workflow."""
        medians = self.medians.get(workflow)
        if medians is None:
            self._read_durations(workflow)
            medians = self.medians[workflow]
        return medians

    def _read_durations(self, workflow: str) -> dict[str, list[float]]:
        rows = list(NodeStat.objects.filter(workflow=workflow).values_list("node", "durations", "median"))
        self.durations[workflow] = {node: list(durations) for node, durations, _ in rows}
        self.medians[workflow] = {node: median for node, _, median in rows if median is not None}
        if len(self.durations) > WORKFLOWS_KEPT:
            dropped, _ = self.durations.popitem(last=False)
            self.medians.pop(dropped, None)
        return self.durations[workflow]

    def learn(self, workflow: str, node: str, seconds: list[float]) -> tuple[str, str, list[float], float | None]:
        """Take up successes of a node; the row to write."""
        durations = self.durations.get(workflow)
        if durations is None:
            durations = self._read_durations(workflow)
        kept = [*durations.get(node, ()), *(round(value, 6) for value in seconds)][-DURATIONS_KEPT:]
        durations[node] = kept
        middle = None
        if len(kept) >= LEARNED_FROM:
            ordered = sorted(kept)
            half = len(ordered) // 2
            middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
            self.medians[workflow][node] = middle
        return workflow, node, kept, middle


def _fill(node: NodeState, row: NodeRun) -> None:
    node.state, node.reason = row.state, row.reason
    node.attempt, node.claim, node.wish = row.attempt, row.claim, kept_wish(row.wish, row.claim)
    node.retries, node.losses = row.retries, row.losses
    node.slots, node.pool_name = row.slots, row.pool
    node.ready_us = 0 if row.ready_at is None else micros(row.ready_at)
    node.retry_us = 0 if row.retry_at is None else micros(row.retry_at)
    node.started_us = None if row.started_at is None else micros(row.started_at)
    node.finished_us = None if row.finished_at is None else micros(row.finished_at)
    node.expected, node.expected_from = row.expected, row.expected_from
    node.progress, node.error = row.progress, row.error
    node.artifact = row.artifact
    if row.output is not None:
        node.summary = output_summary(row.output)
        if node.plan.feeds and row.output.get("bytes", 0) <= OUTPUT_KEPT_BYTES:
            node.output = row.output
        if node.plan.branches:
            node.ports = frozenset(row.output.get("ports") or ())
    run = node.run
    begun = run.resumed_us or run.started_us
    if row.state == "succeeded" and begun and node.started_us and node.finished_us and node.finished_us >= begun:
        # Succeeded in this life of the run, before this scheduler's: learned from when the run ends.
        node.seconds = (node.finished_us - node.started_us) / 1e6
