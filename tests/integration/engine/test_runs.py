"""The verbs: what they write, and what they refuse."""

import time
from typing import Any

import pytest
from django.db import transaction

from engine import clock
from engine.actions import deletion, pools, runs
from engine.errors import AlreadyExists, InUse, InvalidValue, NotFound, WrongState
from engine.models import Command, Definition, Leader, NodeRun, Run
from engine.reads import queries
from tests.support.factories import chain, document, node

pytestmark = pytest.mark.django_db


def made(doc=None, **given) -> Run:
    given.setdefault("workflow", "w")
    return runs.start(runs.store_definition(doc or chain(3)), by="me", **given)


def put(run: Run, name: str, state: str, **fields) -> NodeRun:
    return NodeRun.objects.create(run=run, node=name, state=state, ready_at=clock.now(), **fields)


def ended(run: Run, state: str = "failed") -> Run:
    run.state, run.finished_at = state, clock.now()
    run.save()
    return run


def test_a_start_writes_one_run_and_one_command_and_no_node_rows():
    run = made(priority=2, inputs={"month": 3})
    assert (run.state, run.counts, run.priority, run.inputs) == ("queued", {"pending": 3}, 2, {"month": 3})
    command = Command.objects.get()
    assert (command.kind, command.run_id, command.done_at) == ("start", run.pk, None)
    assert not NodeRun.objects.exists()


def test_the_documents_priority_is_the_runs():
    assert made(chain(1, priority=3)).priority == 3
    assert made(chain(1)).priority == 5


def test_one_content_is_one_definition():
    assert runs.store_definition(chain(2)).pk == runs.store_definition(chain(2)).pk
    assert Definition.objects.count() == 1


def test_a_start_that_is_undone_leaves_nothing(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
        made()
        transaction.set_rollback(True)
    assert callbacks == []
    assert not Run.objects.exists()


def test_cancel_is_asked_for_once_and_refused_when_the_run_is_over():
    run = made()
    runs.cancel(run, by="ann")
    runs.cancel(run, by="bob")
    assert Command.objects.filter(kind="cancel").count() == 1
    run.refresh_from_db()
    assert run.cancel_requested_by == "ann"
    ended(run)
    with pytest.raises(WrongState) as caught:
        runs.cancel(run, by="me")
    assert caught.value.code == "wrong_state"
    assert "failed" in str(caught.value)


def test_a_retry_without_nodes_needs_something_that_failed():
    run = ended(made(), "succeeded")
    put(run, "n0", "succeeded")
    with pytest.raises(WrongState):
        runs.retry(run, by="me")
    put(run, "n1", "timed_out")
    runs.retry(run, by="me")
    assert Command.objects.get(kind="retry").body == {"nodes": None, "from": "checkpoint", "policy": {}}


@pytest.mark.parametrize("state", ["succeeded", "skipped", "pending", "ready"])
def test_a_node_that_has_nothing_to_retry_is_refused(state):
    run = made()
    put(run, "n0", state)
    with pytest.raises(WrongState):
        runs.retry_node(run, "n0", by="me")


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled", "upstream_failed", "running", "retrying"])
def test_a_node_is_retried_from_each_state_that_allows_it(state):
    run = made()
    put(run, "n0", state)
    runs.retry_node(run, "n0", from_="start", by="me")
    assert Command.objects.get(kind="retry").body["from"] == "start"


def test_an_invalid_retry_is_refused_with_its_path():
    run = made()
    put(run, "n0", "failed")
    pools.create("p", 2)
    with pytest.raises(NotFound):
        runs.retry(run, nodes=["nope"], by="me")
    with pytest.raises(NotFound):
        runs.retry(run, policy={"nope": {}}, by="me")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"retries": 3}, "policy.n0.retries"),
        ({"soft_timeout": 0}, "policy.n0.soft_timeout"),
        ({"soft_timeout": True}, "policy.n0.soft_timeout"),
        ({"soft_timeout": 20, "hard_timeout": 10}, "policy.n0.hard_timeout"),
        ({"memory_mb": -1}, "policy.n0.memory_mb"),
        ({"pool": "none"}, "policy.n0.pool"),
        ({"pool": "p", "slots": 3}, "policy.n0.slots"),
    ]
    for policy, path in wrong:
        with pytest.raises(InvalidValue) as caught:
            runs.retry(run, policy={"n0": policy}, by="me")
        assert caught.value.path == path
    with pytest.raises(InvalidValue):
        runs.retry(run, from_="middle", by="me")
    assert not Command.objects.filter(kind="retry").exists()


def test_a_longer_soft_limit_raises_the_hard_one():
    run = made()
    put(run, "n0", "failed")
    runs.retry(run, policy={"n0": {"soft_timeout": 2000}}, by="me")
    assert Command.objects.get(kind="retry").body["policy"] == {"n0": {"soft_timeout": 2000, "hard_timeout": 4000}}


def asked(run, **policy):
    """The limits that a retry of n0 with this policy asks for."""
    runs.retry(run, policy={"n0": policy}, by="me")
    return Command.objects.filter(kind="retry").latest("pk").body["policy"]["n0"]


def test_a_hard_limit_below_the_soft_one_lowers_the_soft_one():
    run = made()
    put(run, "n0", "failed")
    assert asked(run, hard_timeout=30) == {"soft_timeout": 30, "hard_timeout": 30}
    assert asked(run, hard_timeout=400) == {"hard_timeout": 400}


def test_a_soft_limit_lowered_with_the_hard_one_rises_with_it_again():
    run = made()
    put(run, "n0", "failed")
    Run.objects.filter(pk=run.pk).update(altered={"n0": {"soft_timeout": 30, "hard_timeout": 30}})
    run.refresh_from_db()
    assert asked(run, hard_timeout=900) == {"hard_timeout": 900}
    assert asked(run, hard_timeout=100) == {"soft_timeout": 100, "hard_timeout": 100}
    Run.objects.filter(pk=run.pk).update(altered={"n0": {"soft_timeout": 700, "hard_timeout": 1400}})
    run.refresh_from_db()
    assert asked(run, hard_timeout=800) == {"soft_timeout": 700, "hard_timeout": 800}


def test_a_node_that_has_ended_cannot_be_cancelled():
    run = made()
    put(run, "n0", "succeeded")
    with pytest.raises(WrongState):
        runs.cancel_node(run, "n0", by="me")
    with pytest.raises(NotFound):
        runs.cancel_node(run, "nope", by="me")
    runs.cancel_node(run, "n2", by="me")
    assert Command.objects.get(kind="cancel_node").node == "n2"


def test_a_run_that_is_not_over_is_not_deleted():
    run = made()
    with pytest.raises(WrongState):
        deletion.delete(run)
    deletion.delete(ended(run))
    assert not Run.objects.exists()
    assert not Command.objects.exists()
    with pytest.raises(NotFound):
        deletion.delete(run)


def test_pools_are_made_resized_and_deleted_and_the_scheduler_is_told():
    pools.create("disk", 2, by="me")
    assert queries.pool("disk") == {
        "name": "disk",
        "slots": 2,
        "in_use": 0,
        "waiting": 0,
        "acquired": 0,
        "released": 0,
        "longest_wait": 0.0,
        "holders": [],
    }
    with pytest.raises(AlreadyExists):
        pools.create("disk", 1)
    bad: list[tuple[str, Any]] = [("", 1), ("a b", 1), ("-a", 1), ("x" * 101, 1), ("ok", 0), ("ok", True), ("ok", "2")]
    for name, slots in bad:
        with pytest.raises(InvalidValue):
            pools.create(name, slots)
    assert pools.resize("disk", 5).slots == 5
    run = made(document([node("a", pool="disk")]))
    row = put(run, "a", "running", claim="c", pool="disk", slots=2)
    with pytest.raises(InUse):
        pools.delete("disk")
    assert queries.pool("disk")["in_use"] == 2
    assert queries.pools()[0]["holders"] == [{"run": str(run.pk), "node": "a", "slots": 2, "since": None}]
    row.delete()
    pools.delete("disk")
    for verb in (lambda: pools.delete("disk"), lambda: pools.resize("disk", 1), lambda: queries.pool("disk")):
        with pytest.raises(NotFound):
            verb()
    assert Command.objects.filter(kind="pool_changed").count() == 3


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those that were made: time passes in them alone, however long the machine takes."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(made))
    return made


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_a_retry_waits_until_the_scheduler_has_taken_it_up(pauses, monkeypatch):
    """Else a client that looks at the run after the answer would read the last try's end as that of the new one."""
    run = ended(made())
    put(run, "n0", "failed")
    Command.objects.all().delete()
    Leader.objects.create(pk=1, epoch=1, beat_at=clock.now())
    runs.retry(run, by="me")

    def take_up(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            Command.objects.update(done_at=clock.now())

    monkeypatch.setattr(time, "sleep", take_up)
    runs.wait_until_taken_up(run)
    assert len(pauses) == 3
    runs.wait_until_taken_up(run)
    assert len(pauses) == 3


@pytest.mark.django_db(transaction=True)
def test_a_retry_does_not_wait_without_a_scheduler_or_for_a_slow_one(pauses):
    run = ended(made())
    put(run, "n0", "failed")
    runs.retry(run, by="me")
    runs.wait_until_taken_up(run)
    assert pauses == []
    Leader.objects.create(pk=1, epoch=1, beat_at=clock.now())
    runs.wait_until_taken_up(run, seconds=1)
    assert 1 <= sum(pauses) < 1.1
    assert Command.objects.filter(kind="retry", done_at=None).exists()
