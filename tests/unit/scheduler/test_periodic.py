"""Periodic jobs run when they are due, one after another, and only while the scheduler leads."""

import threading
from collections.abc import Callable, Iterator

import pytest

from engine.models import Leader
from engine.scheduler import periodic
from engine.scheduler.periodic import PeriodicJob, PeriodicThread, Schedule
from tests.support.wait import WAIT_SECONDS


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "_registered", {})


def job(name: str, seconds: float, run: Callable[[], None]) -> PeriodicJob:
    return PeriodicJob(name, seconds, run)


def test_a_job_runs_after_its_time_and_again_after_its_end():
    mono, calls = Clock(), []

    def slow() -> None:
        calls.append(mono.now)
        mono.now += 5

    schedule = Schedule([job("slow", 10, slow)], mono.now)
    assert schedule.next_due() == 110
    schedule.run_due(mono)
    assert calls == []
    mono.now = 111
    schedule.run_due(mono)
    assert calls == [111]
    assert schedule.next_due() == 126


def test_without_jobs_nothing_is_due():
    assert Schedule([], 0.0).next_due() is None


def test_a_failing_job_is_logged_and_runs_again_and_others_run(caplog):
    mono, calls = Clock(), []

    def fail() -> None:
        raise RuntimeError("broken")

    schedule = Schedule([job("bad", 1, fail), job("good", 2, lambda: calls.append("good"))], mono.now)
    mono.now += 2
    schedule.run_due(mono)
    assert calls == ["good"]
    assert "periodic_job_failed job=bad" in caplog.text
    assert schedule.next_due() == 103


def test_no_further_job_runs_once_it_is_no_longer_allowed():
    mono, calls = Clock(), []
    schedule = Schedule([job("a", 1, lambda: calls.append("a")), job("b", 1, lambda: calls.append("b"))], mono.now)
    mono.now += 1
    schedule.run_due(mono, lambda: not calls)
    assert calls == ["a"]
    schedule.run_due(mono)
    assert calls == ["a", "b"]


def test_a_name_cannot_be_registered_twice(registered):
    periodic.register("one", 5, lambda: None)
    with pytest.raises(ValueError, match="one"):
        periodic.register("one", 9, lambda: None)
    assert [(one.name, one.seconds) for one in periodic.registered()] == [("one", 5)]


@pytest.fixture
def threads() -> Iterator[list[PeriodicThread]]:
    started: list[PeriodicThread] = []
    yield started
    for thread in started:
        thread.stop()
        if thread._thread is not None:
            thread._thread.join(WAIT_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_the_leading_scheduler_runs_a_registered_job(registered, threads):
    Leader.objects.update_or_create(pk=1, defaults={"epoch": 7})
    called = threading.Event()
    periodic.register("job", 0.01, called.set)
    threads.append(PeriodicThread(lambda: 7, periodic.registered()))
    threads[0].start()
    assert called.wait(WAIT_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_a_scheduler_that_no_longer_leads_runs_no_job(registered):
    Leader.objects.update_or_create(pk=1, defaults={"epoch": 8})
    epoch = 7
    thread = PeriodicThread(lambda: epoch, ())
    assert not thread._leads()
    epoch = 8
    assert thread._leads()
    thread.stop()
    assert not thread._leads()
