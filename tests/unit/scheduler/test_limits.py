"""Order and limits: priority with aging, pools, limits of runs and workflows, what is sent ahead."""

import pytest

from tests.support.factories import chain, document, node


def ids(sim):
    return [work.node for work in sim.executor.history]


def test_equal_nodes_start_in_document_order(simulate):
    sim = simulate(processes=1)
    sim.start(document(["c", "a", "b"]))
    sim.finish()
    assert ids(sim) == ["c", "a", "b"]


def test_the_highest_priority_starts_first(simulate):
    sim = simulate(processes=1)
    sim.launch(document(["x"]))
    low = sim.start(document(["low"]), priority=9)
    high = sim.launch(document(["high"]), priority=1)
    assert sim.states(low)["low"] == sim.states(high)["high"] == "ready"
    sim.finish()
    assert ids(sim) == ["x", "high", "low"]


def test_a_nodes_own_priority_goes_before_the_runs(simulate):
    sim = simulate(processes=1)
    sim.start(document(["a", node("b", priority=1), node("c", priority=9)]))
    sim.finish()
    assert ids(sim) == ["b", "a", "c"]


def test_a_node_of_priority_9_waits_at_most_480_seconds_behind_later_ones_of_1(simulate):
    sim = simulate(processes=1)
    sim.launch(document(["busy"]))
    sim.launch(document(["old"]), priority=9)
    sim.clock.advance(479)
    sim.launch(document(["before"]), priority=1)
    sim.clock.advance(2)
    sim.launch(document(["after"]), priority=1)
    sim.finish()
    assert ids(sim) == ["busy", "before", "old", "after"]


def test_a_pool_is_never_exceeded_and_gives_its_statistics(simulate):
    sim = simulate(processes=10, pools={"p": 2})
    sim.start(document([node(f"n{i}", pool="p") for i in range(5)]))
    sim.start(document([node(f"m{i}", pool="p") for i in range(5)]))
    most = 0
    for _ in range(30):
        sim.settle()
        most = max(most, len(sim.executor.sent))
        sim.clock.advance(1)
        sim.executor.run_all()
    assert most == 2
    assert sim.store.pool_stats["p"][:2] == [10, 10]
    assert sim.store.pool_stats["p"][2] >= 3
    assert sim.scheduler.core.memory.pools["p"].in_use == 0


def test_a_node_whose_pool_is_full_blocks_nobody_behind_it(simulate):
    sim = simulate(processes=4, pools={"p": 1})
    sim.launch(document([node("a", pool="p"), node("b", pool="p"), "c", "d"]))
    assert sim.executor.nodes == ["a", "c", "d"]


def test_small_nodes_cannot_starve_one_that_needs_several_slots(simulate):
    sim = simulate(processes=9, pools={"p": 2})
    sim.launch(document([node("s1", pool="p"), node("s2", pool="p")]))
    sim.clock.advance(1)
    sim.launch(document([node("big", pool="p", slots=2)]))
    sim.clock.advance(1)
    sim.launch(document([node("s3", pool="p"), node("s4", pool="p")]))
    first = sim.executor.begin()
    sim.end(first)
    assert sim.executor.nodes == ["s2"], "the free slot is reserved for the first in line"
    sim.end(sim.executor.begin())
    assert sim.executor.nodes == ["big"]
    sim.executor.run_all()
    sim.settle()
    assert sim.executor.nodes == ["s3", "s4"]


def test_a_node_that_needs_more_slots_than_there_are_blocks_nobody(simulate):
    sim = simulate(processes=4, pools={"p": 2})
    sim.launch(document([node("big", pool="p", slots=3), node("small", pool="p")]))
    assert sim.executor.nodes == ["small"]
    sim.resize("p", 3)
    sim.executor.run_all()
    sim.settle()
    assert sim.executor.nodes == ["big"]


def test_a_smaller_pool_kills_nothing_and_admits_none_until_it_fits(simulate):
    sim = simulate(processes=9, pools={"p": 3})
    sim.launch(document([node(f"n{i}", pool="p") for i in range(6)]))
    sim.resize("p", 1)
    sim.settle()
    claims = [sim.executor.begin() for _ in range(3)]
    sim.executor.end(claims[0])
    sim.end(claims[1])
    assert sim.executor.nodes == []
    sim.end(claims[2])
    assert sim.executor.nodes == ["n3"]


def test_a_pool_that_was_deleted_holds_its_nodes_until_it_is_there_again(simulate):
    sim = simulate(pools={"p": 1})
    sim.resize("p", None)
    run = sim.launch(document([node("a", pool="p")]))
    assert sim.executor.nodes == []
    event = next(event for event in run.events if event[2] == "n")
    assert event[4]["w"] == [["pool_missing", event[1], {"pool": "p"}]]
    sim.resize("p", 1)
    sim.settle()
    assert sim.executor.nodes == ["a"]


def test_a_node_of_a_deleted_pool_starts_when_the_pool_is_created_again(simulate):
    sim = simulate(pools={"p": 1, "q": 1})
    sim.resize("p", None)
    sim.launch(document([node("a", pool="p")]))
    sim.resize("q", 2)
    sim.resize("q", 3)
    sim.settle()
    sim.resize("p", 1)
    sim.settle()
    assert sim.executor.nodes == ["a"]


def test_a_node_parked_for_its_run_starts_in_a_pool_that_was_replaced_meanwhile(simulate):
    sim = simulate(processes=9, pools={"p": 1})
    sim.launch(document(["busy", node("a", pool="p")], max_concurrent=1))
    sim.resize("p", None)
    sim.settle()
    sim.resize("p", 1)
    sim.settle()
    sim.executor.run_all()
    sim.settle()
    assert sim.executor.nodes == ["a"]


def test_settings_max_concurrent_limits_one_run(simulate):
    sim = simulate(processes=9)
    sim.start(document(["a", "b", "c"], max_concurrent=1))
    sim.launch(document(["x", "y"]))
    assert sorted(sim.executor.nodes) == ["a", "x", "y"]
    sim.executor.run_all()
    sim.settle()
    assert sim.executor.nodes == ["b"]


def test_a_pools_slots_are_not_reserved_for_a_node_that_its_run_holds_back(simulate):
    sim = simulate(processes=9, pools={"p": 1})
    sim.start(document(["busy", node("a", pool="p")], max_concurrent=1))
    sim.launch(document([node("b", pool="p")]))
    assert sorted(sim.executor.nodes) == ["b", "busy"]


def test_max_runs_keeps_later_runs_queued_in_order(simulate):
    sim = simulate()
    runs = [sim.start(document(["a"], max_runs=1)) for _ in range(3)]
    urgent = sim.start(document(["a"], max_runs=1), priority=1)
    other = sim.launch(document(["a"], max_runs=1), workflow="other")
    states = [sim.state(run) for run in (*runs, urgent, other)]
    assert states.count("running") == 2
    assert sim.state(other) == "running"
    sim.finish(lambda work: sim.clock.advance(1) or "succeeded")
    order = sorted((*runs, urgent), key=lambda run: run.values["started_us"])
    assert {sim.state(run) for run in runs} == {"succeeded"}
    assert [run.id for run in order] == [runs[0].id, urgent.id, runs[1].id, runs[2].id]


def test_no_more_is_dispatched_than_the_executor_has_credit_for(simulate):
    sim = simulate(processes=3)
    sim.start(document([f"n{i}" for i in range(50)]))
    sim.finish()
    assert sim.executor.most_running == 3


def test_a_prefetched_node_holds_its_slots_but_stays_ready(simulate):
    sim = simulate(processes=1, ahead=5, pools={"p": 3})
    run = sim.launch(document([node(f"n{i}", pool="p") for i in range(6)]))
    assert len(sim.executor.sent) == 3
    assert set(sim.states(run).values()) == {"ready"}
    assert sim.scheduler.core.memory.pools["p"].in_use == 3


def test_a_higher_priority_recalls_prefetched_work(simulate):
    sim = simulate(processes=1, ahead=3)
    sim.launch(document([f"n{i}" for i in range(4)]), priority=9)
    assert sim.executor.nodes == ["n0", "n1", "n2", "n3"]
    sim.clock.advance(1)
    sim.launch(document(["urgent"]), priority=1)
    assert sim.executor.nodes == ["n0", "urgent", "n1", "n2"]


@pytest.mark.parametrize("fail", ["before", "after"])
def test_prefetched_work_keeps_its_place_in_line_over_a_failed_commit(simulate, fail):
    sim = simulate(processes=1, ahead=3)
    sim.launch(document([f"n{i}" for i in range(4)]), priority=9)
    sim.clock.advance(1)
    sim.store.fail = fail
    sim.launch(document(["urgent"]), priority=1)
    assert not sim.store.fail
    assert sim.executor.nodes == ["n0", "urgent", "n1", "n2"]


def test_work_recalled_after_a_failed_commit_keeps_the_limits_of_a_retry(simulate):
    sim = simulate(processes=1, ahead=1)
    run = sim.launch(document(["busy", "a"]))
    sim.executor.begin(sim.executor.history[1].claim)
    sim.end(state="failed")
    sim.apply("retry", run.id, nodes=["a"], policy={"a": {"soft_timeout": 7}})
    sim.executor.begin(sim.executor.history[0].claim)
    sim.store.fail = "after"
    sim.settle()
    assert sim.executor.nodes == ["a"]
    sim.executor.kill(next(iter(sim.executor.sent)), "cancelled")
    sim.settle()
    assert sim.executor.nodes == ["a"]
    assert sim.executor.history[-1].soft_timeout == 7


def test_work_that_is_given_back_keeps_its_place_in_line(simulate):
    sim = simulate(processes=1, ahead=2)
    sim.start(chain(1))
    sim.launch(document(["a", "b", "c"]))
    sim.executor.recall()
    sim.clock.advance(5)
    sim.settle()
    sim.finish()
    assert ids(sim)[-2:] == ["b", "c"]


def test_a_place_in_the_run_that_was_offered_to_a_cancelled_node_goes_to_the_next(simulate):
    sim = simulate(processes=4)
    clean = node("clean", trigger_rule="all_done", priority=9)
    run = sim.launch(document(["bad", "stopped", clean], max_concurrent=1))
    assert sim.executor.nodes == ["bad"]
    sim.end(sim.executor.begin(), "failed")
    assert sim.executor.nodes == ["clean"]
    sim.finish()
    assert sim.states(run) == {"bad": "failed", "stopped": "cancelled", "clean": "succeeded"}


def test_slots_reserved_for_a_cancelled_node_go_to_the_next(simulate):
    sim = simulate(processes=9, pools={"p": 2})
    sim.launch(document([node("busy", pool="p")]))
    sim.clock.advance(1)
    big = sim.launch(document([node("big", pool="p", slots=2)]))
    sim.clock.advance(1)
    sim.launch(document([node("small", pool="p")]))
    assert sim.executor.nodes == ["busy"]
    sim.apply("cancel", big.id)
    assert sim.executor.nodes == ["busy", "small"]
