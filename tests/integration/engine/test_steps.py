"""Steps of a run, read backwards from its event batches."""

import json
from typing import Any

import pytest

from engine.actions import runs
from engine.models import EventBatch, Run
from engine.reads import steps
from tests.support.factories import chain

pytestmark = pytest.mark.django_db

AT = 1_700_000_000_000_000


def made() -> Run:
    return runs.start(runs.store_definition(chain(3)), workflow="w", by="me")


def batch(run: Run, *stored: list[Any]) -> None:
    EventBatch.objects.create(run=run, first_seq=stored[0][0], last_seq=stored[-1][0], body=json.dumps(stored))


def node(seq: int, state: str, attempt: int = 0, id: str = "n0", **fields: Any) -> list[Any]:
    return [seq, AT + seq, "n", id, {"s": state, "a": attempt, **fields}]


def of_run(seq: int, state: str) -> list[Any]:
    return [seq, AT + seq, "r", {"s": state, "c": {}}]


def said(found: list[steps.Step]) -> list[tuple[int, str, str | None, str]]:
    return [(step.seq, step.node, step.before, step.to) for step in found]


def test_a_step_has_the_state_before_it_even_across_batches():
    run = made()
    batch(run, of_run(1, "running"), node(2, "ready"))
    # 3 to 5 are log lines.
    batch(run, node(6, "running", 1), [7, AT, "p", "n0", 0.5, "half"])
    error = {"class": "ValueError", "message": "no"}
    batch(run, node(8, "failed", 1, e=error), of_run(9, "failed"))
    found, before = steps.read(run.pk)
    assert said(found) == [
        (1, "", None, "running"),
        (2, "n0", "pending", "ready"),
        (6, "n0", "ready", "running"),
        (8, "n0", "running", "failed"),
        (9, "", "running", "failed"),
    ]
    assert before is None
    assert found[3].error == error
    assert found[0].at == "2023-11-14T22:13:20.000001Z"


def test_an_event_without_a_new_state_or_attempt_is_no_step():
    run = made()
    batch(run, node(1, "ready"), node(2, "running", 1), node(3, "running", 1, p={"fraction": 0.5}))
    batch(run, node(4, "running", 2))
    assert [(step.seq, step.attempt) for step in steps.read(run.pk)[0]] == [(1, 0), (2, 1), (4, 2)]


def test_pages_join_without_a_gap_and_each_step_comes_once():
    run = made()
    states = ["ready", "running", "retrying", "ready", "running", "succeeded"]
    for seq in range(1, 241, 3):
        batch(run, *(node(seq + i, states[(seq + i) % 6], 1, f"n{(seq + i) % 3}") for i in range(3)))
    whole, before = steps.read(run.pk, limit=1000)
    assert before is None
    paged: list[steps.Step] = []
    following: int | None = None
    for _ in range(100):
        found, following = steps.read(run.pk, following, 7)
        assert len(found) <= 7
        paged = found + paged
        if following is None:
            break
    assert said(paged) == said(whole)


def test_only_the_steps_of_one_node_are_read_however_far_apart_they_are(monkeypatch):
    monkeypatch.setattr(steps, "BATCHES_MAX", 5)
    monkeypatch.setattr(steps, "BATCHES", 2)
    run = made()
    batch(run, node(1, "ready", id="n1"))
    for seq in range(2, 30):
        batch(run, node(seq, "ready", seq, "n0"))
    batch(run, node(30, "running", 1, id="n1"))
    found, before = steps.read(run.pk, node="n1")
    assert said(found) == [(30, "n1", None, "running")]
    # The page is short, and says where to go on.
    assert before is not None
    while before is not None:
        found, before = steps.read(run.pk, before, node="n1")
    assert said(found) == [(1, "n1", "pending", "ready")]


def test_the_state_before_the_first_stored_event_is_unknown():
    run = made()
    batch(run, node(40, "running", 1))
    assert said(steps.read(run.pk)[0]) == [(40, "n0", None, "running")]
    assert steps.read(run.pk)[1] is None


def test_a_run_without_events_has_no_steps():
    assert steps.read(made().pk) == ([], None)
