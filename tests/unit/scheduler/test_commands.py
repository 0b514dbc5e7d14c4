"""What people's commands do: cancel, retry, limits of runs."""

from tests.support.factories import chain, document, node


def test_cancel_kills_what_runs_and_starts_nothing_else(simulate):
    sim = simulate(processes=1, ahead=1)
    run = sim.start(document(["a", "b", "c", "d"], "a>d"))
    claim = sim.begin()
    sim.apply("cancel", run.id)
    assert sim.executor.killing == {claim: "cancelled"}
    assert sim.states(run) == {"a": "running", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert sim.state(run) == "running"
    sim.end(claim, "cancelled")
    assert sim.state(run) == "cancelled"
    assert set(sim.reasons(run).values()) == {"run_cancelled"}
    assert run.attempts["a", 1]["receipt"]


def test_a_queued_run_is_cancelled_at_once(simulate):
    sim = simulate()
    first = sim.start(document(["a"], max_runs=1))
    second = sim.start(chain(3, max_runs=1))
    third = sim.launch(document(["a"], max_runs=1))
    sim.apply("cancel", second.id)
    assert sim.state(second) == "cancelled"
    assert second.values["counts"] == {"cancelled": 3}
    sim.finish()
    assert sim.state(first) == sim.state(third) == "succeeded"


def test_cancel_beats_a_failure_that_comes_with_it(simulate):
    sim = simulate()
    run = sim.launch(document([node("a", retries=3)]))
    claim = sim.executor.begin()
    sim.command("cancel", run.id)
    sim.end(claim, "failed")
    assert sim.states(run) == {"a": "cancelled"}
    assert sim.state(run) == "cancelled"


def test_a_success_that_comes_with_a_cancel_stands(simulate):
    sim = simulate()
    run = sim.start(chain(2))
    claim = sim.begin()
    sim.command("cancel", run.id)
    sim.end(claim)
    assert sim.states(run) == {"n0": "succeeded", "n1": "cancelled"}


def test_cancel_of_one_node_in_each_state(simulate):
    sim = simulate(processes=1)
    run = sim.start(document([node("a", pool=None), "b", "c"], "b>c", on_failure="continue"))
    claim = sim.begin()
    for name in ("a", "b"):
        sim.command("cancel_node", run.id, name)
    sim.settle()
    assert sim.states(run) == {"a": "running", "b": "cancelled", "c": "upstream_failed"}
    sim.end(claim, "cancelled")
    assert sim.state(run) == "cancelled"
    assert sim.reasons(run) == {"a": "cancelled_by_person", "b": "cancelled_by_person"}


def test_a_receipt_names_the_pool_slots_that_came_back(simulate):
    sim = simulate(pools={"p": 3})
    run = sim.start(document([node("a", pool="p", slots=2)]))
    claim = sim.begin()
    sim.apply("cancel_node", run.id, "a")
    sim.end(claim, "cancelled")
    assert '"slots":2' in run.attempts["a", 1]["receipt"]
    assert sim.scheduler.core.memory.pools["p"].in_use == 0


def test_the_runs_own_limit_ends_it_as_timed_out(simulate):
    sim = simulate()
    run = sim.start(chain(3, timeout=60))
    claim = sim.begin()
    sim.clock.advance(61)
    sim.settle()
    assert sim.executor.killing == {claim: "cancelled"}
    sim.end(claim, "cancelled")
    assert sim.state(run) == "timed_out"
    assert set(sim.reasons(run).values()) == {"run_timeout"}
    assert run.values["counts"] == {"cancelled": 3}


def test_the_runs_limit_holds_over_a_restart(simulate):
    sim = simulate()
    run = sim.launch(chain(2, timeout=60))
    sim.clock.advance(50)
    sim.crash()
    sim.settle()
    assert sim.state(run) == "running"
    sim.clock.advance(11)
    sim.settle()
    assert sim.state(run) == "timed_out"


def test_retry_runs_failed_nodes_and_their_downstream_nodes_and_keeps_the_others(simulate):
    sim = simulate(processes=1)
    run = sim.start(
        document(["good", "bad", "after", "other", "last"], "good>bad", "bad>after", "good>other", "other>last")
    )
    sim.finish(lambda work: "failed" if work.node == "bad" else "succeeded")
    assert sim.state(run) == "failed"
    finished = run.values["finished_us"]
    sim.clock.advance(10)
    sim.apply("retry", run.id, nodes=None)
    assert sim.state(run) == "running"
    assert run.values["finished_us"] is None
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert run.values["finished_us"] > finished
    names = [work.node for work in sim.executor.history]
    assert names.count("good") == 1
    assert names.count("bad") == 2
    assert run.values["counts"] == {"succeeded": 5}


def test_a_retried_run_has_its_time_limit_again(simulate):
    sim = simulate()
    run = sim.start(document(["a"], timeout=60))
    sim.finish(lambda work: "failed")
    sim.clock.advance(1000)
    sim.apply("retry", run.id, nodes=["a"])
    sim.clock.advance(59)
    sim.settle()
    assert sim.state(run) == "running"
    sim.clock.advance(2)
    sim.settle()
    assert sim.state(run) == "timed_out"


def test_retry_of_a_running_node_ends_its_attempt_and_opens_the_next(simulate):
    sim = simulate()
    run = sim.start(document([node("a", soft_timeout=300)]))
    claim = sim.begin()
    sim.apply("retry", run.id, nodes=["a"], policy={"a": {"soft_timeout": 900, "hard_timeout": 1800}})
    assert sim.executor.killing == {claim: "cancelled"}
    sim.end(claim, "cancelled")
    assert sim.states(run) == {"a": "ready"}
    assert run.attempts["a", 1]["state"] == "cancelled"
    (work,) = sim.executor.sent.values()
    assert (work.soft_timeout, work.hard_timeout) == (900, 1800)
    assert run.values["altered"] == {"a": {"soft_timeout": 900, "hard_timeout": 1800}}
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_retry_of_a_retrying_node_starts_at_once_and_with_fresh_counts(simulate):
    sim = simulate()
    run = sim.launch(document([node("a", retries=1, retry_delay=300)]))
    sim.end(sim.executor.begin(), "failed")
    assert sim.states(run) == {"a": "retrying"}
    sim.apply("retry", run.id, nodes=["a"])
    assert sim.executor.nodes == ["a"]
    assert run.nodes["a"]["retries"] == 0


def test_a_retry_with_another_pool_takes_its_slots_after_the_old_ones_are_released(simulate):
    sim = simulate(pools={"p": 1, "q": 5})
    run = sim.start(document([node("a", pool="p")]))
    claim = sim.begin()
    sim.apply("retry", run.id, nodes=["a"], policy={"a": {"pool": "q", "slots": 5}})
    memory = sim.scheduler.core.memory
    assert (memory.pools["p"].in_use, memory.pools["q"].in_use) == (1, 0)
    sim.end(claim, "cancelled")
    assert (memory.pools["p"].in_use, memory.pools["q"].in_use) == (0, 5)
    sim.finish()
    assert (memory.pools["p"].in_use, memory.pools["q"].in_use) == (0, 0)


def test_retry_of_a_cancelled_run_goes_on_where_it_stood(simulate):
    sim = simulate()
    run = sim.launch(chain(4))
    sim.executor.run_all()
    sim.settle()
    sim.apply("cancel", run.id)
    assert sim.state(run) == "cancelled"
    sim.command("retry", run.id, nodes=None)
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert [work.node for work in sim.executor.history].count("n0") == 1


def test_a_retry_waits_for_its_workflows_limit(simulate):
    sim = simulate()
    run = sim.start(document(["a"], max_runs=1))
    sim.finish(lambda work: "failed")
    other = sim.launch(document(["b"], max_runs=1))
    sim.apply("retry", run.id, nodes=None)
    assert sim.state(run) == "running"
    assert sim.executor.nodes == ["b"]
    sim.finish()
    assert sim.state(run) == sim.state(other) == "succeeded"


def test_a_command_that_no_longer_applies_says_so(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    sim.finish()
    cancel = sim.command("cancel", run.id)
    retry = sim.command("retry", run.id, nodes=None)
    gone = sim.apply("retry", 99, nodes=None)
    assert cancel.outcome == {"refused": "ended"}
    assert retry.outcome == {"refused": "nothing to retry"}
    assert gone.outcome == {"refused": "no such run"}
    assert sim.state(run) == "succeeded"


def test_a_retry_of_ten_thousand_nodes_is_spread_and_survives_a_crash_half_way(simulate):
    sim = simulate()
    run = sim.launch(chain(5_000))
    sim.end(sim.executor.begin(), "failed")
    assert run.values["counts"] == {"failed": 1, "upstream_failed": 4_999}
    command = sim.command("retry", run.id, nodes=None)
    sim.tick()
    assert not command.done
    sim.crash()
    sim.settle()
    assert command.done
    assert run.values["counts"] == {"ready": 1, "pending": 4_999}


def test_a_command_is_done_in_the_transaction_of_its_effect(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    command = sim.command("cancel", run.id)
    sim.store.fail = "before"
    sim.tick()
    assert not command.done
    sim.settle()
    assert command.done
    assert sim.state(run) == "cancelled"


def test_cancelling_a_node_of_a_queued_run_decides_its_downstream_nodes(simulate):
    sim = simulate()
    first = sim.start(document(["a"], max_runs=1))
    run = sim.launch(document(["x", "y", "z"], "x>y", max_runs=1))
    sim.apply("cancel_node", run.id, "x")
    assert sim.state(run) == "queued"
    sim.finish()
    assert sim.state(first) == "succeeded"
    assert sim.states(run) == {"x": "cancelled", "y": "upstream_failed", "z": "succeeded"}
    assert sim.state(run) == "cancelled"


def test_a_waiting_retry_may_be_cancelled_and_asked_for_again(simulate):
    sim = simulate()
    run = sim.start(document(["a"], max_runs=1))
    sim.finish(lambda work: "failed")
    other = sim.launch(document(["b"], max_runs=1))
    for _ in range(3):
        sim.apply("retry", run.id, nodes=None)
        sim.apply("cancel", run.id)
        assert sim.state(run) == "cancelled"
    sim.command("retry", run.id, nodes=None)
    sim.finish()
    assert sim.state(run) == sim.state(other) == "succeeded"


def test_a_second_retry_leaves_alone_what_succeeded_by_the_first(simulate):
    sim = simulate(processes=1)
    run = sim.start(document([f"n{i}" for i in range(20)], on_failure="continue"))
    sim.finish(lambda work: "failed")
    sim.command("retry", run.id, nodes=None)
    sim.command("retry", run.id, nodes=["n0"])
    for _ in range(100):
        # As in a large run, where a command takes several ticks.
        sim.scheduler.budget = 1
        sim.tick()
        sim.executor.run_all()
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert run.nodes["n0"]["attempt"] == 2


def slow_tick(sim):
    """As in a run that is much larger: a command takes several ticks."""
    sim.scheduler.budget = 1
    sim.tick()


def test_a_retry_during_a_cancel_keeps_ready_nodes(simulate):
    sim = simulate(processes=1)
    run = sim.launch(document([f"n{i}" for i in range(9)]))
    sim.command("cancel", run.id)
    for _ in range(4):
        slow_tick(sim)
    assert "cancelled" in sim.states(run).values()
    assert "ready" in sim.states(run).values()
    sim.command("retry", run.id, nodes=None)
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_a_retry_during_the_cancel_of_a_queued_run_keeps_it_queued(simulate):
    sim = simulate()
    first = sim.start(document(["a"], max_runs=1))
    run = sim.launch(document([f"n{i}" for i in range(9)], max_runs=1))
    sim.command("cancel", run.id)
    slow_tick(sim)
    # Whoever lines up looks at the line, and takes out what is cancelled.
    last = sim.start(document(["a"], max_runs=1))
    slow_tick(sim)
    assert sim.state(run) == "queued"
    sim.command("retry", run.id, nodes=None)
    sim.finish()
    assert sim.state(first) == sim.state(run) == sim.state(last) == "succeeded"


def test_a_queued_run_whose_nodes_were_all_skipped_ends_after_a_crash_too(simulate):
    sim = simulate()
    sim.start(document(["a"], max_runs=1))
    run = sim.launch(document(["x", "y"], max_runs=1))
    for name in "xy":
        sim.command("skip", run.id, name)
    slow_tick(sim)
    assert set(sim.states(run).values()) == {"skipped"}
    assert sim.state(run) == "queued"
    sim.crash()
    sim.finish()
    assert sim.state(run) == "succeeded"
