"""Stacks, timeline, samples and a node's history in the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from engine import clock
from engine.models import Attempt, Command, NodeRun, Run, Sample, Stack
from engine.shapes import iso, micros
from tests.support import run_rows
from tests.support.api import Api
from tests.support.documents import chain

FRAME = {"file": "node.py", "line": 2, "function": "main", "source": "    time.sleep(60)", "author": True}
THREAD = {"id": 7, "name": "MainThread", "waits_on": {"kind": "sleep", "message": "sleeps"}, "frames": [FRAME]}
BODY: dict[str, Any] = {
    "samples": [{"at": "2026-11-24T08:00:00.000000Z", "threads": [THREAD]}],
    "children": [{"pid": 12, "command": "sleep 60", "state": "S", "cpu_seconds": 0.1, "since": None}],
    "moves": False,
    "cpu_percent": 0.5,
    "pid": 11,
}


@pytest.fixture
def api(editor: Api) -> Api:
    editor.post("workflows/", {"name": "One"})
    editor.post("workflows/one/versions/", {"definition": chain("a", "b"), "message": ""})
    return editor


def start(api: Api) -> Run:
    return Run.objects.get(pk=int(api.post("workflows/one/runs/").json["id"]))


def running(api: Api, **more: Any) -> Run:
    """A run whose node `a` runs in its first attempt."""
    run = start(api)
    now = clock.now()
    Run.objects.filter(pk=run.pk).update(state="running", started_at=now)
    row = {"ready_at": now, "started_at": now, **more}
    NodeRun.objects.create(run=run, node="a", state="running", attempt=1, claim="c", **row)
    Attempt.objects.create(run=run, node="a", number=1, state="running", claim="c", worker="w", pid=11, **row)
    run.refresh_from_db()
    return run


def store_stack(run: Run, taken_at: datetime, why: str = "asked", attempt: int = 1, **body: Any) -> Stack:
    return Stack.objects.create(run=run, node="a", attempt=attempt, taken_at=taken_at, why=why, body={**BODY, **body})


def ago(seconds: float) -> datetime:
    return clock.now() - timedelta(seconds=seconds)


# Stacks


def test_a_node_that_does_not_run_returns_its_last_stacks(api: Api) -> None:
    run = run_rows.ended(start(api).pk, "failed", a="failed", b="upstream_failed")
    missing = api.get(f"runs/{run.pk}/nodes/a/stack/")
    assert (missing.status, missing.code) == (404, "no_stack")
    store_stack(run, ago(20), "stuck")
    last = store_stack(run, ago(10), "hard_timeout")
    store_stack(run, ago(30), "soft_timeout")
    answer = api.get(f"runs/{run.pk}/nodes/a/stack/")
    assert answer.status == 200
    assert answer.json == {**BODY, "why": "hard_timeout", "attempt": 1, "taken_at": iso(micros(last.taken_at))}
    assert api.get(f"runs/{run.pk}/nodes/b/stack/").code == "no_stack"
    assert api.get(f"runs/{run.pk}/nodes/zz/stack/").code == "not_found"
    assert not Command.objects.filter(kind="stack").exists()


def test_stacks_of_the_last_second_are_returned_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    run = running(api)
    store_stack(run, ago(0.9), "stuck")
    assert api.get(f"runs/{run.pk}/nodes/a/stack/").json["why"] == "stuck"
    assert not Command.objects.filter(kind="stack").exists()


def test_missing_stacks_are_a_503_and_old_ones_are_not_returned(api: Api) -> None:
    run = running(api)
    store_stack(run, ago(3))
    store_stack(run, ago(0.1), attempt=2)
    answer = api.get(f"runs/{run.pk}/nodes/a/stack/")
    assert (answer.status, answer.code) == (503, "no_answer")
    assert Command.objects.filter(kind="stack", run=run, node="a", by="editor-person").count() == 1


# Timeline


def test_the_timeline_has_a_bar_for_each_attempt_and_for_the_next_one(api: Api) -> None:
    run = running(api, ready_at=ago(9), started_at=ago(5))
    now = clock.now()
    NodeRun.objects.create(
        run=run, node="b", state="retrying", attempt=1, retry_at=now + timedelta(seconds=9), finished_at=now,
        ready_at=ago(3),
    )  # fmt: skip
    Attempt.objects.create(
        run=run, node="b", number=1, state="failed", claim="d", worker="w", pid=1, ready_at=ago(3), started_at=ago(2),
        finished_at=now,
    )  # fmt: skip
    found = api.get(f"runs/{run.pk}/timeline/").json
    assert (found["run_id"], found["to"], found["next"]) == (str(run.pk), None, None)
    assert found["from"] == iso(micros(run.started_at or now))
    assert [(bar["node"], bar["attempt"], bar["state"]) for bar in found["bars"]] == [
        ("a", 1, "running"),
        ("b", 1, "failed"),
        ("b", 2, "retrying"),
    ]
    first, second, third = found["bars"]
    assert first["waiting_from"] < first["started_at"] <= found["now"]
    assert (first["finished_at"], first["retry_at"]) == (None, None)
    assert second["finished_at"] == iso(micros(now))
    assert (third["waiting_from"], third["started_at"]) == (iso(micros(now)), None)
    assert third["retry_at"] == iso(micros(now + timedelta(seconds=9)))


def test_a_ready_node_waits_in_the_timeline(api: Api) -> None:
    run = start(api)
    NodeRun.objects.create(run=run, node="a", state="ready", ready_at=ago(4))
    (bar,) = api.get(f"runs/{run.pk}/timeline/").json["bars"]
    assert (bar["state"], bar["attempt"], bar["started_at"]) == ("ready", 1, None)
    assert bar["waiting_from"] is not None


def test_a_long_timeline_comes_in_parts_that_make_up_the_whole(api: Api) -> None:
    run = run_rows.ended(start(api).pk, "failed")
    run_rows.node_run(run, "a", "failed", attempts=5)
    run_rows.node_run(run, "b", "failed", attempts=4)
    whole = api.get(f"runs/{run.pk}/timeline/").json
    assert len(whole["bars"]) == 9
    assert whole["to"] is not None
    found: list[Any] = []
    url: str | None = f"runs/{run.pk}/timeline/?limit=2"
    while url is not None:
        part = api.get(url).json
        assert len(part["bars"]) <= 2
        found += part["bars"]
        url = part["next"]
    assert found == whole["bars"]
    for wrong in ("x", "a:", "A:1", "a:1;", "a:99999999999"):
        assert api.get(f"runs/{run.pk}/timeline/?after={wrong}").code == "bad_parameter"


def test_the_timeline_takes_two_queries_for_any_number_of_attempts(api: Api, django_assert_num_queries: Any) -> None:
    from engine.reads.timeline import timeline

    run = run_rows.ended(start(api).pk, "failed")
    run_rows.node_run(run, "a", "failed", attempts=30)
    with django_assert_num_queries(2):
        timeline(run)


# History


def test_history_is_this_node_in_the_runs_of_its_workflow(api: Api) -> None:
    first = run_rows.ended(start(api).pk, "succeeded", a="succeeded", b="succeeded")
    NodeRun.objects.filter(run=first, node="a").update(started_at=ago(10), finished_at=ago(8), expected=1.5)
    draft = run_rows.ended(start(api).pk, "succeeded", a="succeeded")
    Run.objects.filter(pk=draft.pk).update(draft=True, version=None)
    other = run_rows.ended(start(api).pk, "succeeded", a="succeeded")
    Run.objects.filter(pk=other.pk).update(workflow="other")
    run = running(api)
    found = api.get(f"runs/{run.pk}/nodes/a/history/").json
    assert found["next"] is None
    assert [(entry["run"], entry["version"], entry["state"]) for entry in found["results"]] == [
        (str(run.pk), 1, "running"),
        (str(first.pk), 1, "succeeded"),
    ]
    assert found["results"][0]["seconds"] is None
    assert found["results"][1]["seconds"] == pytest.approx(2, abs=0.5)
    assert found["results"][1]["expected"] == 1.5
    assert [entry["run"] for entry in api.get(f"runs/{run.pk}/nodes/b/history/").json["results"]] == [str(first.pk)]


def test_history_comes_in_pages_of_fifty_with_few_queries(api: Api, django_assert_max_num_queries: Any) -> None:
    from engine.reads.history import node_history

    run = start(api)
    for _ in range(120):
        past = Run.objects.create(
            definition=run.definition, workflow="one", version=1, state="succeeded", created_at=clock.now()
        )
        run_rows.node_run(past, "a", "succeeded")
    everything = api.all(f"runs/{run.pk}/nodes/a/history/?limit=999")
    assert len(everything) == 120
    assert [int(entry["run"]) for entry in everything] == sorted((int(e["run"]) for e in everything), reverse=True)
    assert len(api.get(f"runs/{run.pk}/nodes/a/history/").json["results"]) == 50
    assert len(api.get(f"runs/{run.pk}/nodes/a/history/?limit=7").json["results"]) == 7
    with django_assert_max_num_queries(3):
        node_history(run, "a")


# Samples


def test_samples_are_the_last_ones_of_the_newest_attempt_oldest_first(api: Api) -> None:
    run = running(api)
    assert api.get(f"runs/{run.pk}/nodes/b/samples/").json == {"results": [], "next": None}
    begin = ago(500)
    for number in range(310):
        Sample.objects.create(
            run=run, node="a", attempt=1, at=begin + timedelta(seconds=number), cpu_percent=float(number), io_bytes=1
        )
    Sample.objects.create(run=run, node="a", attempt=2, at=clock.now())
    found = api.get(f"runs/{run.pk}/nodes/a/samples/").json["results"]
    assert [sample["cpu_percent"] for sample in found] == [float(number) for number in range(10, 310)]
    assert found[0] == {
        "attempt": 1,
        "at": iso(micros(begin + timedelta(seconds=10))),
        "cpu_percent": 10.0,
        "memory_bytes": None,
        "io_wait": None,
        "io_bytes": 1,
        "network_bytes": None,
        "network_scope": "not_determined",
    }
    assert len(api.get(f"runs/{run.pk}/nodes/a/samples/?limit=2").json["results"]) == 2
    assert api.get(f"runs/{run.pk}/nodes/zz/samples/").code == "not_found"
