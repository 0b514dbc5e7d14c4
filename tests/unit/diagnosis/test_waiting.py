from datetime import timedelta

import pytest

from engine.admission.conditions import WaitingCondition
from engine.diagnosis.facts import Blocker, DrainingWorker, UpstreamRoot
from engine.diagnosis.finding import Finding
from engine.diagnosis.rules import diagnosis
from engine.states import HostReason
from tests.unit.diagnosis.made import NOW, ago, facts, holder, pool, running, waiting


def found(*things: object, **more: object) -> list[Finding]:
    return list(diagnosis(facts(*things, **more)).findings)  # type: ignore[arg-type]


def test_a_full_pool_names_who_holds_it_since_when_and_how_many_slots_help() -> None:
    (one,) = found(waiting("pool", pool=pool(holder(), slots=1)))
    assert one.code == "pool_full"
    assert str(one.message) == (
        '"Export" waits for pool warehouse: node "hold" of run 815 has held its only slot for 14 m.'
    )
    first = one.evidence[0]
    assert (first.kind, first.value, first.unit, first.pid) == ("pool", 840, "seconds", 3381)
    assert first.at == "2026-11-24T09:30:00.000000Z"
    add, cancel_node, cancel_run, skip, _ = one.actions
    assert (add.method, add.path, add.body) == ("PATCH", "/api/v1/pools/warehouse/", {"slots": 2})
    assert cancel_node.path == "/api/v1/runs/815/nodes/hold/cancel/"
    assert cancel_run.path == "/api/v1/runs/815/cancel/"
    assert skip.path == "/api/v1/runs/812/nodes/export/skip/"


def test_the_offered_number_of_slots_is_exactly_what_is_needed() -> None:
    (one,) = found(waiting("pool_line", pool=pool(holder(slots=3), slots=4, wanted=2, ahead=3)))
    assert one.actions[0].body == {"slots": 8}
    assert str(one.actions[0].label) == "Add 4 slots to warehouse"
    assert "behind other nodes, which wait for 3 slots" in str(one.message)


def test_a_node_that_waits_for_its_own_run_has_no_finding() -> None:
    own = pool(holder(run=812, seconds=3))
    assert found(waiting("pool", pool=own)) == []
    assert [one.code for one in found(waiting("pool", pool=own), requested_node="export")] == ["pool_full"]
    assert [one.code for one in found(waiting("pool", pool=pool(holder(run=812, is_stuck=True))))] == ["pool_full"]
    assert [one.code for one in found(waiting("pool", seconds=31, pool=own))] == ["pool_full"]


def test_of_several_holders_of_a_pool_the_stuck_one_is_named() -> None:
    (one,) = found(waiting("pool", pool=pool(holder(1, "a", 900), holder(2, "b", 100, is_stuck=True), slots=2)))
    assert 'by node "b" of run 2' in str(one.message)
    assert "is stuck" in str(one.evidence[0].message)


def test_many_nodes_that_wait_for_one_pool_are_one_finding() -> None:
    (one,) = found(*[waiting("pool", f"n{n}", pool=pool(holder())) for n in range(5)])
    assert one.node == "n0"
    assert str(one.evidence[-1].message) == "4 more nodes of this run wait for the same"
    (one,) = found(*[waiting("pool", f"n{n}", pool=pool(holder())) for n in range(2)])
    assert str(one.evidence[-1].message) == "1 more node of this run waits for the same"


def test_a_missing_pool_can_be_created_by_an_action() -> None:
    (one,) = found(waiting("pool_missing", pool=pool(slots=None, wanted=2)))
    assert one.code == "pool_missing"
    assert (one.actions[0].method, one.actions[0].path) == ("POST", "/api/v1/pools/")
    assert one.actions[0].body == {"name": "warehouse", "slots": 2}


def test_a_pool_that_is_too_small_can_be_resized_by_an_action() -> None:
    (one,) = found(waiting("pool_too_small", pool=pool(slots=2, wanted=5)))
    assert one.code == "pool_too_small"
    assert one.actions[0].body == {"slots": 5}


def test_a_waiting_retry_can_be_started_now_by_an_action() -> None:
    (one,) = found(
        waiting(
            "retry_delay",
            state="retrying",
            attempt=2,
            retries=2,
            retry_at=NOW + timedelta(seconds=40),
            failed_at=ago(4),
            error={"class": "ValueError", "message": "bad\nworse", "line": 3},
            pid=77,
        )
    )
    assert one.code == "retry_delay"
    assert str(one.message) == '"Export" failed and will be retried in 40 s: ValueError in line 3, bad.'
    assert one.evidence[0].pid == 77
    assert (one.actions[0].path, one.actions[0].body) == ("/api/v1/runs/812/nodes/export/retry/", {})


def test_a_run_limit_is_a_finding_only_behind_a_stuck_node() -> None:
    wait = waiting("run_limit")
    assert found(wait, running(seconds=3)) == []
    codes = [one.code for one in found(wait, running(seconds=300))]
    assert "run_limit" in codes
    wait = waiting("run_limit", conditions=[WaitingCondition("run_limit", {"max_concurrent": 1}, None)])
    (limit,) = [one for one in found(wait, running(seconds=300)) if one.code == "run_limit"]
    assert str(limit.message) == '"Export" waits for another node of this run to end: at most 1 may run at once.'
    (asked,) = found(wait, running(seconds=3), requested_node="export")
    assert 'Node "load" (process 41207) has been running since' in str(asked.evidence[0].message)


@pytest.mark.parametrize("code", ["run_queued", "workflow_limit"])
def test_a_queued_run_names_the_run_that_is_ahead(code: str) -> None:
    (one,) = found(
        waiting(code, state="pending"), state="queued", max_runs=1, competing_runs=[Blocker(799, "", ago(600))]
    )
    assert one.code == "workflow_limit"
    assert "run 799 has been running for 10 m" in str(one.message)
    assert one.actions[0].path == "/api/v1/runs/799/cancel/"


def test_a_run_that_was_just_queued_has_no_finding() -> None:
    fresh = facts(waiting("run_queued", state="pending"), state="queued")
    assert diagnosis(fresh).findings != []
    from dataclasses import replace

    assert diagnosis(replace(fresh, created_at=ago(0.5))).findings == []


def test_occupied_processes_of_another_run_are_named() -> None:
    others = [holder(1, "a", 60), holder(2, "b", 30)]
    (one,) = found(waiting("worker"), occupants=others, processes=2)
    assert one.code == "no_worker"
    assert 'all 2 are occupied, the longest by node "a" of run 1 for 1 m' in str(one.message)
    assert one.actions[0].path == "/api/v1/runs/1/nodes/a/cancel/"
    # Processes that come free all the time are no cause.
    assert found(waiting("worker"), occupants=[*others[:1], holder(2, "b", 0.1)], processes=2) == []
    # The run's own nodes queue behind each other.
    assert found(waiting("worker"), occupants=[holder(812, "a"), holder(812, "b")], processes=2) == []


def test_a_queue_that_no_worker_takes_is_named_with_the_command_that_starts_one() -> None:
    said = [WaitingCondition("queue", {"queue": "gpu"}, None)]
    one, other = (waiting("queue", name, conditions=said, queue="gpu") for name in ("a", "b"))
    third = waiting("queue", "c", conditions=said, queue="tpu")
    first, second = found(one, other, third)
    assert first.code == second.code == "no_queue_worker"
    assert str(first.message) == '"A" waits for a worker: none serves the queue gpu.'
    assert str(first.evidence[0].message).endswith(": celery -A engine worker -Q gpu")
    assert str(first.evidence[-1].message) == "1 more node of this run waits for the same"
    assert [action.path for action in first.actions] == ["/api/v1/runs/812/nodes/a/cancel/"]
    assert str(second.message) == '"C" waits for a worker: none serves the queue tpu.'


def test_a_queue_whose_workers_get_no_work_names_them_and_what_to_do() -> None:
    said = [WaitingCondition("queue", {"queue": "gpu"}, None)]
    wait = waiting("queue", "a", conditions=said, queue="gpu")
    old, rests = (
        DrainingWorker("old@one", ["gpu"], HostReason.OTHER_RELEASE),
        DrainingWorker("rests@two", ["gpu", "x"], HostReason.DRAIN_REQUESTED),
    )
    elsewhere = DrainingWorker("far@three", ["default"], HostReason.OTHER_RELEASE)
    (one,) = found(wait, draining=[old, elsewhere])
    assert str(one.message) == (
        '"A" waits for a worker: those that serve the queue gpu run another release than the scheduler.'
    )
    assert [str(evidence.message) for evidence in one.evidence[:2]] == [
        "Worker old@one runs another release than the scheduler: upgrade both to the same release and restart it",
        "Start a worker on any host, with the environment of this installation: celery -A engine worker -Q gpu",
    ]
    (one,) = found(wait, draining=[old, rests])
    assert str(one.message) == '"A" waits for a worker: none serves the queue gpu.'
    assert str(one.evidence[1].message) == (
        "Worker rests@two serves this queue but is draining: resume it on the Resources page"
    )


def test_nodes_that_wait_for_upstream_nodes_name_the_root_of_the_wait() -> None:
    stuck = UpstreamRoot("load", "Load", "running", ago(100), True, 4)
    (one,) = found(
        waiting("upstream", "a", state="pending", root=stuck), waiting("upstream", "b", state="pending", root=stuck)
    )
    assert one.code == "upstream"
    assert str(one.message) == '"A" waits for "Load", which is stuck.'
    calm = UpstreamRoot("load", "Load", "running", ago(3), False, 4)
    assert found(waiting("upstream", state="pending", root=calm)) == []
    (asked,) = found(waiting("upstream", state="pending", root=calm), requested_node="export")
    assert str(asked.message) == '"Export" waits for "Load", which has been running for 3 s.'


def test_a_missing_scheduler_is_the_first_finding() -> None:
    one, *_ = found(waiting("pool", pool=pool(holder())), beat_age=12.0, scheduler_pid=9)
    assert one.code == "no_scheduler"
    assert "not responded for 12 s" in str(one.message)
    assert (one.evidence[0].value, one.evidence[0].pid) == (12.0, 9)
    assert found(beat_age=None)[0].code == "no_scheduler"
    assert found(state="succeeded", beat_age=None) == []


def test_a_paused_run_has_a_finding() -> None:
    assert found(state="paused")[0].code == "paused"
