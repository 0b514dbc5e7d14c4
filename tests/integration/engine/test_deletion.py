"""Ended runs are deleted many at a time, and nothing but them."""

from pathlib import Path

import pytest

from engine import clock
from engine.actions import deletion, runs
from engine.artifacts import artifacts_of
from engine.models import Attempt, EventBatch, LogBatch, NodeRun, Run, Sample
from tests.support.factories import chain
from tests.support.supervised import config

pytestmark = pytest.mark.django_db
LINES = 7


@pytest.fixture
def store(settings, tmp_path: Path):
    settings.INTERLOCK = config(tmp_path)
    return artifacts_of(settings.INTERLOCK)


def ended(nodes: int = 2, artifact: str = "") -> Run:
    """A failed run with rows of every kind."""
    run = runs.start(runs.store_definition(chain(nodes)), by="me", workflow="w")
    run.state, run.finished_at = "failed", clock.now()
    run.save()
    now = clock.now()
    for number in range(nodes):
        node = f"n{number}"
        NodeRun.objects.create(
            run=run, node=node, state="failed", ready_at=now, artifact=artifact if not number else ""
        )
        Attempt.objects.create(
            run=run, node=node, number=1, state="failed", claim=f"{run.pk}-{node}", pid=1, ready_at=now, started_at=now
        )
        Sample.objects.create(run=run, node=node, attempt=1, at=now, cpu_percent=1.0)
        for seq in range(number * LINES, (number + 1) * LINES):
            LogBatch.objects.create(run=run, node=node, attempt=1, first_seq=seq, last_seq=seq, body="[]")
    EventBatch.objects.create(run=run, first_seq=1, last_seq=1, body="[]")
    return run


def left() -> dict[str, set[int]]:
    kinds = (NodeRun, Attempt, EventBatch, LogBatch, Sample)
    found = {model.__name__: set(model.objects.values_list("run_id", flat=True)) for model in kinds}
    return {"Run": set(Run.objects.values_list("pk", flat=True)), **found}


def test_ended_runs_are_deleted_with_all_their_rows_and_running_ones_stay(store) -> None:
    old, again, other = [ended() for _ in range(5)], ended(), ended()
    Run.objects.filter(pk=again.pk).update(state="running")
    assert deletion.delete_many([*old, again]) == 5
    assert set(map(frozenset, left().values())) == {frozenset({again.pk, other.pk})}
    assert deletion.delete_many(old) == 0


def test_the_number_of_statements_does_not_grow_with_the_number_of_runs(store, django_assert_max_num_queries) -> None:
    found = [ended() for _ in range(40)]
    with django_assert_max_num_queries(30):
        assert deletion.delete_many(found) == 40


def test_a_transaction_deletes_a_bounded_number_of_nodes_or_one_large_run(monkeypatch) -> None:
    monkeypatch.setattr(deletion, "NODES_AT_ONCE", 10)
    monkeypatch.setattr(deletion, "_thin", lambda ids: None)
    groups: list[int] = []

    def note(ids: list[int]) -> int:
        groups.append(len(ids))
        return len(ids)

    monkeypatch.setattr(deletion, "_delete", note)
    assert deletion.delete_many(Run(pk=n, counts={"failed": nodes}) for n, nodes in enumerate([4, 6, 1, 25, 5, 5])) == 6
    assert groups == [2, 1, 1, 2]


def test_many_log_lines_are_deleted_first_and_in_slices(store, monkeypatch) -> None:
    monkeypatch.setattr(deletion, "SLICE", 10)
    found = [ended() for _ in range(3)]
    deletion._thin([run.pk for run in found])
    assert LogBatch.objects.count() == 3 * 2 * LINES % 10
    assert Sample.objects.count() == 6
    assert deletion.delete_many(found) == 3
    assert not LogBatch.objects.exists()


def test_an_artifact_is_deleted_with_the_last_run_that_names_it(store, django_capture_on_commit_callbacks) -> None:
    names = [store.put_bytes(b"one"), store.put_bytes(b"shared")]
    found, last = [ended(artifact=name) for name in names], ended(artifact=names[1])
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete_many(found)
    assert [store.stored_at(name) is None for name in names] == [True, False]
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete_many([last])
    assert store.stored_at(names[1]) is None
