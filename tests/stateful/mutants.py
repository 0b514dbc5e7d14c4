"""Schedulers that are broken on purpose, in one place each, as functions of pytest's monkeypatch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from engine import admission, policy
from engine.definition import Document
from engine.executors.base import Ended, Report
from engine.scheduler import commands, leadership, loop
from engine.scheduler.core import Core
from engine.scheduler.dispatching import Admitting
from engine.scheduler.loop import Scheduler
from engine.scheduler.memory import Changes, NodeState, PoolState, RunState
from engine.scheduler.plan import Plan
from engine.scheduler.recovery import adopt
from engine.scheduler.reports import Reports
from tests.support.simulation import MemoryStore

# When a node may start.


def edge_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Of several edges into a node the last one is not waited for."""
    real = Plan.__init__

    def init(self: Plan, definition_id: int, document: Document) -> None:
        changed = copy.copy(document)
        upstream = {name: edges[:-1] if len(edges) > 1 else edges for name, edges in document.upstream.items()}
        kept = {edge for edges in upstream.values() for edge in edges}
        downstream = {name: tuple(e for e in edges if e in kept) for name, edges in document.downstream.items()}
        object.__setattr__(changed, "upstream", upstream)
        object.__setattr__(changed, "downstream", downstream)
        real(self, definition_id, changed)

    patch.setattr(Plan, "__init__", init)


def one_success_enough(patch: pytest.MonkeyPatch) -> None:
    real = policy.decide

    def decide(rule: str, upstream: Any) -> policy.Decision | None:
        return real("one_success" if rule == "all_success" else rule, upstream)

    patch.setattr(policy, "decide", decide)


# Limits and slots.


def _without(patch: pytest.MonkeyPatch, code: str) -> None:
    real = admission.conditions

    def conditions(*given: Any) -> Iterable[str]:
        return (found for found in real(*given) if found != code)

    patch.setattr(admission, "conditions", conditions)


def run_limit_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "run_limit")


def pool_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "pool")


def smaller_pool_unnoticed(patch: pytest.MonkeyPatch) -> None:
    real = commands.pools_changed

    def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
        known = {name: pool.slots or 0 for name, pool in core.pools.items()}
        real(core, {name: max(slots, known.get(name, 0)) for name, slots in sizes.items()})

    patch.setattr(commands, "pools_changed", pools_changed)


def workflow_limit_ignored(patch: pytest.MonkeyPatch) -> None:
    real = Core.start_runs

    def start_runs(self: Core, workflow: str) -> None:
        self.workflow(workflow).active.clear()
        real(self, workflow)

    patch.setattr(Core, "start_runs", start_runs)


def room_not_counted(patch: pytest.MonkeyPatch) -> None:
    """More is sent than the node processes take."""

    def call(self: Any, node: NodeState) -> bool:
        self.works[node] = self.envelopes.sketch(node)
        return True

    patch.setattr(loop._Room, "__call__", call)


def _released(patch: pytest.MonkeyPatch, times: int) -> None:
    real = Admitting.let_go

    def let_go(self: Admitting, node: NodeState) -> None:
        if node.pool is not None:
            node.pool.in_use -= node.slots * (times - 1)
        real(self, node)

    patch.setattr(Admitting, "let_go", let_go)


def release_forgotten(patch: pytest.MonkeyPatch) -> None:
    _released(patch, 0)


def released_twice(patch: pytest.MonkeyPatch) -> None:
    _released(patch, 2)


# The order.


def _key(patch: pytest.MonkeyPatch, key: Callable[[float, int], float]) -> None:
    patch.setattr(admission, "key", key)


def last_in_first_out(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: priority * admission.AGING_SECONDS - ready_at)


def priority_ignored(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: ready_at)


def no_ageing(patch: pytest.MonkeyPatch) -> None:
    _key(patch, lambda ready_at, priority: priority * 1e7 + ready_at - 1.7e9)


def no_reservation(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "pool_line")


def full_pool_blocks_all(patch: pytest.MonkeyPatch) -> None:
    """What waits for its pool stays first in the common line."""
    real = Admitting.admit

    def admit(self: Admitting, room: Callable[[NodeState], bool]) -> None:
        def stops(node: NodeState) -> bool:
            full = any(pool.line.first() is not None for pool in self.pools.values())
            return not full and room(node)

        real(self, stops)

    patch.setattr(Admitting, "admit", admit)


def run_not_woken(patch: pytest.MonkeyPatch) -> None:
    """Who waits for the run's limit is not told that there is a place."""
    patch.setattr(Admitting, "wake_run", lambda self, run: None)


def pool_not_woken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Admitting, "wake_pool", lambda self, pool: None)


# Results.


def any_claim(patch: pytest.MonkeyPatch) -> None:
    """A report with a claim that nobody has is taken for one of whoever runs."""
    real = Core.report

    def report(self: Core, report: Report) -> None:
        claim = getattr(report, "claim", None)
        if isinstance(report, Ended) and claim not in self.claims:
            report.claim = next((claim for claim, node in self.claims.items() if node.state == "running"), "")
        real(self, report)

    patch.setattr(Core, "report", report)


def started_twice(patch: pytest.MonkeyPatch) -> None:
    """A start that is reported again opens another attempt."""
    real = Reports._started

    def started(self: Reports, report: Any) -> None:
        node = self.claims.get(report.claim)
        if node is not None and node.state == "running":
            node.state = "ready"
            node.run.counts["running"] -= 1
            node.run.counts["ready"] = node.run.counts.get("ready", 0) + 1
        real(self, report)

    patch.setattr(Reports, "_started", started)


def success_thrown_away(patch: pytest.MonkeyPatch) -> None:
    """It is written with the attempt, and the node goes on as if it were interrupted."""

    def succeeded(self: Reports, node: NodeState, report: Ended, at: int) -> None:
        self.move(node, "interrupted", "ready", at_us=at)

    patch.setattr(Reports, "_succeeded", succeeded)


def losses_not_counted(patch: pytest.MonkeyPatch) -> None:
    def lost(self: Reports, node: NodeState, at: int) -> None:
        node.finished_us = None
        self.move(node, "lost", "ready", at_us=at)

    patch.setattr(Reports, "_lost", lost)


def retries_not_counted(patch: pytest.MonkeyPatch) -> None:
    real = Reports._failed

    def failed(self: Reports, node: NodeState, state: str, at: int) -> None:
        real(self, node, state, at)
        node.retries = 0

    patch.setattr(Reports, "_failed", failed)


def pool_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A pool that was deleted and made again is another one for who waited meanwhile."""
    real = commands.pools_changed

    def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
        real(core, sizes)
        for name in core.pools.keys() - sizes.keys():
            core.pools[name] = PoolState(name, None)

    patch.setattr(commands, "pools_changed", pools_changed)


# Ends of schedulers.


def sent_before_commit(patch: pytest.MonkeyPatch) -> None:
    real = Scheduler._write

    def write(self: Scheduler, changes: Changes, mono: float) -> None:
        self._dispatch(changes)
        changes.sends = []
        real(self, changes, mono)

    patch.setattr(Scheduler, "_write", write)


def epoch_ignored(patch: pytest.MonkeyPatch) -> None:
    real = MemoryStore.write

    def write(self: MemoryStore, changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        real(self, changes, self.epoch, now_us, beat)

    patch.setattr(MemoryStore, "write", write)


def _adopting(patch: pytest.MonkeyPatch, change: Callable[[Core, RunState, list[Report]], list[Report]]) -> None:
    def adopting(core: Core, run: RunState, in_flight: Any, begun: Any) -> list[Report]:
        return change(core, run, adopt(core, run, in_flight, begun))

    patch.setattr(leadership, "adopt", adopting)


def lost_not_declared(patch: pytest.MonkeyPatch) -> None:
    """What ran when its scheduler died is waited for."""
    _adopting(patch, lambda core, run, lost: [])


def begun_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """What is not stored as started is taken for never begun."""
    patch.setattr(leadership, "adopt", lambda core, run, in_flight, begun: adopt(core, run, in_flight, {}))


def not_sent_again(patch: pytest.MonkeyPatch) -> None:
    """What was ready when its scheduler died is in no line."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        while core.line.pop() is not None:
            pass
        return lost

    _adopting(patch, change)


def not_decided_again(patch: pytest.MonkeyPatch) -> None:
    """What could be decided when its scheduler died is not looked at."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        run.todo.clear()
        return lost

    _adopting(patch, change)


def reports_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What a tick had taken up is gone when its commit fails."""
    real = Scheduler._recover

    def recover(self: Scheduler) -> None:
        self.taken.clear()
        real(self)

    patch.setattr(Scheduler, "_recover", recover)


def memory_kept(patch: pytest.MonkeyPatch) -> None:
    """After a commit that failed the scheduler goes on with what it remembers."""
    patch.setattr(Scheduler, "_recover", lambda self: self.taken.clear())


def slots_kept_by_the_dead(patch: pytest.MonkeyPatch) -> None:
    """What was sent when its scheduler died still counts in its pool."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        for node in run.nodes:
            if node is not None and node.state == "ready" and node.pool is not None and not node.claim and node.dirty:
                node.pool.in_use += node.slots
        return lost

    _adopting(patch, change)


def place_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What the executor still has after a commit that failed comes back before everybody else."""

    def change(core: Core, run: RunState, lost: list[Report]) -> list[Report]:
        for node in run.held:
            node.key = (0.0, 0, 0)
        return lost

    _adopting(patch, change)
    patch.setattr(Reports, "place", lambda self, node: self.line.push(node))
