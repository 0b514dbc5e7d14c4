"""Nodes that were lost often run one at a time: what ends the scheduler does not take others along for ever."""

import pytest

from engine.admission.rules import QUARANTINE_LOSSES
from tests.support.factories import document, node


def under_way(sim):
    return {work.node for works in (sim.executor.sent, sim.executor.running) for work in works.values()}


def begin_all(sim, told=True):
    sim.settle()
    while sim.executor.sent:
        sim.executor.begin()
    if told:
        sim.settle()


def lose_all(sim, times=QUARANTINE_LOSSES):
    for _ in range(times):
        begin_all(sim)
        sim.crash()
    sim.settle()


def end(sim, name):
    sim.executor.end(next(claim for claim, work in sim.executor.running.items() if work.node == name), "succeeded")


def codes(sim, run, name):
    (found,) = [one for one in sim.scheduler.core.memory.runs[run.id].nodes if one is not None and one.plan.id == name]
    return [condition.code for condition in sim.scheduler.core.admission.waiting_for(found)]


def test_nodes_that_were_lost_often_run_one_at_a_time_beside_others(simulate):
    sim = simulate(processes=4)
    run = sim.start(document([node(name, lost_retries=9) for name in "abc"]))
    lose_all(sim, QUARANTINE_LOSSES - 1)
    assert under_way(sim) == {"a", "b", "c"}
    lose_all(sim, 1)
    other = sim.start(document(["d"]))
    begin_all(sim)
    assert under_way(sim) == {"a", "d"}
    assert codes(sim, run, "b") == codes(sim, run, "c") == ["suspect"]
    end(sim, "a")
    begin_all(sim)
    assert under_way(sim) == {"b", "d"}
    sim.finish()
    assert {sim.state(run), sim.state(other)} == {"succeeded"}


def test_cancelling_a_node_in_quarantine_lets_the_next_one_run(simulate):
    sim = simulate(processes=2)
    run = sim.start(document([node(name, lost_retries=9, priority=9) for name in "ab"]))
    lose_all(sim)
    begin_all(sim)
    assert under_way(sim) == {"a"}
    sim.launch(document([node(name, priority=1) for name in "xyz"]))
    # Its process is taken by others; what it kept from starting waits for one too.
    end(sim, "a")
    sim.settle()
    sim.command("cancel_node", run.id, "b")
    sim.finish()
    assert sim.states(run) == {"a": "succeeded", "b": "cancelled"}


def test_a_node_in_quarantine_that_waits_for_its_pool_does_not_block_the_next(simulate):
    sim = simulate(processes=4, pools={"p": 1})
    run = sim.start(
        document([node("a", lost_retries=9), node("b", lost_retries=9, pool="p"), node("c", lost_retries=9)])
    )
    lose_all(sim)
    sim.start(document([node("holder", pool="p")]))
    begin_all(sim)
    assert under_way(sim) == {"a", "holder"}
    end(sim, "a")
    begin_all(sim)
    assert under_way(sim) == {"c", "holder"}
    assert codes(sim, run, "b") == ["suspect", "pool"]
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_a_node_in_quarantine_that_waits_for_its_run_does_not_block_the_next(simulate):
    sim = simulate(processes=4)
    first = sim.start(document([node("a", lost_retries=9)]))
    limited = sim.start(document([node("b", lost_retries=9), node("holder")], max_concurrent=1))
    last = sim.start(document([node("c", lost_retries=9)]))
    lose_all(sim)
    begin_all(sim)
    assert under_way(sim) == {"a", "holder"}
    end(sim, "a")
    begin_all(sim)
    assert under_way(sim) == {"c", "holder"}
    sim.finish()
    assert {sim.state(run) for run in (first, limited, last)} == {"succeeded"}


@pytest.mark.parametrize("told", [True, False], ids=["after its start is stored", "before its start is stored"])
def test_nodes_that_ran_beside_one_that_kills_the_scheduler_succeed(simulate, told):
    sim = simulate(processes=8)
    run = sim.start(document(["a", "b", "poison", "c"], on_failure="continue"))
    for _ in range(20):
        begin_all(sim, told)
        if "poison" in under_way(sim):
            sim.crash()
        else:
            for claim in list(sim.executor.running):
                sim.executor.end(claim, "succeeded")
    sim.settle()
    assert sim.states(run) == {"a": "succeeded", "b": "succeeded", "poison": "failed", "c": "succeeded"}
