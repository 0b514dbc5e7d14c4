"""What a person wants done with a running node is done, also if the scheduler dies before it has killed the attempt."""

from typing import Any

import pytest

from engine import faults
from engine.faults import InjectedFault
from engine.states import PendingAction
from tests.support.factories import document, node
from tests.support.simulation import Simulation, StoredRun

ENDS = {"cancel_node": "cancelled", "skip": "skipped", "retry": "running"}


@pytest.fixture(autouse=True)
def _no_faults():
    yield
    faults.disarm()


def ask(sim: Simulation, run: StoredRun, kind: str, name: str = "a") -> Any:
    if kind == "retry":
        return sim.command(kind, run.id, nodes=[name])
    return sim.command(kind, run.id, "" if kind == "cancel" else name)


def die_before_the_kill(sim: Simulation) -> None:
    """The scheduler commits what it was asked for, and dies before it has told the executor."""

    def die() -> None:
        raise InjectedFault("tick.before_kill")

    faults.arm("tick.before_kill", die)
    with pytest.raises(InjectedFault):
        sim.tick(3)
    assert sim.executor.killing == {}
    faults.disarm()
    sim.crash()


@pytest.mark.parametrize(("kind", "state"), ENDS.items())
def test_a_pending_action_outlives_a_crash_between_its_commit_and_the_kill(simulate, kind, state):
    sim = simulate(pools={"p": 1})
    run = sim.start(document([node("a", pool="p", lost_retries=0)]))
    sim.begin()
    command = ask(sim, run, kind)
    die_before_the_kill(sim)
    assert (command.done, command.outcome) == (True, None)
    sim.settle()
    assert run.attempts["a", 1]["state"] == "lost"
    if kind == "retry":
        assert (run.nodes["a"]["losses"], run.nodes["a"]["retries"]) == (0, 0)
        assert sim.executor.nodes == ["a"]
        sim.executor.begin()
        sim.settle()
    assert sim.states(run) == {"a": state}
    sim.finish()
    assert len(sim.executor.history) == (kind == "retry")
    assert max(number for _, number in run.attempts) == (2 if kind == "retry" else 1)
    assert run.nodes["a"]["error"] is None
    assert sim.state(run) == ("cancelled" if kind == "cancel_node" else "succeeded")
    assert sim.scheduler.core.memory.pools["p"].in_use == 0


@pytest.mark.parametrize("effect", ["before", "after"])
@pytest.mark.parametrize(("kind", "state"), ENDS.items())
def test_a_pending_action_whose_commit_failed_or_is_unknown_still_kills_the_attempt(simulate, kind, state, effect):
    sim = simulate()
    run = sim.start(document(["a"]))
    claim = sim.begin()
    command = ask(sim, run, kind)
    sim.store.fail = effect
    sim.settle()
    assert command.done
    assert sim.executor.killing == {claim: "cancelled"}
    sim.end(claim, "cancelled")
    if kind == "retry":
        sim.executor.begin()
        sim.settle()
    assert sim.states(run) == {"a": state}
    sim.finish()
    assert len(run.attempts) == (2 if kind == "retry" else 1)


@pytest.mark.parametrize(("kind", "state"), [("cancel_node", "cancelled"), ("skip", "skipped")])
@pytest.mark.parametrize("how", ["before", "after", "crash"])
def test_a_node_that_was_sent_and_has_not_started_does_not_start_any_more(simulate, kind, state, how):
    sim = simulate()
    run = sim.launch(document(["a"]))
    assert sim.executor.nodes == ["a"]
    command = ask(sim, run, kind)
    if how == "crash":
        die_before_the_kill(sim)
    else:
        sim.store.fail = how
    sim.settle()
    assert command.done
    assert (sim.states(run), run.attempts, sim.executor.nodes) == ({"a": state}, {}, [])


def test_a_pending_action_is_about_one_attempt_only(simulate):
    sim = simulate()
    run = sim.start(document([node("a", lost_retries=1)]))
    sim.begin()
    ask(sim, run, "retry")
    die_before_the_kill(sim)
    for losses in (0, 1):
        sim.settle()
        assert run.nodes["a"]["losses"] == losses
        sim.begin()
        sim.crash()
    sim.settle()
    assert sim.states(run) == {"a": "failed"}
    assert [row["state"] for row in run.attempts.values()] == ["lost"] * 3


def test_of_several_pending_actions_the_last_one_outlives_the_crash(simulate):
    sim = simulate()
    run = sim.start(document(["a"]))
    sim.begin()
    for kind in ("cancel_node", "retry", "skip"):
        ask(sim, run, kind)
        sim.settle()
    sim.crash()
    sim.finish()
    assert sim.states(run) == {"a": "skipped"}


def test_an_attempt_that_succeeded_before_the_scheduler_died_stays_so(simulate):
    sim = simulate()
    run = sim.start(document(["a", "b"], "a>b"))
    claim = sim.begin()
    ask(sim, run, "cancel_node")
    sim.tick()
    sim.executor.end(claim)
    sim.tick()
    sim.crash()
    sim.finish()
    assert sim.states(run) == {"a": "succeeded", "b": "succeeded"}


def test_the_end_of_a_run_outlives_a_crash_between_its_commit_and_the_kill(simulate):
    sim = simulate(processes=2)
    run = sim.start(document(["a", "b", "c"], "a>c"))
    sim.begin()
    command = ask(sim, run, "cancel")
    die_before_the_kill(sim)
    assert command.done
    sim.finish()
    assert sim.state(run) == "cancelled"
    assert set(sim.states(run).values()) == {"cancelled"}
    assert sim.executor.history == []
    assert run.nodes["a"]["error"] is None


def test_rows_of_nodes_are_written_without_pending_actions(simulate):
    """The column is written by a statement of its own: rows of nodes do not carry it."""
    from engine.scheduler.rows import NODE_COLUMNS

    sim = simulate()
    run = sim.start(document(["a"]))
    sim.finish()
    assert run.nodes["a"]["pending_action"] is None
    assert "pending_action" not in NODE_COLUMNS


def test_a_pending_action_is_read_as_it_was_stored_and_only_for_its_attempt():
    for action in PendingAction:
        assert PendingAction.from_stored(action.stored("c1"), "c1") is action
        assert PendingAction.from_stored(action.stored("c1"), "c2") is None
    # An earlier release splits at the blank, and fails at an action that it does not know.
    assert " " not in PendingAction.RESET.stored("c1")
