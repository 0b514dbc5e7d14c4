"""A node that a person skips: from every state, and what it is to those downstream."""

import json

import pytest

from engine.states import counts_as
from tests.support.factories import chain, document, node
from tests.support.simulation import Simulation

RULES = {
    "all_success": "ready",
    "all_done": "ready",
    "one_success": "ready",
    "none_failed": "ready",
    "all_failed": "skipped",
}


def fail(sim: Simulation, state: str = "failed") -> None:
    sim.settle()
    sim.end(sim.executor.begin(), state)


def test_only_a_node_that_a_person_skipped_counts_as_succeeded():
    assert counts_as("skipped", "skipped_by_person") == "succeeded"
    assert counts_as("skipped", "branch_not_taken") == "skipped"
    assert counts_as("cancelled", "skipped_by_person") == "cancelled"


@pytest.mark.parametrize(("rule", "state"), RULES.items())
def test_every_trigger_rule_takes_a_skipped_node_for_one_that_succeeded(simulate, rule, state):
    sim = simulate()
    run = sim.launch(document(["a", node("b", trigger_rule=rule)], "a>b"))
    command = sim.apply("skip", run.id, "a")
    assert (command.done, command.outcome) == (True, None)
    assert sim.states(run) == {"a": "skipped", "b": state}
    assert sim.reasons(run)["a"] == "skipped_by_person"
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_a_one_success_node_starts_as_soon_as_one_upstream_node_is_skipped(simulate):
    sim = simulate()
    run = sim.launch(document(["a", "b", node("c", trigger_rule="one_success")], "a>c", "b>c"))
    sim.apply("skip", run.id, "a")
    assert sim.states(run) == {"a": "skipped", "b": "ready", "c": "ready"}


def test_a_downstream_node_gets_null_from_a_skipped_node_and_its_name(simulate):
    sim = simulate()
    run = sim.launch(document(["a", node("b", "python", {"code": "def main(inputs, ctx): return 1"})], "a>b"))
    sim.apply("skip", run.id, "a")
    (work,) = sim.executor.sent.values()
    assert work.node == "b"
    assert work.envelope["inputs"] == {"a": {"kind": "json", "value": None, "skipped": "a"}}


TABLE = {
    "kind": "table",
    "artifact": "ab/abc.parquet",
    "schema": [{"name": "n", "type": "BIGINT"}],
    "row_count": 0,
    "bytes": 200,
    "ports": ["out"],
}
READ = {"kind": "table", "path": "ab/abc.parquet", "schema": TABLE["schema"], "row_count": 0}


def reader(rule: str = "all_success") -> dict[str, object]:
    return node("b", "python", {"code": "def main(inputs, ctx): return 1"}, trigger_rule=rule)


def sent_inputs(sim: Simulation) -> object:
    (work,) = sim.executor.sent.values()
    assert work.node == "b"
    return work.envelope["inputs"]["a"]


def test_a_downstream_node_gets_the_empty_table_of_a_skipped_node(simulate):
    sim = simulate()
    run = sim.launch(document(["a", reader()], "a>b"))
    sim.apply("skip", run.id, "a", output=TABLE)
    assert sent_inputs(sim) == READ
    assert (json.loads(run.nodes["a"]["output"]), run.nodes["a"]["artifact"]) == (TABLE, TABLE["artifact"])


def test_a_failed_node_hands_on_an_empty_table_when_it_is_skipped(simulate):
    sim = simulate()
    run = sim.start(document(["a", reader()], "a>b"))
    fail(sim)
    sim.finish()
    sim.apply("skip", run.id, "a", output=TABLE)
    assert sent_inputs(sim) == READ


@pytest.mark.parametrize("crash", [False, True])
def test_a_running_node_hands_on_its_empty_table_when_its_process_is_gone(simulate, crash):
    sim = simulate()
    run = sim.start(document(["a", reader()], "a>b"))
    claim = sim.begin()
    sim.apply("skip", run.id, "a", output=TABLE)
    assert run.nodes["a"]["output"] is None, "a running node has no output"
    if crash:
        sim.crash()
        sim.settle()
    else:
        sim.end(claim, "cancelled")
    assert sim.states(run)["a"] == "skipped"
    assert sent_inputs(sim) == READ


@pytest.mark.parametrize("crash", [False, True])
def test_a_branch_that_is_skipped_hands_its_empty_table_on_through_every_port(simulate, crash):
    sim = simulate()
    branch = node("a", "branch", {"condition": "true"})
    run = sim.launch(document(["first", branch, reader()], "first>a", "a.false>b"))
    sim.apply("skip", run.id, "a", output=TABLE)
    if crash:
        sim.executor.sent.clear()
        sim.crash()
        sim.settle()
    assert next(work for work in sim.executor.sent.values() if work.node == "b").envelope["inputs"]["a"] == READ


def test_the_last_skip_of_a_running_node_decides_what_it_hands_on(simulate):
    sim = simulate()
    run = sim.start(document(["a", reader()], "a>b"))
    claim = sim.begin()
    sim.apply("skip", run.id, "a", output=TABLE)
    sim.apply("skip", run.id, "a")
    sim.end(claim, "cancelled")
    assert sent_inputs(sim) == {"kind": "json", "value": None, "skipped": "a"}


def test_a_retry_of_a_skipped_node_discards_its_empty_table_and_resets_its_readers(simulate):
    sim = simulate()
    run = sim.launch(document(["a", reader()], "a>b"))
    sim.command("skip", run.id, "a", output=TABLE)
    sim.finish()
    sim.apply("retry", run.id, nodes=["a"])
    assert sim.states(run) == {"a": "ready", "b": "pending"}
    assert (run.nodes["a"]["output"], run.nodes["a"]["artifact"]) == (None, "")
    sim.finish()
    assert sim.states(run) == {"a": "succeeded", "b": "succeeded"}
    assert run.nodes["b"]["attempt"] == 2


def test_a_pending_node_is_skipped_before_its_upstream_ends(simulate):
    sim = simulate()
    run = sim.launch(chain(3))
    sim.apply("skip", run.id, "n1")
    assert sim.states(run) == {"n0": "ready", "n1": "skipped", "n2": "ready"}
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert sim.states(run) == {"n0": "succeeded", "n1": "skipped", "n2": "succeeded"}


def test_a_running_node_is_skipped_when_its_process_is_gone_with_its_receipt(simulate):
    sim = simulate(pools={"p": 1})
    run = sim.start(document([node("a", pool="p"), "b"], "a>b"))
    claim = sim.begin()
    command = sim.apply("skip", run.id, "a")
    assert sim.executor.killing == {claim: "cancelled"}
    assert command.done
    assert sim.states(run) == {"a": "running", "b": "pending"}
    sim.end(claim, "cancelled")
    assert sim.states(run) == {"a": "skipped", "b": "ready"}
    attempt = run.attempts["a", 1]
    assert (attempt["state"], '"slots":1' in attempt["receipt"]) == ("cancelled", True)
    assert run.nodes["a"]["error"] is None
    assert sim.scheduler.core.memory.pools["p"].in_use == 0


def test_an_attempt_that_succeeds_before_the_kill_stays_succeeded(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    claim = sim.begin()
    sim.apply("skip", run.id, "a")
    sim.end(claim)
    assert sim.states(run) == {"a": "succeeded"}


@pytest.mark.parametrize("effect", ["before", "after"])
def test_skipping_a_running_node_outlives_a_failed_commit_and_a_crash(simulate, effect):
    sim = simulate()
    run = sim.start(document(["a", "b"], "a>b"))
    claim = sim.begin()
    command = sim.apply("skip", run.id, "a")
    sim.store.fail = effect
    sim.end(claim, "cancelled")
    assert command.done
    assert sim.states(run) == {"a": "skipped", "b": "ready"}


def test_skipping_a_running_node_outlives_a_crash(simulate):
    sim = simulate()
    run = sim.start(document(["a", "b"], "a>b"))
    sim.begin()
    command = sim.apply("skip", run.id, "a")
    sim.crash()
    sim.settle()
    assert command.done
    assert sim.states(run) == {"a": "skipped", "b": "ready"}
    assert run.attempts["a", 1]["state"] == "lost"


def test_a_node_that_was_sent_but_has_not_started_is_skipped_when_it_came_back(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    assert sim.executor.nodes == ["a"]
    sim.apply("skip", run.id, "a")
    assert sim.states(run) == {"a": "skipped"}
    assert (sim.state(run), run.attempts) == ("succeeded", {})


def test_a_retrying_node_is_skipped_at_once(simulate):
    sim = simulate()
    run = sim.start(document([node("a", retries=1, retry_delay=60), "b"], "a>b"))
    fail(sim)
    assert sim.states(run)["a"] == "retrying"
    sim.apply("skip", run.id, "a")
    assert sim.states(run) == {"a": "skipped", "b": "ready"}
    sim.clock.advance(100)
    sim.finish()
    assert sim.states(run) == {"a": "skipped", "b": "succeeded"}


@pytest.mark.parametrize("state", ["failed", "timed_out"])
@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_skipping_a_failed_node_continues_the_ended_run(simulate, state, on_failure):
    sim = simulate(processes=1)
    run = sim.start(document(["a", "b", "c", "d"], "a>b", "b>c", on_failure=on_failure))
    fail(sim, state)
    sim.finish()
    assert sim.state(run) == "failed"
    sim.apply("skip", run.id, "a")
    assert sim.state(run) == "running"
    assert sim.states(run)["a"] == "skipped"
    assert run.nodes["a"]["error"] is None
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert sim.states(run) == {"a": "skipped", "b": "succeeded", "c": "succeeded", "d": "succeeded"}
    assert run.attempts["a", 1]["state"] == state


def test_nodes_cancelled_by_a_stop_stay_so_while_another_failure_remains(simulate):
    sim = simulate()
    run = sim.launch(document(["a", "b", node("c"), node("d")], "a>c"))
    first, second = sim.executor.begin(), sim.executor.begin()
    sim.executor.end(first, "failed")
    sim.end(second, "failed")
    assert sim.states(run) == {"a": "failed", "b": "failed", "c": "upstream_failed", "d": "cancelled"}
    sim.command("skip", run.id, "a")
    sim.finish()
    assert sim.states(run) == {"a": "skipped", "b": "failed", "c": "succeeded", "d": "cancelled"}
    assert sim.state(run) == "failed"


def test_a_node_whose_upstream_failed_can_be_skipped(simulate):
    sim = simulate()
    run = sim.start(chain(3, on_failure="continue"))
    fail(sim)
    sim.finish()
    sim.command("skip", run.id, "n1")
    sim.finish()
    assert sim.states(run) == {"n0": "failed", "n1": "skipped", "n2": "succeeded"}
    assert sim.state(run) == "failed"


def test_skipping_the_cancelled_node_of_a_run_continues_it(simulate):
    sim = simulate()
    run = sim.launch(chain(2))
    sim.command("cancel_node", run.id, "n0")
    sim.finish()
    assert sim.states(run) == {"n0": "cancelled", "n1": "upstream_failed"}
    sim.command("skip", run.id, "n0")
    sim.finish()
    assert sim.states(run) == {"n0": "skipped", "n1": "succeeded"}
    assert sim.state(run) == "succeeded"


def test_a_succeeded_or_skipped_node_is_not_skipped(simulate):
    sim = simulate()
    run = sim.launch(document(["a", "b"]))
    claim = next(claim for claim in sim.executor.sent if sim.executor.node(claim) == "a")
    sim.end(sim.executor.begin(claim))
    first = sim.command("skip", run.id, "a")
    sim.apply("skip", run.id, "b")
    again = sim.apply("skip", run.id, "b")
    assert first.outcome == {"refused": "succeeded"}
    assert again.outcome == {"refused": "skipped"}


def test_a_queued_run_whose_nodes_are_all_skipped_ends(simulate):
    sim = simulate()
    ahead = sim.start(document(["a"], max_runs=1))
    run = sim.launch(document(["a"], max_runs=1))
    assert sim.state(run) == "queued"
    sim.apply("skip", run.id, "a")
    assert (sim.state(run), sim.states(run)) == ("succeeded", {"a": "skipped"})
    sim.command("cancel", run.id)
    sim.finish()
    assert (sim.state(ahead), sim.state(run)) == ("succeeded", "succeeded")


def test_a_queued_run_with_a_skipped_node_runs_the_others_when_it_starts(simulate):
    sim = simulate()
    sim.start(document(["a"], max_runs=1))
    run = sim.launch(document(["a", "b", "c"], "a>b", "b>c", max_runs=1))
    sim.apply("skip", run.id, "a")
    assert (sim.state(run), sim.states(run)["b"]) == ("queued", "pending")
    sim.finish()
    assert sim.states(run) == {"a": "skipped", "b": "succeeded", "c": "succeeded"}


def test_a_retry_that_names_a_skipped_node_runs_it(simulate):
    sim = simulate()
    run = sim.launch(chain(2))
    sim.command("skip", run.id, "n0")
    sim.finish()
    assert sim.states(run) == {"n0": "skipped", "n1": "succeeded"}
    sim.command("retry", run.id, nodes=["n0"])
    sim.finish()
    assert sim.states(run) == {"n0": "succeeded", "n1": "succeeded"}
    assert run.nodes["n1"]["attempt"] == 1, "a success is never repeated"


def test_a_later_cancel_wins_over_a_skip(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    claim = sim.begin()
    sim.apply("skip", run.id, "a")
    sim.apply("cancel_node", run.id, "a")
    sim.end(claim, "cancelled")
    assert sim.states(run) == {"a": "cancelled"}
