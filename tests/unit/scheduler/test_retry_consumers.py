"""A retry resets all that consumed what it changes, in whatever state it is."""

from typing import Any

import pytest

from engine import faults
from engine.faults import InjectedFault
from tests.support.factories import document, node, python
from tests.support.simulation import Simulation, StoredRun


def inputs_of(sim: Simulation, name: str) -> Any:
    """Return what the newest attempt of a node was given."""
    work = [work for work in sim.executor.history if work.node == name][-1]
    return {port: given.get("value") for port, given in work.envelope["inputs"].items()}


def skipped_in_the_middle(sim: Simulation, *last: Any, **settings: Any) -> StoredRun:
    """a > b > c, where b failed and was skipped; c is ready."""
    nodes = [python("a"), python("b"), *(last or [python("c")])]
    run = sim.start(document(nodes, "a>b", "b>c", **settings))
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    sim.apply("skip", run.id, "b")
    assert sim.states(run)["c"] == "ready"
    return run


def finish_with(sim: Simulation, value: Any) -> None:
    """Run everything to its end; all outputs are `value`."""
    sim.settle()
    while sim.executor.sent or sim.executor.running:
        for claim in list(sim.executor.sent):
            sim.executor.begin(claim)
        for claim in list(sim.executor.running):
            sim.executor.end(claim, sim.executor.killing.get(claim) or "succeeded", output=value)
        sim.settle()


def test_retrying_a_skipped_node_runs_its_consumers_again_with_its_output(simulate):
    sim = simulate()
    run = skipped_in_the_middle(sim)
    finish_with(sim, 1)
    assert sim.state(run) == "succeeded"
    assert inputs_of(sim, "c") == {"b": None}
    sim.command("retry", run.id, nodes=["b"])
    finish_with(sim, 5)
    assert sim.state(run) == "succeeded"
    assert inputs_of(sim, "c") == {"b": 5}
    assert {name: row["attempt"] for name, row in run.nodes.items()} == {"a": 1, "b": 2, "c": 2}
    assert run.values["counts"] == {"succeeded": 3}


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "lost"])
def test_a_running_consumer_is_killed_and_runs_again_however_it_ends(simulate, end):
    sim = simulate(pools={"p": 1})
    run = skipped_in_the_middle(sim, python("c", pool="p", retries=5, lost_retries=0))
    claim = sim.executor.begin()
    sim.settle()
    sim.apply("retry", run.id, nodes=["b"])
    assert sim.executor.killing == {claim: "cancelled"}
    assert sim.executor.nodes == ["b"]
    sim.end(claim, end, output="stale")
    assert sim.states(run) == {"a": "succeeded", "b": "ready", "c": "pending"}
    assert run.nodes["c"]["finished_at"] is None
    finish_with(sim, 5)
    assert inputs_of(sim, "c") == {"b": 5}
    assert (run.nodes["c"]["attempt"], run.nodes["c"]["losses"], run.nodes["c"]["retries"]) == (2, 0, 0)
    assert sim.scheduler.core.memory.pools["p"].in_use == 0


def test_a_killed_consumer_may_end_after_its_retried_source(simulate):
    sim = simulate()
    run = skipped_in_the_middle(sim)
    stale = sim.executor.begin()
    sim.settle()
    sim.apply("retry", run.id, nodes=["b"])
    sim.end(sim.executor.begin(), output=5)
    assert sim.states(run)["c"] == "running"
    sim.end(stale, output="stale")
    finish_with(sim, 6)
    assert inputs_of(sim, "c") == {"b": 5}
    assert sim.state(run) == "succeeded"


def test_waiting_consumers_of_a_retried_node_become_pending_again(simulate):
    """One is sent but not started, one waits for its pool, one for its retry."""
    sim = simulate(processes=2, pools={"p": 1})
    nodes = [python("b"), python("c"), python("d", pool="p", slots=2), python("e", retries=1, retry_delay=300)]
    run = sim.start(document(nodes, "b>c", "b>d", "b>e"))
    sim.finish(lambda work: "failed")
    sim.apply("skip", run.id, "b")
    assert sim.executor.nodes == ["c", "e"]
    retrying = next(claim for claim, work in sim.executor.sent.items() if work.node == "e")
    sim.end(sim.executor.begin(retrying), "failed")
    assert sim.states(run) == {"b": "skipped", "c": "ready", "d": "ready", "e": "retrying"}
    sim.apply("retry", run.id, nodes=["b"])
    assert sim.states(run) == {"b": "ready", "c": "pending", "d": "pending", "e": "pending"}
    assert sim.executor.nodes == ["b"]
    sim.clock.advance(1000)
    sim.settle()
    assert sim.executor.nodes == ["b"]
    sim.resize("p", 2)
    finish_with(sim, 5)
    assert {name: inputs_of(sim, name) for name in "cde"} == {"c": {"b": 5}, "d": {"b": 5}, "e": {"b": 5}}
    assert sim.state(run) == "succeeded"


def test_retrying_a_failed_node_decides_again_about_nodes_that_ran_after_its_failure(simulate):
    sim = simulate()
    nodes = [python("b"), python("always", trigger_rule="all_done"), python("on_failure", trigger_rule="all_failed")]
    run = sim.start(document(nodes, "b>always", "b>on_failure"))
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    assert sim.states(run) == {"b": "failed", "always": "succeeded", "on_failure": "succeeded"}
    sim.command("retry", run.id, nodes=None)
    finish_with(sim, 5)
    assert sim.states(run) == {"b": "succeeded", "always": "succeeded", "on_failure": "skipped"}
    assert inputs_of(sim, "always") == {"b": 5}


def test_consumers_of_consumers_run_again_and_other_nodes_are_kept(simulate):
    sim = simulate()
    by_name = node("by_name", "shell", {"command": "true", "env": {"V": "{{ nodes.b.output }}"}})
    nodes = [python("b"), python("c"), python("d"), node("order"), python("after_order"), by_name, python("beside")]
    run = sim.start(
        document(nodes, "b>c", "c>d", "b>order", "order>after_order", "order>by_name", on_failure="continue")
    )
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    sim.command("skip", run.id, "b")
    finish_with(sim, 1)
    assert sim.state(run) == "succeeded"
    sim.command("retry", run.id, nodes=["b"])
    finish_with(sim, 5)
    assert sim.state(run) == "succeeded"
    again = {name for name, row in run.nodes.items() if row["attempt"] == 2}
    assert again == {"b", "c", "d", "by_name"}
    assert inputs_of(sim, "d") == {"c": 5}


def test_a_consumer_that_is_cancelled_during_the_retry_stays_cancelled(simulate):
    sim = simulate()
    run = skipped_in_the_middle(sim)
    claim = sim.executor.begin()
    sim.settle()
    sim.apply("retry", run.id, nodes=["b"])
    sim.apply("cancel_node", run.id, "c")
    sim.end(claim, "cancelled")
    assert sim.states(run)["c"] == "cancelled"


def test_a_run_that_is_cancelled_during_the_retry_keeps_no_result_of_the_consumer(simulate):
    sim = simulate()
    run = skipped_in_the_middle(sim)
    claim = sim.executor.begin()
    sim.settle()
    sim.apply("retry", run.id, nodes=["b"])
    sim.apply("cancel", run.id)
    sim.end(claim, output="stale")
    assert sim.states(run) == {"a": "succeeded", "b": "cancelled", "c": "cancelled"}


@pytest.mark.parametrize("point", ["tick.before_kill", None])
def test_the_reset_of_a_consumer_survives_a_crash(simulate, point):
    sim = simulate()
    run = skipped_in_the_middle(sim)
    sim.executor.begin()
    sim.settle()
    sim.command("retry", run.id, nodes=["b"])
    if point:

        def die() -> None:
            raise InjectedFault(point)

        faults.arm(point, die)
        with pytest.raises(InjectedFault):
            sim.tick(3)
        faults.disarm()
    else:
        sim.settle()
    sim.crash()
    sim.settle()
    assert sim.states(run) == {"a": "succeeded", "b": "ready", "c": "pending"}
    finish_with(sim, 5)
    assert inputs_of(sim, "c") == {"b": 5}
    assert sim.state(run) == "succeeded"


def test_a_consumer_that_ends_during_the_retry_does_not_start_on_the_old_output(simulate):
    sim = simulate(processes=30)
    names = [f"c{i}" for i in range(20)]
    run = sim.start(document([python("b"), *(python(name) for name in names)], *(f"b>{name}" for name in names)))
    sim.finish(lambda work: "failed")
    sim.apply("skip", run.id, "b")
    for claim in list(sim.executor.sent):
        sim.executor.begin(claim)
        if sim.executor.node(claim) != "c0":
            sim.executor.end(claim)
    sim.settle()
    command = sim.command("retry", run.id, nodes=["b"])
    sim.scheduler.budget = 1
    while not command.done:
        # As in a run that is much larger: the command takes several ticks.
        sim.tick()
        sim.scheduler.budget = 1
        for claim in list(sim.executor.killing):
            sim.executor.end(claim, "cancelled")
    finish_with(sim, 5)
    assert all(inputs_of(sim, name) == {"b": 5} for name in names)
    assert sim.state(run) == "succeeded"


def test_a_one_success_node_is_kept_if_another_success_remains(simulate):
    sim = simulate()
    nodes = [python("x"), python("b"), python("c", trigger_rule="one_success")]
    run = sim.start(document(nodes, "x>c", "b>c", on_failure="continue"))
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    sim.command("retry", run.id, nodes=["b"])
    finish_with(sim, 5)
    assert sim.state(run) == "succeeded"
    assert run.nodes["c"]["attempt"] == 1


def test_a_one_success_node_runs_again_if_it_read_the_changed_output(simulate):
    sim = simulate(pools={"p": 1})
    nodes = [python("b"), python("m"), python("x"), python("c", trigger_rule="one_success", pool="p", slots=2)]
    run = sim.start(document(nodes, "b>m", "m>c", "x>c", on_failure="continue"))
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    sim.command("skip", run.id, "b")
    finish_with(sim, 1)
    sim.resize("p", 2)
    finish_with(sim, 2)
    assert inputs_of(sim, "c") == {"m": 1, "x": None}
    sim.apply("retry", run.id, nodes=["b"])
    assert sim.states(run) == {"b": "ready", "m": "pending", "x": "succeeded", "c": "ready"}


def test_a_skip_that_lets_a_node_run_resets_nodes_that_ran_without_it(simulate):
    sim = simulate()
    nodes = [python("a"), python("b"), python("c", trigger_rule="all_done")]
    run = sim.start(document(nodes, "a>b", "b>c", on_failure="continue"))
    sim.finish(lambda work: "failed" if work.node == "a" else "succeeded")
    assert sim.states(run) == {"a": "failed", "b": "upstream_failed", "c": "succeeded"}
    sim.command("skip", run.id, "a")
    finish_with(sim, 5)
    assert sim.states(run) == {"a": "skipped", "b": "succeeded", "c": "succeeded"}
    assert inputs_of(sim, "c") == {"b": 5}
