"""How runs go: readiness, ends, trigger rules, what a failure stops."""

import pytest

from tests.support.factories import chain, document, node, python


def failing(*names):
    return lambda work: "failed" if work.node in names else "succeeded"


def test_a_chain_runs_in_order_and_succeeds(simulate):
    sim = simulate()
    run = sim.start(chain(3))
    sim.finish()
    assert [work.node for work in sim.executor.history] == ["n0", "n1", "n2"]
    assert sim.state(run) == "succeeded"
    assert run.values["counts"] == {"succeeded": 3}


def test_one_hop_of_a_chain_costs_one_commit(simulate):
    sim = simulate()
    sim.launch(chain(20))
    before = sim.store.commits
    for _ in range(10):
        sim.executor.run_all()
        sim.tick()
    assert sim.store.commits - before == 10
    assert sim.executor.nodes == ["n10"]


def test_a_join_waits_for_all_its_upstream_nodes(simulate):
    sim = simulate(processes=4)
    sim.launch(document(["a", "b", "c"], "a>c", "b>c"))
    first, second = list(sim.executor.sent)
    sim.executor.begin(first)
    sim.end(first)
    assert sim.executor.nodes == ["b"]
    sim.executor.begin(second)
    sim.end(second)
    assert sim.executor.nodes == ["c"]


def test_an_edge_that_only_orders_makes_its_target_wait_and_hands_no_value_on(simulate):
    sim = simulate()
    given = document(["a", "b", python("c")], "a>c", "b>c")
    given["edges"][1]["order"] = True
    run = sim.start(given)
    sim.finish()
    (work,) = [work for work in sim.executor.history if work.node == "c"]
    assert set(work.envelope["inputs"]) == {"a"}
    failed = sim.start(given)
    sim.finish(failing("b"))
    assert sim.states(run)["c"] == "succeeded"
    assert sim.states(failed)["c"] == "upstream_failed"


def test_a_duplicated_result_changes_nothing(simulate):
    sim = simulate()
    run = sim.launch(document(["a", "b", "c"], "a>c", "b>c"))
    claim = sim.executor.begin()
    sim.executor.end(claim)
    sim.end(claim)
    assert sim.scheduler.core.memory.stale_reports == 1
    assert sim.states(run) == {"a": "succeeded", "b": "ready", "c": "pending"}


def test_a_failure_stops_the_run_and_independent_nodes_are_cancelled(simulate):
    sim = simulate(processes=2)
    run = sim.launch(document(["bad", "after", "other", "later", "last"], "bad>after", "other>later", "later>last"))
    bad, other = sim.executor.begin(), sim.executor.begin()
    sim.end(bad, "failed")
    assert sim.states(run) == {
        "bad": "failed",
        "after": "upstream_failed",
        "other": "running",
        "later": "cancelled",
        "last": "cancelled",
    }
    assert sim.state(run) == "running", "running nodes finish"
    sim.end(other)
    assert sim.states(run)["other"] == "succeeded"
    assert sim.reasons(run) == {"later": "run_stopped", "last": "run_stopped"}
    assert sim.state(run) == "failed"


def test_ready_and_retrying_nodes_are_cancelled_when_the_run_stops(simulate):
    sim = simulate(processes=2)
    run = sim.launch(document([node("a", retries=3), "b", "c", "d"]))
    a, b = sim.executor.begin(), sim.executor.begin()
    sim.executor.end(a, "failed")
    c = sim.begin()
    assert sim.states(run) == {"a": "retrying", "b": "running", "c": "running", "d": "ready"}
    sim.end(b, "failed")
    assert sim.states(run) == {"a": "cancelled", "b": "failed", "c": "running", "d": "cancelled"}
    sim.end(c)
    assert sim.state(run) == "failed"


def test_on_failure_continue_goes_on_with_independent_branches(simulate):
    sim = simulate()
    run = sim.start(document(["bad", "after", "other", "later"], "bad>after", "other>later", on_failure="continue"))
    sim.finish(failing("bad"))
    assert sim.states(run) == {
        "bad": "failed",
        "after": "upstream_failed",
        "other": "succeeded",
        "later": "succeeded",
    }
    assert sim.state(run) == "failed"


@pytest.mark.parametrize("rule", ["all_done", "all_failed", "one_success"])
def test_clean_up_still_runs_after_a_stop(simulate, rule):
    sim = simulate()
    good = "good>clean" if rule == "one_success" else "bad>clean"
    run = sim.start(document(["good", "bad", node("clean", trigger_rule=rule), "then"], good, "clean>then"))
    sim.finish(failing("bad"))
    assert sim.states(run)["clean"] == "succeeded"
    assert sim.states(run)["then"] == "cancelled", "what follows a clean-up is none itself"


def test_clean_up_runs_after_a_node_that_the_stop_cancelled(simulate):
    sim = simulate(processes=2)
    run = sim.launch(
        document(
            ["bad", "slow", "next", node("clean", trigger_rule="all_done")], "slow>next", "next>clean", "bad>clean"
        )
    )
    bad, slow = sim.executor.begin(), sim.executor.begin()
    sim.end(bad, "failed")
    assert sim.executor.nodes == ["clean"]
    sim.executor.end(slow)
    sim.finish()
    assert sim.states(run) == {"bad": "failed", "slow": "succeeded", "next": "cancelled", "clean": "succeeded"}


def test_a_none_failed_node_becomes_upstream_failed_and_not_cancelled(simulate):
    sim = simulate()
    run = sim.start(document(["bad", node("join", trigger_rule="none_failed")], "bad>join"))
    sim.finish(failing("bad"))
    assert sim.states(run)["join"] == "upstream_failed"


def test_a_branch_skips_what_it_does_not_take(simulate):
    sim = simulate()
    branch = {"id": "b", "type": "branch", "config": {"condition": "true"}}
    doc = document([branch, "yes", "no", "beyond", node("join", trigger_rule="none_failed")],
                   "b.true>yes", "b.false>no", "no>beyond", "yes>join", "beyond>join")  # fmt: skip
    run = sim.launch(doc)
    claim = sim.executor.begin()
    sim.executor.end(claim, ports=["true"])
    sim.finish()
    assert sim.states(run) == {
        "b": "succeeded",
        "yes": "succeeded",
        "no": "skipped",
        "beyond": "skipped",
        "join": "succeeded",
    }
    assert sim.reasons(run) == {"no": "branch_not_taken", "beyond": "upstream_skipped"}
    assert sim.state(run) == "succeeded"


def test_both_ports_of_a_branch_may_lead_to_one_node_which_then_always_runs(simulate):
    sim = simulate()
    branch = {"id": "b", "type": "branch", "config": {"condition": "true"}}
    run = sim.launch(document([branch, "next"], "b.true>next", "b.false>next"))
    claim = sim.executor.begin()
    sim.executor.end(claim, ports=["false"])
    sim.finish()
    assert sim.states(run) == {"b": "succeeded", "next": "succeeded"}


def test_a_branch_that_takes_nothing_skips_all(simulate):
    sim = simulate()
    branch = {"id": "b", "type": "branch", "config": {"condition": "true"}}
    run = sim.launch(document([branch, "yes", "no"], "b.true>yes", "b.false>no"))
    sim.executor.end(sim.executor.begin(), ports=[])
    sim.finish()
    assert sim.states(run) == {"b": "succeeded", "yes": "skipped", "no": "skipped"}


def test_a_chain_of_ten_thousand_skips_without_recursion_and_in_bounded_ticks(simulate):
    sim = simulate()
    run = sim.launch(chain(10_000))
    sim.executor.end(sim.executor.begin(), "failed")
    sizes = []
    write = sim.store.write

    def measured(changes, *rest):
        sizes.append(len(changes.nodes))
        write(changes, *rest)

    sim.store.write = measured
    sim.settle()
    assert sim.state(run) == "failed"
    assert run.values["counts"] == {"failed": 1, "upstream_failed": 9_999}
    assert max(sizes) <= 2000


def test_work_of_a_tick_does_not_grow_with_the_graph(simulate):
    """A hop in a graph of 10,000 touches one node and its successor."""
    sim = simulate()
    sim.launch(chain(10_000))
    changed = []
    write = sim.store.write

    def measured(changes, *rest):
        changed.append(len(changes.nodes))
        write(changes, *rest)

    sim.store.write = measured
    for _ in range(50):
        sim.executor.run_all()
        sim.tick()
    assert set(changed) == {2}


def test_a_fan_in_of_a_thousand_starts_once(simulate):
    sim = simulate(processes=50)
    names = [f"a{i}" for i in range(1000)]
    run = sim.start(document([*names, "join"], *(f"{name}>join" for name in names)))
    sim.finish()
    assert sum(work.node == "join" for work in sim.executor.history) == 1
    assert sim.state(run) == "succeeded"


def test_a_run_ends_failed_before_cancelled_before_succeeded(simulate):
    sim = simulate(processes=3)
    run = sim.launch(document(["a", "b", "c"], on_failure="continue"))
    claims = [sim.executor.begin() for _ in range(3)]
    sim.apply("cancel_node", run.id, "a")
    sim.executor.end(claims[0], "cancelled")
    sim.executor.end(claims[1], "failed")
    sim.end(claims[2])
    assert sim.state(run) == "failed"


def test_the_run_keeps_its_end_times_and_counts(simulate):
    sim = simulate()
    run = sim.start(chain(2))
    sim.finish()
    assert run.values["started_us"] <= run.values["finished_us"]
    assert sum(run.values["counts"].values()) == 2


def test_a_node_that_waits_for_failures_says_that_its_rule_is_not_met(simulate):
    sim = simulate()
    alert = node("alert", trigger_rule="all_failed")
    run = sim.start(document(["a", "b", alert, "after"], "a>alert", "b>alert", "alert>after", on_failure="continue"))
    sim.finish(lambda work: "failed" if work.node == "b" else "succeeded")
    assert sim.states(run)["alert"] == "skipped"
    assert sim.reasons(run)["alert"] == "rule_not_met"
    assert sim.reasons(run)["after"] == "upstream_skipped"
