from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine import clock
from engine.models import Attempt, NodeRun, Run, Stack
from versions.actions.launch import launch
from versions.models import Workflow


def stuck_run(flow: Workflow, seconds: float, expected: float = 2) -> Run:
    run = launch(flow, by="operator-person")
    at = clock.now() - timedelta(seconds=seconds)
    run.state, run.started_at, run.counts = "running", at, {"running": 1}
    run.save()
    Attempt.objects.create(
        run=run, node="a", number=1, state="running", claim="c", worker="local/1", pid=4242, started_at=at
    )
    NodeRun.objects.create(
        run=run, node="a", state="running", attempt=1, claim="c", ready_at=at, started_at=at,
        expected=expected, expected_from="author",
    )  # fmt: skip
    frame = {"file": "<a>", "line": 3, "function": "main", "source": "wait(<b>)", "author": True}
    wait = {"kind": "socket", "message": "data from 127.0.0.1:5433", "address": "127.0.0.1:5433"}
    threads = [{"id": 4242, "name": "MainThread", "waits_on": wait, "frames": [frame]}]
    body: dict[str, Any] = {"samples": [{"threads": threads}] * 3, "children": [], "moves": False, "cpu_percent": 0.0}
    Stack.objects.create(run=run, node="a", attempt=1, taken_at=clock.now(), why="stuck", body=body)
    return run


def page_of(browser: Any) -> str:
    return str(browser("operator").get("/").content.decode())


def test_a_stuck_run_is_listed_with_its_cause_and_a_link(flow: Workflow, browser: Any) -> None:
    run = stuck_run(flow, 20)
    page = page_of(browser)
    assert "waits for an answer from 127.0.0.1:5433 in line 3: wait(&lt;b&gt;); it has run for 2" in page
    assert f'href="/runs/{run.pk}/nodes/a/?tab=why">See why</a>' in page
    # Stuck runs stand before failed ones.
    assert page.index(f'data-key="stuck-{run.pk}"') < page.index('data-key="failed-')


def test_a_run_within_its_expected_time_is_not_listed(flow: Workflow, browser: Any) -> None:
    stuck_run(flow, 30, expected=20)
    assert 'data-key="stuck-' not in page_of(browser)


def test_only_some_of_many_stuck_runs_are_diagnosed(flow: Workflow, browser: Any) -> None:
    client = browser("operator")
    for _ in range(6):
        stuck_run(flow, 20)
    with CaptureQueriesContext(connection) as six:
        page = client.get("/").content.decode()
    assert page.count("See why") == 5
    for _ in range(6):
        stuck_run(flow, 20)
    with CaptureQueriesContext(connection) as twelve:
        client.get("/")
    assert abs(len(twelve) - len(six)) <= 3
