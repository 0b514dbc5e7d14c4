"""The list of workers on the resources page and in the API, on one host and on several."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from engine import clock
from engine.actions import workers as actions
from engine.errors import NotFound, WrongState
from engine.models import Attempt, Host, Leader
from engine.reads import queries, workers
from engine.states import HostReason
from tests.integration.pages.test_lists import get_page, row
from tests.support import run_rows
from versions.actions.launch import launch
from versions.models import AuditEntry, Workflow


@pytest.fixture
def several_hosts(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "INTERLOCK", replace(settings.INTERLOCK, executor="celery"))


def attempt(flow: Workflow, worker: str, node: str, pid: int) -> int:
    run = launch(flow, by="operator-person")
    Attempt.objects.create(
        run=run, node=node, number=2, state="running", claim=f"claim-{node}", worker=worker, pid=pid,
        started_at=clock.now() - timedelta(seconds=30),
    )  # fmt: skip
    return int(run.pk)


def test_the_schedulers_own_processes_are_a_worker_for_every_queue(flow: Workflow, browser: Any) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now(), "host": "here", "pid": 55})
    run = attempt(flow, "local/1", "a", 4242)
    (one,) = workers.workers()
    assert (one["name"], one["host"], one["pid"], one["queues"], one["state"]) == ("local", "here", 55, None, "active")
    assert one["capacity"] == settings.INTERLOCK.processes
    assert [(found["run"], found["node"], found["attempt"], found["pid"]) for found in one["running"]] == [
        (str(run), "a", 2, 4242)
    ]
    assert (one["busy"], one["load"]) == (1, round(1 / one["capacity"], 3))
    listed = row(get_page(browser, "/resources/", "admin"), "local")
    assert f'href="/runs/{run}/nodes/a/"' in listed
    assert "Accepting work" in listed
    assert "all queues" in listed
    assert "Drain" not in listed
    with pytest.raises(WrongState, match=r"own node processes cannot be drained"):
        actions.drain("local")


def test_a_scheduler_without_heartbeat_is_a_lost_worker(db: None) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now() - timedelta(seconds=42)})
    (one,) = workers.workers()
    assert one["state"] == "lost"
    assert 41 < one["silent_seconds"] < 60
    assert queries.counters()["workers"] == {"active": 0, "draining": 0, "lost": 1}


def test_an_empty_list_shows_how_to_start_a_worker(several_hosts: None, browser: Any) -> None:
    Leader.objects.update_or_create(pk=1, defaults={"beat_at": clock.now()})
    page = get_page(browser, "/resources/")
    assert "No worker" in page
    assert "celery -A engine worker -Q default" in page


def test_each_state_of_a_worker_is_shown_and_ended_ones_are_not(
    several_hosts: None, flow: Workflow, browser: Any
) -> None:
    run_rows.host("one@here", queues=["default", "gpu"])
    run_rows.host("two@here", queues=["default"])
    run_rows.host("rests@here", "draining", reason=HostReason.DRAIN_REQUESTED)
    run_rows.host("stops@here", "draining", reason=HostReason.STOPPING)
    run_rows.host("old@here", "draining", reason=HostReason.OTHER_RELEASE)
    run_rows.host("silent@here", ahead=-timedelta(minutes=20))
    run_rows.host("lost@here", "gone", reason=HostReason.LEASE_EXPIRED, ahead=-timedelta(hours=2))
    run_rows.host("long@here", "gone", reason=HostReason.LEASE_EXPIRED, ahead=-timedelta(hours=25))
    run_rows.host("ended@here", "gone", reason="drained")
    run_rows.host("again@here", "gone", reason=HostReason.LEASE_EXPIRED)
    run_rows.host("again@here")
    run = attempt(flow, "one@here/1", "a", 9)
    page = get_page(browser, "/resources/", "operator")
    expected = {
        "one@here": ("Accepting work", "1 of 2", f'href="/runs/{run}/nodes/a/"', "Drain", "<code>gpu</code>"),
        "two@here": ("Accepting work", "0 of 2", "idle"),
        "again@here": ("Accepting work",),
        "rests@here": ("Draining", "Resume"),
        "stops@here": ("Stopping",),
        "old@here": ("Other release", "Upgrade it and the scheduler to the same release"),
        "silent@here": ("Lost", "no heartbeat for", ">20 m"),
        "lost@here": ("Lost", "2 h"),
    }
    for name, parts in expected.items():
        assert [part for part in parts if part not in row(page, name)] == [], name
    assert "Resume" not in row(page, "stops@here") + row(page, "old@here")
    assert "Drain" not in row(page, "lost@here")
    assert [one["name"] for one in workers.workers()] == sorted(expected)
    assert queries.counters()["workers"] == {"active": 3, "draining": 3, "lost": 2}
    # A draining host counts only with what it still runs.
    assert "0 of 6 busy" in page
    # Queues that no other worker serves are named before draining.
    confirmation = row(page, "one@here").split("No other worker serves")[1].split("</p>")[0]
    assert "gpu" in confirmation
    assert "default" not in confirmation
    viewer = get_page(browser, "/resources/", "viewer")
    assert "Drain one@here" not in viewer
    assert "Resume rests@here" not in viewer


def test_draining_and_resuming_are_audited(several_hosts: None, browser: Any) -> None:
    run_rows.host("one@here")
    operator = browser("operator")
    operator.post("/resources/workers/one@here/drain/")
    host = Host.objects.get()
    assert (host.state, host.reason) == ("draining", HostReason.DRAIN_REQUESTED)
    with pytest.raises(WrongState, match=r'"one@here" cannot be drained: it is already draining'):
        actions.drain("one@here")
    operator.post("/resources/workers/one@here/resume/")
    host.refresh_from_db()
    assert (host.state, host.reason) == ("active", "")
    with pytest.raises(WrongState, match=r"cannot be resumed: it is accepting work"):
        actions.resume("one@here")
    entries = [(one.action, one.details["worker"]) for one in AuditEntry.objects.filter(action__startswith="worker_")]
    assert sorted(entries) == [("worker_drained", "one@here"), ("worker_resumed", "one@here")]


def test_stopping_lost_unknown_and_other_release_workers_are_not_resumed(several_hosts: None) -> None:
    run_rows.host("stops@here", "draining", reason=HostReason.STOPPING)
    run_rows.host("silent@here", "draining", reason=HostReason.DRAIN_REQUESTED, ahead=-timedelta(seconds=20))
    run_rows.host("old@here", "draining", reason=HostReason.OTHER_RELEASE)
    with pytest.raises(WrongState, match=r"it is being stopped"):
        actions.resume("stops@here")
    with pytest.raises(WrongState, match=r"it is lost"):
        actions.resume("silent@here")
    for ask in (actions.resume, actions.drain):
        with pytest.raises(WrongState, match=r"it runs another release than the scheduler"):
            ask("old@here")
    with pytest.raises(NotFound):
        actions.resume("nobody@here")
    assert set(Host.objects.values_list("state", flat=True)) == {"draining"}
