"""Runs up to some nodes: those run, and what they need; the others are skipped."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.states import NODE_TERMINAL
from tests.support.factories import chain, document, node

DIAMOND = (["load", "clean", "other", "join", "write", "alone"], "load>clean", "load>other", "clean>join")
NEEDED = {"load": "succeeded", "clean": "succeeded"}


def diamond(**settings: Any) -> dict[str, Any]:
    nodes, *edges = DIAMOND
    return document(nodes, *edges, "other>join", "join>write", **settings)


def test_only_the_targets_and_what_they_need_run(simulate):
    sim = simulate()
    run = sim.start(diamond(), targets=["clean"])
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert sim.states(run) == {**dict.fromkeys(sim.states(run), "skipped"), **NEEDED}
    assert sim.reasons(run) == dict.fromkeys(["other", "join", "write", "alone"], "not_asked")
    assert run.values["counts"] == {"succeeded": 2, "skipped": 4}
    assert {name for name, _ in run.attempts} == set(NEEDED)


def test_several_targets_share_what_they_need(simulate):
    sim = simulate()
    run = sim.start(diamond(), targets=["alone", "clean", "load"])
    sim.finish()
    assert {name for name, state in sim.states(run).items() if state == "succeeded"} == {"alone", *NEEDED}


def test_targets_start_before_thousands_of_other_nodes_are_skipped(simulate):
    sim = simulate()
    run = sim.start(document([*(f"n{i}" for i in range(5000)), "last"]), targets=["last"])
    sim.tick(2)
    assert sim.states(run)["last"] in ("ready", "running")
    sim.finish()
    assert run.values["counts"] == {"succeeded": 1, "skipped": 5000}


@pytest.mark.parametrize("rule", ["all_success", "all_done", "one_success", "all_failed", "none_failed"])
def test_no_trigger_rule_starts_a_node_that_the_targets_do_not_need(simulate, rule):
    sim = simulate()
    run = sim.start(document(["a", node("b", trigger_rule=rule)], "a>b"), targets=["a"])
    sim.finish()
    assert (sim.states(run)["b"], sim.reasons(run)["b"]) == ("skipped", "not_asked")


@pytest.mark.parametrize("rule", ["all_done", "all_failed", "one_success"])
def test_a_clean_up_node_outside_the_targets_does_not_run_after_a_failure(simulate, rule):
    sim = simulate()
    run = sim.start(document(["a", node("b", trigger_rule=rule)], "a>b"), targets=["a"])
    sim.finish(lambda work: "failed")
    assert sim.state(run) == "failed"
    assert (sim.states(run)["b"], sim.reasons(run)["b"]) == ("skipped", "not_asked")


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_a_failed_run_can_be_retried_and_leaves_out_the_same_nodes(simulate, on_failure):
    sim = simulate()
    run = sim.start(diamond(on_failure=on_failure), targets=["clean"])
    sim.finish(lambda work: "failed" if work.node == "load" else "succeeded")
    assert sim.state(run) == "failed"
    left_out = dict.fromkeys(["other", "join", "write", "alone"], "not_asked")
    assert {name: why for name, why in sim.reasons(run).items() if why == "not_asked"} == left_out
    steps = len(run.events)
    command = sim.command("retry", run.id, nodes=None, policy={})
    sim.finish()
    assert (command.done, command.outcome) == (True, None)
    assert sim.state(run) == "succeeded"
    assert sim.states(run) == {**dict.fromkeys(left_out, "skipped"), **NEEDED}
    told = {event[3] for event in run.events[steps:] if event[2] == "n"}
    assert told == set(NEEDED), "a retry says nothing of nodes that stay left out"


def test_a_retry_of_a_node_outside_the_targets_is_refused(simulate):
    sim = simulate()
    run = sim.start(diamond(), targets=["clean"])
    sim.finish()
    command = sim.command("retry", run.id, nodes=["write"], policy={})
    sim.finish()
    assert command.outcome == {"refused": "nothing to retry"}
    assert sim.state(run) == "succeeded"


def test_skipping_a_failed_node_starts_only_nodes_that_the_targets_need(simulate):
    sim = simulate()
    run = sim.start(diamond(), targets=["clean"])
    sim.finish(lambda work: "failed")
    sim.command("skip", run.id, "load")
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert sim.states(run)["clean"] == "succeeded"
    assert sim.states(run)["other"] == "skipped"


def test_a_cancelled_run_counts_all_its_nodes(simulate):
    sim = simulate()
    run = sim.start(diamond(), targets=["clean"])
    sim.command("cancel", run.id)
    sim.finish()
    assert sim.state(run) == "cancelled"
    assert run.values["counts"] == {"cancelled": 2, "skipped": 4}


@pytest.mark.parametrize("ticks", range(8))
def test_a_killed_scheduler_leaves_out_the_same_nodes(simulate, ticks):
    sim = simulate()
    run = sim.start(diamond(), targets=["clean"])
    sim.tick(ticks)
    sim.crash()
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert sim.states(run) == {**dict.fromkeys(sim.states(run), "skipped"), **NEEDED}


def test_skipping_thousands_of_nodes_continues_after_a_kill(simulate):
    sim = simulate()
    run = sim.start(chain(5000), targets=["n0"])
    sim.tick(2)
    assert run.values["counts"].get("pending", 0) > 0
    sim.crash()
    sim.finish()
    assert run.values["counts"] == {"succeeded": 1, "skipped": 4999}


@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_for_any_targets_and_failures_all_nodes_end_and_only_needed_ones_run(simulate, data):
    names = [f"n{i}" for i in range(data.draw(st.integers(1, 8)))]
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    edges = data.draw(st.lists(st.sampled_from(pairs), max_size=12, unique=True)) if pairs else []
    targets = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    fails = data.draw(st.sets(st.sampled_from(names)))
    rules = st.sampled_from(["all_success", "all_done", "one_success", "all_failed", "none_failed"])
    nodes = [node(name, trigger_rule=data.draw(rules)) for name in names]
    on_failure = data.draw(st.sampled_from(["stop", "continue"]))
    needed, rest = set(targets), list(targets)
    while rest:
        target = rest.pop()
        for source, end in edges:
            if end == target and source not in needed:
                needed.add(source)
                rest.append(source)
    sim = simulate()
    made = document(nodes, *(f"{source}>{target}" for source, target in edges), on_failure=on_failure)
    run = sim.start(made, targets=targets)
    sim.tick(data.draw(st.integers(0, 4)))
    if data.draw(st.booleans()):
        sim.crash()
    sim.finish(lambda work: "failed" if work.node in fails else "succeeded")
    states = sim.states(run)
    assert set(states.values()) <= NODE_TERMINAL
    assert {name for name, _ in run.attempts} <= needed
    assert {name for name, why in sim.reasons(run).items() if why == "not_asked"} == set(names) - needed
    assert sum(run.values["counts"].values()) == len(names)
