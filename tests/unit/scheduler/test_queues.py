"""Nodes wait by queue where each queue has workers of its own."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.admission.conditions import WaitingCondition
from engine.executors.base import Credit, ReportBatch
from engine.scheduler.core.changes import Changes
from tests.support.factories import document, node
from tests.support.fake_executor import FakeExecutor
from tests.support.simulation import Simulation, StoredRun


class Hosts(FakeExecutor):
    """Workers by queue; at first one process for the default queue."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.capacity = {"default": 1}
        self.remote = self  # type: ignore[assignment] # it has no `now`

    def reload(self) -> Collection[str]:
        return {*self.sent, *self.running}

    def served_queues(self) -> Collection[str]:
        return set(self.capacity)

    def credits(self) -> Mapping[str, tuple[Credit, ...]]:
        out = [work.queue for work in (*self.sent.values(), *self.running.values())]
        return {queue: (Credit(count - out.count(queue), 0),) for queue, count in self.capacity.items()}

    def discard(self, claims: Collection[str]) -> None:
        for claim in claims:
            self.sent.pop(claim, None)
            self.running.pop(claim, None)

    def confirm(self, batch: ReportBatch) -> None: ...


class Scaled(Simulation):
    executors = Hosts
    executor: Hosts


@pytest.fixture
def hosts(tmp_path: Path) -> Scaled:
    return Scaled(tmp_path, pools={"p": 1})


def waits(sim: Scaled, run: StoredRun, name: str) -> list[WaitingCondition]:
    core = sim.scheduler.core
    found = core.memory.runs[run.id].nodes[run.plan.by_id[name]]
    assert found is not None
    return core.admission.waiting_for(found)


def test_a_full_queue_does_not_block_other_queues(hosts: Scaled) -> None:
    hosts.executor.capacity["gpu"] = 1
    hosts.start(document([node("a"), node("b"), node("c", queue="gpu"), node("d", queue="gpu")]))
    hosts.settle()
    assert sorted(hosts.executor.nodes) == ["a", "c"]
    hosts.executor.run_all()
    hosts.settle()
    assert sorted(hosts.executor.nodes) == ["b", "d"]


def test_a_node_whose_queue_has_no_worker_waits_with_that_condition(hosts: Scaled) -> None:
    run = hosts.start(document([node("a", queue="gpu"), node("b")]))
    hosts.settle()
    assert hosts.executor.nodes == ["b"]
    (condition,) = waits(hosts, run, "a")
    assert (condition.code, condition.params) == ("queue", {"queue": "gpu"})
    hosts.executor.capacity["gpu"] = 1
    hosts.settle()
    assert hosts.executor.nodes == ["b", "a"]


def test_nodes_that_wait_in_a_queue_start_by_priority(hosts: Scaled) -> None:
    hosts.start(document(["busy"]))
    hosts.settle()
    hosts.start(document(["low"]), priority=9)
    hosts.settle()
    hosts.start(document(["high"]), priority=1)
    hosts.settle()
    hosts.finish()
    assert [work.node for work in hosts.executor.history] == ["busy", "high", "low"]


def test_a_node_that_waits_for_a_worker_holds_no_slots(hosts: Scaled) -> None:
    hosts.start(document([node("a", queue="gpu", pool="p"), node("b", pool="p")]))
    hosts.settle()
    assert hosts.executor.nodes == ["b"]


def test_reports_that_come_together_are_taken_up_and_taken_out_together(hosts: Scaled) -> None:
    run = hosts.start(document(["a"]))
    hosts.settle()
    claim = hosts.executor.begin()
    hosts.executor.end(claim)
    hosts.executor.reports = [ReportBatch(41, hosts.executor.reports)]  # type: ignore[list-item]
    written = []
    write = hosts.store.write

    def note(changes: Changes, epoch: int, now_us: int, beat: bool) -> None:
        write(changes, epoch, now_us, beat)
        written.append((list(changes.read_batches), list(changes.closed)))

    hosts.store.write = note  # type: ignore[method-assign]
    hosts.settle()
    assert hosts.states(run) == {"a": "succeeded"}
    assert ([41], [claim]) in written
