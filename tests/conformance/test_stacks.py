"""Stacks of running nodes, requested through the API while the engine works; limits that a retry changes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.db import connection

from dashboard.models import Role
from engine import policy
from engine.actions import deletion, runs
from engine.inspect import procfs
from engine.models import Attempt, Command, Sample, Stack
from engine.reads import logs, node_runs, queries
from tests.support.api import Answer, Api
from tests.support.effort import in_time
from tests.support.engine import Engine
from tests.support.factories import document, python
from tests.support.openapi import contract
from tests.support.people import person

pytestmark = pytest.mark.django_db(transaction=True)

SLEEPS = "import time\ndef main(inputs, ctx):\n    ctx.log('here')\n    time.sleep(60)\n"

T = TypeVar("T")


@pytest.fixture
def api(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Return a client of the product of this engine."""
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, home=engine.config.home))
    # How soon they come is measured elsewhere.
    monkeypatch.setattr(runs, "STACK_SECONDS", 20)
    contract()
    return Api(person(Role.VIEWER))


def meanwhile(engine: Engine, *calls: Callable[[], T]) -> list[T]:
    """Return the results of calls, each made in its own thread while the engine works."""
    found: dict[int, T] = {}

    def call(index: int) -> None:
        try:
            found[index] = calls[index]()
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=[index]) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    engine.until(lambda: not any(thread.is_alive() for thread in threads))
    return [found[index] for index in range(len(calls))]


def sleeping(engine: Engine, **policy: Any) -> Any:
    """Start a run and wait until its node sleeps."""
    run = engine.start(document([python("a", SLEEPS, **policy)]))
    engine.reaches(run, "a", "running")
    engine.until(lambda: logs.logs(run, node="a")[0])
    pid = Attempt.objects.get(run=run).pid
    engine.until(lambda: (one := procfs.process(pid)) is not None and one.state == "S")
    return run


def test_the_live_stacks_of_a_running_node_come_through_the_api(
    engine: Engine, api: Api, monkeypatch: pytest.MonkeyPatch
):
    # However late one of the three requests comes.
    for module in (runs, policy):
        monkeypatch.setattr(module, "STACK_FRESH_SECONDS", 20)
    run = sleeping(engine)
    address = f"runs/{run.pk}/nodes/a/stack/"

    def ask() -> Answer:
        return api.get(address)

    answers = meanwhile(engine, ask, ask, ask)
    assert [answer.status for answer in answers] == [200, 200, 200], answers
    assert Stack.objects.filter(run=run).count() == 1, "three askers share one sampling"
    stack = answers[0].json
    assert (stack["why"], stack["attempt"]) == ("asked", 1)
    attempt = Attempt.objects.get(run=run)
    assert stack["pid"] == attempt.pid
    frames = [frame for thread in stack["samples"][0]["threads"] for frame in thread["frames"] if frame["author"]]
    assert [(frame["line"], frame["source"].strip()) for frame in frames] == [(4, "time.sleep(60)")]
    # A caller gets stacks as they come, before the scheduler has seen the request.
    engine.until(lambda: not Command.objects.filter(kind="stack", done_at=None).exists())
    assert Stack.objects.filter(run=run).count() == 1
    runs.cancel(run, by="me")
    engine.finish(run)
    assert api.get(address).json == stack, "stored stacks are there when it has ended"


def test_a_node_that_ends_during_a_capture_returns_the_stacks_so_far(engine: Engine, api: Api):
    run = sleeping(engine)
    runs.cancel_node(run, "a", by="me")
    (answer,) = meanwhile(engine, lambda: api.get(f"runs/{run.pk}/nodes/a/stack/"))
    assert answer.status in (200, 404), answer
    engine.finish(run)


def test_stacks_of_a_stuck_node_are_captured_once_and_logged(engine: Engine):
    run = sleeping(engine, expected_duration=0.3)
    stack = engine.until(lambda: Stack.objects.filter(run=run, why="stuck").first())
    assert stack is not None
    attempt = Attempt.objects.get(run=run)
    assert (stack.taken_at - attempt.started_at).total_seconds() >= 0.6
    in_time((stack.taken_at - attempt.started_at).total_seconds(), 3)
    lines = engine.until(lambda: found if len(found := logs.logs(run, node="a")[0]) > 1 else None)
    # Either may come first.
    assert sorted((line["message"], line["level"]) for line in lines or ()) == [
        ("Marked stuck after 0.6 s (expected 0.3 s). Stack traces saved.", "warning"),
        ("here", "info"),
    ]
    runs.cancel(run, by="me")
    engine.finish(run)
    assert Stack.objects.filter(run=run, why="stuck").count() == 1
    deletion.delete(run)
    assert not Stack.objects.exists()


def test_a_retry_with_a_hard_limit_ends_the_attempt_and_holds_for_the_next(engine: Engine):
    run = sleeping(engine)
    runs.retry_node(run, "a", policy={"hard_timeout": 1}, by="me")
    engine.finish(run)
    assert run.state == "failed"
    first, second = queries.attempts(run, "a")
    assert first["state"] == "cancelled"
    assert first["receipt"]["processes"] >= 1
    assert second["state"] == "timed_out"
    assert second["usage"] is not None
    assert node_runs.node_run(run, "a")["state"] == "timed_out"
    seconds = Attempt.objects.get(run=run, number=2)
    assert seconds.finished_at is not None
    assert (seconds.finished_at - seconds.started_at).total_seconds() >= 0.9
    in_time((seconds.finished_at - seconds.started_at).total_seconds(), 5)
    assert run.altered == {"a": {"soft_timeout": 1, "hard_timeout": 1}}


def test_attempts_store_since_when_they_waited_and_samples_their_io(engine: Engine, tmp_path: Path):
    seen = tmp_path / "seen"
    code = (
        "import os\n"
        "def main(inputs, ctx):\n"
        f"    while not os.path.exists({str(seen)!r}):\n"
        "        with open('x', 'wb') as file: file.write(bytes(100_000))\n"
    )
    run = engine.start(document([python("a", code)]))
    engine.until(lambda: Sample.objects.filter(run=run, io_bytes__gt=100_000).exists())
    seen.touch()
    engine.finish(run)
    assert run.state == "succeeded", node_runs.node_runs(run)
    attempt = Attempt.objects.get(run=run)
    assert attempt.ready_at is not None
    assert run.created_at <= attempt.ready_at <= attempt.started_at
