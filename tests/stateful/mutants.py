"""Schedulers that are broken on purpose, in one place each, as functions of pytest's monkeypatch."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from engine import policy
from engine.admission import rules
from engine.definition import Document
from engine.executors.base import Ended, Report
from engine.scheduler.core import commands, recovery
from engine.scheduler.core.admission_control import AdmissionControl
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.core import Core
from engine.scheduler.core.lifecycle import RunLifecycle
from engine.scheduler.core.plan import Plan
from engine.scheduler.core.recovery import adopt
from engine.scheduler.core.report_handler import ReportHandler
from engine.scheduler.core.state import NodeState, PoolState, RunState
from engine.scheduler.loop import Scheduler
from engine.scheduler.room import LocalRoom
from tests.support.simulation import MemoryStore

# When a node may start.


def edge_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Of several edges into a node the last one is not waited for."""
    real = Plan.__init__

    def init(self: Plan, definition_id: int, document: Document) -> None:
        changed = copy.copy(document)
        upstream = {name: edges[:-1] if len(edges) > 1 else edges for name, edges in document.upstream.items()}
        remaining = {edge for edges in upstream.values() for edge in edges}
        downstream = {name: tuple(e for e in edges if e in remaining) for name, edges in document.downstream.items()}
        object.__setattr__(changed, "upstream", upstream)
        object.__setattr__(changed, "downstream", downstream)
        real(self, definition_id, changed)

    patch.setattr(Plan, "__init__", init)


def one_success_enough(patch: pytest.MonkeyPatch) -> None:
    real = policy.decide

    def decide(rule: str, upstream: Any) -> policy.Decision | None:
        return real("one_success" if rule == "all_success" else rule, upstream)

    patch.setattr(policy, "decide", decide)


def consumers_kept(patch: pytest.MonkeyPatch) -> None:
    """A retry resets only what did not run."""
    patch.setattr(commands, "_consumed", lambda *given: False)


# Limits and slots.


def _without(patch: pytest.MonkeyPatch, code: str) -> None:
    real = rules.waiting_codes

    def waiting_codes(*given: Any) -> Iterable[str]:
        return (found for found in real(*given) if found != code)

    patch.setattr(rules, "waiting_codes", waiting_codes)


def run_limit_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "run_limit")


def pool_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "pool")


def smaller_pool_unnoticed(patch: pytest.MonkeyPatch) -> None:
    real = commands.pools_changed

    def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
        known = {name: pool.slots or 0 for name, pool in core.memory.pools.items()}
        real(core, {name: max(slots, known.get(name, 0)) for name, slots in sizes.items()})

    patch.setattr(commands, "pools_changed", pools_changed)


def workflow_limit_ignored(patch: pytest.MonkeyPatch) -> None:
    real = RunLifecycle.start_runs

    def start_runs(self: RunLifecycle, name: str) -> None:
        self.memory.workflow(name).active.clear()
        real(self, name)

    patch.setattr(RunLifecycle, "start_runs", start_runs)


def room_not_counted(patch: pytest.MonkeyPatch) -> None:
    """More is sent than the node processes accept."""

    def call(self: Any, node: NodeState) -> bool:
        self.works[node] = self.envelopes.sketch(node)
        return True

    patch.setattr(LocalRoom, "__call__", call)


def _released(patch: pytest.MonkeyPatch, times: int) -> None:
    real = AdmissionControl.release

    def release(self: AdmissionControl, node: NodeState) -> None:
        if node.pool is not None:
            node.pool.in_use -= node.slots * (times - 1)
        real(self, node)

    patch.setattr(AdmissionControl, "release", release)


def release_forgotten(patch: pytest.MonkeyPatch) -> None:
    _released(patch, 0)


def released_twice(patch: pytest.MonkeyPatch) -> None:
    _released(patch, 2)


# The order.


def _key(patch: pytest.MonkeyPatch, key: Callable[[float, int], float]) -> None:
    patch.setattr(rules, "key", key)


def last_in_first_out(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: priority * rules.AGING_SECONDS - ready_at)


def priority_ignored(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: ready_at)


def no_ageing(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: priority * 1e7 + ready_at - 1.7e9)


def no_reservation(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "pool_line")


def full_pool_blocks_all(patch: pytest.MonkeyPatch) -> None:
    """A node that waits for its pool stays first in the common queue."""
    real = AdmissionControl.admit

    def admit(self: AdmissionControl, room: Callable[[NodeState], bool]) -> None:
        def stops(node: NodeState) -> bool:
            full = any(pool.parked.first() is not None for pool in self.memory.pools.values())
            return not full and room(node)

        real(self, stops)

    patch.setattr(AdmissionControl, "admit", admit)


def run_not_woken(patch: pytest.MonkeyPatch) -> None:
    """Nodes that wait for the run's limit do not learn of a free place."""
    patch.setattr(AdmissionControl, "unpark_run", lambda self, run: None)


def pool_not_woken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AdmissionControl, "unpark_pool", lambda self, pool: None)


# Results.


def unknown_claim_accepted(patch: pytest.MonkeyPatch) -> None:
    """A report with an unknown claim counts for the running attempt."""
    real = ReportHandler.take

    def take(self: ReportHandler, report: Report) -> None:
        claims = self.memory.claims
        if isinstance(report, Ended) and report.claim not in claims:
            report.claim = next((claim for claim, node in claims.items() if node.state == "running"), "")
        real(self, report)

    patch.setattr(ReportHandler, "take", take)


def started_twice(patch: pytest.MonkeyPatch) -> None:
    """A start that is reported again opens another attempt."""
    real = ReportHandler._started

    def started(self: ReportHandler, node: NodeState, report: Any) -> None:
        if node.state == "running":
            node.state = "ready"
            node.run.counts["running"] -= 1
            node.run.counts["ready"] = node.run.counts.get("ready", 0) + 1
        real(self, node, report)

    patch.setattr(ReportHandler, "_started", started)


def success_thrown_away(patch: pytest.MonkeyPatch) -> None:
    """It is written with the attempt, and the node continues as if it were interrupted."""

    def succeeded(self: ReportHandler, node: NodeState, report: Ended, at: int) -> None:
        self.transitions.move(node, "interrupted", "ready", at_us=at)

    patch.setattr(ReportHandler, "_succeeded", succeeded)


def losses_not_counted(patch: pytest.MonkeyPatch) -> None:
    def lost(self: ReportHandler, node: NodeState, at: int) -> None:
        node.finished_us = None
        self.transitions.move(node, "lost", "ready", at_us=at)

    patch.setattr(ReportHandler, "_lost", lost)


def retries_not_counted(patch: pytest.MonkeyPatch) -> None:
    real = ReportHandler._failed

    def failed(self: ReportHandler, node: NodeState, report: Ended, at: int) -> None:
        real(self, node, report, at)
        node.retries = 0

    patch.setattr(ReportHandler, "_failed", failed)


def pool_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A pool that was deleted and created again is another one for nodes that waited meanwhile."""
    real = commands.pools_changed

    def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
        real(core, sizes)
        for name in core.memory.pools.keys() - sizes.keys():
            core.memory.pools[name] = PoolState(name, None)

    patch.setattr(commands, "pools_changed", pools_changed)


# Ends of schedulers.


def sent_before_commit(patch: pytest.MonkeyPatch) -> None:
    real = Scheduler._write

    def write(self: Scheduler, changes: Changes, mono: float) -> None:
        self.dispatcher.dispatch(changes)
        changes.dispatches = []
        real(self, changes, mono)

    patch.setattr(Scheduler, "_write", write)


def epoch_ignored(patch: pytest.MonkeyPatch) -> None:
    real = MemoryStore.write

    def write(self: MemoryStore, changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        real(self, changes, self.epoch, now_us, beat)

    patch.setattr(MemoryStore, "write", write)


def _adopting(patch: pytest.MonkeyPatch, change: Callable[[Core, RunState, list[Report]], list[Report]]) -> None:
    def adopting(core: Core, run: RunState, in_flight: Any, started: Any) -> list[Report]:
        return change(core, run, adopt(core, run, in_flight, started))

    patch.setattr(recovery, "adopt", adopting)


def lost_not_declared(patch: pytest.MonkeyPatch) -> None:
    """What ran when its scheduler died is still expected to end."""
    _adopting(patch, lambda core, run, lost: [])


def started_attempts_ignored(patch: pytest.MonkeyPatch) -> None:
    """What is not stored as started counts as not started."""
    patch.setattr(recovery, "adopt", lambda core, run, in_flight, started: adopt(core, run, in_flight, {}))


def not_sent_again(patch: pytest.MonkeyPatch) -> None:
    """What was ready when its scheduler died is in no queue."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        while core.memory.ready.pop() is not None:
            pass
        return lost

    _adopting(patch, change)


def not_decided_again(patch: pytest.MonkeyPatch) -> None:
    """What could be decided when its scheduler died is not decided."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        run.to_decide.clear()
        return lost

    _adopting(patch, change)


def reports_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Reports that a tick had read are lost when its commit fails."""
    real = Scheduler._recover

    def recover(self: Scheduler) -> None:
        self.inbox._taken.clear()
        real(self)

    patch.setattr(Scheduler, "_recover", recover)


def memory_reused(patch: pytest.MonkeyPatch) -> None:
    """After a failed commit the scheduler continues with its memory."""
    patch.setattr(Scheduler, "_recover", lambda self: self.inbox._taken.clear())


def slots_held_by_dead_scheduler(patch: pytest.MonkeyPatch) -> None:
    """What was sent when its scheduler died still counts in its pool."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        for node in run.nodes:
            if node is not None and node.state == "ready" and node.pool is not None and not node.claim and node.dirty:
                node.pool.in_use += node.slots
        return lost

    _adopting(patch, change)


def place_lost(patch: pytest.MonkeyPatch) -> None:
    """What the executor still has after a failed commit comes back first in the queue."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        for node in run.in_flight:
            node.key = (0.0, 0, 0)
        return lost

    _adopting(patch, change)
    patch.setattr(AdmissionControl, "enqueue", lambda self, node: self.memory.ready.push(node))
