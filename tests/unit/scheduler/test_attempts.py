"""Attempts: retries, losses, limits, claims, what a stop interrupts, what a crash leaves."""

import json

import pytest

from engine.errors import LostLeadership
from engine.executors.base import Ended, Lines, Progress, Returned
from tests.support.factories import chain, document, node
from tests.support.simulation import Simulation


def attempts(run, name):
    return [row["state"] for (who, _), row in sorted(run.attempts.items()) if who == name]


def test_an_attempt_exists_from_its_reported_start(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    assert sim.states(run) == {"a": "ready"}
    assert run.attempts == {}
    assert run.nodes["a"]["claim"]
    sim.begin()
    assert sim.states(run) == {"a": "running"}
    assert run.attempts["a", 1]["claim"] == run.nodes["a"]["claim"]


def test_a_failed_node_is_retried_after_its_delay_as_often_as_its_policy_says(simulate):
    sim = simulate()
    run = sim.start(document([node("a", retries=2, retry_delay=10, retry_backoff="fixed")]))
    for number in (1, 2):
        sim.settle()
        sim.end(sim.executor.begin(), "failed")
        assert sim.states(run) == {"a": "retrying"}
        assert run.nodes["a"]["retries"] == number
        sim.clock.advance(9.9)
        sim.settle()
        assert sim.states(run) == {"a": "retrying"}
        sim.clock.advance(2.2)
    sim.settle()
    sim.end(sim.executor.begin(), "failed")
    assert sim.states(run) == {"a": "failed"}
    assert attempts(run, "a") == ["failed"] * 3


def test_retry_on_names_the_errors_that_are_tried_again(simulate):
    sim = simulate()
    run = sim.launch(document([node("a", retries=5, retry_on=["TimeoutError"])]))
    sim.end(sim.executor.begin(), "failed", error="ValueError")
    assert sim.states(run) == {"a": "failed"}


def test_time_outs_use_up_retries(simulate):
    sim = simulate()
    run = sim.start(document([node("a", retries=1)]))
    sim.finish(lambda work: "timed_out")
    assert sim.states(run) == {"a": "timed_out"}
    assert attempts(run, "a") == ["timed_out", "timed_out"]
    assert sim.state(run) == "failed"


def test_losses_are_counted_apart_from_retries_and_end_in_failed(simulate):
    sim = simulate()
    run = sim.start(document([node("a", lost_retries=2)]))
    sim.finish(lambda work: "lost")
    assert attempts(run, "a") == ["lost"] * 3
    assert sim.states(run) == {"a": "failed"}
    assert run.nodes["a"]["retries"] == 0


def test_an_attempt_interrupted_by_a_stop_becomes_ready_and_counts_as_no_failure(simulate):
    sim = simulate()
    run = sim.start(document(["a", "b"]))
    sim.begin()
    sim.scheduler.drain(0)
    assert sim.states(run) == {"a": "ready", "b": "ready"}
    row = run.nodes["a"]
    assert (row["retries"], row["losses"], row["claim"]) == (0, 0, "")
    sim.crash()
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_a_late_result_of_an_old_claim_changes_nothing_even_if_the_node_runs_again(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    old = sim.executor.begin()
    sim.executor.end(old, "lost")
    sim.begin()
    sim.executor.reports.append(Ended(old, "succeeded", sim.clock.now, 1.0))
    sim.executor.reports.append(Lines(old, [(1.0, "info", "late")]))
    sim.executor.reports.append(Progress(old, 0.5, None, 1.0))
    sim.executor.reports.append(Returned([old]))
    sim.settle()
    assert sim.states(run) == {"a": "running"}
    assert [line for _, line in run.lines] == ["ValueError: m"]
    assert sim.scheduler.core.memory.stale_reports == 4


def test_an_end_without_a_start_is_an_attempt(simulate):
    """Or what cannot be started would be sent for ever."""
    sim = simulate()
    run = sim.launch(document(["a"]))
    (claim,) = sim.executor.sent
    del sim.executor.sent[claim]
    sim.executor.reports.append(Ended(claim, "failed", sim.clock.now, 0.0, error={"class": "X", "message": "no"}))
    sim.settle()
    assert attempts(run, "a") == ["failed"]
    assert run.nodes["a"]["error"]


def test_after_a_crash_running_attempts_are_lost_and_sent_ones_are_not_counted(simulate):
    sim = simulate(processes=2)
    run = sim.start(document(["a", "b", "c"], "a>c", "b>c"))
    sim.begin()
    sim.crash()
    sim.settle()
    assert attempts(run, "a") == ["lost"]
    assert run.nodes["a"]["losses"] == 1
    assert run.nodes["b"]["losses"] == 0
    sim.finish()
    assert sim.state(run) == "succeeded"
    assert run.nodes["b"]["attempt"] == 1


def test_a_node_that_succeeded_before_a_crash_never_starts_again(simulate):
    sim = simulate()
    run = sim.launch(chain(3))
    sim.executor.run_all()
    sim.settle()
    sim.crash()
    sim.finish()
    assert [work.node for work in sim.executor.history] == ["n1", "n2"]
    assert sim.state(run) == "succeeded"


@pytest.mark.parametrize("fail", ["before", "after"])
def test_a_failed_commit_loses_no_result_and_starts_nothing_twice(simulate, fail):
    """Also when it took effect and only its outcome is unknown."""
    sim = simulate()
    run = sim.launch(chain(4))
    sim.executor.run_all()
    sim.store.fail = fail
    sim.finish()
    assert sim.state(run) == "succeeded"
    started = [work.node for work in sim.executor.history]
    assert started == ["n0", "n1", "n2", "n3"]
    assert all(states == ["succeeded"] for states in (attempts(run, f"n{i}") for i in range(4)))


def test_a_failed_commit_leaves_running_attempts_alone(simulate):
    sim = simulate()
    run = sim.start(document(["a", "b"]))
    claim = sim.begin()
    sim.executor.reports.append(Progress(claim, 0.5, "half", sim.clock.now))
    sim.store.fail = "before"
    sim.settle()
    assert run.nodes["a"]["claim"] == claim
    sim.end(claim)
    assert sim.states(run)["a"] == "succeeded"
    assert attempts(run, "a") == ["succeeded"]


def test_an_old_leader_writes_nothing(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    old = sim.scheduler
    sim.crash()
    with pytest.raises(LostLeadership):
        old.tick(0)
    sim.finish()
    assert sim.state(run) == "succeeded"


def test_progress_is_at_most_ten_events_a_second_and_the_last_one_always(simulate):
    sim = simulate()
    run = sim.launch(document(["a"]))
    claim = sim.executor.begin()
    for step in range(100):
        sim.executor.reports.append(Progress(claim, step / 100, None, sim.clock.now))
        sim.settle()
        sim.clock.advance(0.01)
    sim.executor.reports.append(Progress(claim, 1.0, "done", sim.clock.now))
    sim.end(claim)
    seen = [event for event in run.events if event[2] == "p"]
    assert 9 <= len(seen) <= 12
    assert seen[-1][4:] == [1.0, "done"]
    assert run.events.index(seen[-1]) < len(run.events) - 1, "before the node's end"
    assert run.nodes["a"]["progress"]


def test_lines_and_events_share_one_gapless_counter(simulate):
    sim = simulate()
    run = sim.launch(document(["a", "b"]))
    first, second = sim.executor.begin(), sim.executor.begin()
    for batch in range(3):
        sim.executor.reports.append(Lines(first, [(1.0, "info", f"a{batch}.{i}") for i in range(250)]))
        sim.executor.reports.append(Lines(second, [(1.0, "info", f"b{batch}")]))
        sim.settle()
    sim.executor.end(first)
    sim.end(second)
    numbers = sorted([event[0] for event in run.events] + [seq for seq, _ in run.lines])
    assert numbers == list(range(1, run.values["seq"] + 1))
    assert len(run.lines) == 753


def test_learned_durations_come_from_successes_of_runs_that_are_no_drafts(simulate):
    sim = simulate()
    for _ in range(3):
        sim.launch(document(["a"]))
        sim.end(sim.executor.begin(), seconds=2.0)
    sim.clock.advance(1)
    sim.settle()
    assert sim.store.stats["w", "a"] == ([2.0, 2.0, 2.0], 2.0)
    run = sim.launch(document(["a"]))
    assert (run.nodes["a"]["expected"], run.nodes["a"]["expected_from"]) == (2.0, "learned")


def test_losses_do_not_end_a_run_that_was_killed_more_often_than_lost_retries(tmp_path):
    sim = Simulation(tmp_path)
    run = sim.start(chain(30))
    for _ in range(10):
        sim.settle()
        sim.executor.run_all()
        sim.begin()
        sim.crash()
        sim.settle()
        sim.executor.run_all()
    sim.finish()
    assert sim.state(run) == "succeeded"


@pytest.mark.parametrize("how", ["lost", "interrupted"])
def test_a_lost_node_keeps_its_place_before_nodes_that_became_ready_later(simulate, how):
    sim = simulate(processes=1)
    first = sim.start(document([node("a", lost_retries=2)]))
    work = sim.begin()
    since = first.nodes["a"]["ready_at"]
    sim.clock.advance(5)
    later = sim.launch(document(["b"]))
    sim.end(work, "lost", interrupted=how == "interrupted")
    assert (first.nodes["a"]["ready_at"], sim.states(first)) == (since, {"a": "ready"})
    assert first.nodes["a"]["claim"]
    assert not later.nodes["b"]["claim"]
    sim.begin()
    # It waited for its second attempt since the first was lost.
    assert first.attempts["a", 2]["ready_at"] == first.attempts["a", 1]["finished_at"] > since


def test_a_failure_is_retried_by_a_class_that_its_error_derives_from(simulate):
    sim = simulate()
    run = sim.launch(document([node("a", retries=1, retry_on=["LookupError"], retry_delay=0)]))
    claim = sim.executor.begin()
    error = {"class": "KeyError", "bases": ["KeyError", "LookupError", "Exception"], "message": "m"}
    sim.executor.running.pop(claim)
    sim.executor.reports.append(Ended(claim, "failed", sim.clock.now, 0.1, error=error))
    sim.settle()
    assert run.nodes["a"]["state"] == "retrying"
    assert "bases" in json.loads(run.attempts["a", 1]["error"])
    assert "bases" not in json.loads(run.nodes["a"]["error"])
