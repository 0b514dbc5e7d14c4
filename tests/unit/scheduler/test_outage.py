"""What a scheduler says while its database is away."""

import logging
from collections.abc import Callable

import pytest
from django.db import OperationalError

from engine.scheduler.leadership import OUTAGE_SECONDS
from tests.support.documents import chain
from tests.support.simulation import Simulation


def test_an_outage_is_logged_once_per_reason_and_again_the_next_time(
    simulate: Callable[..., Simulation], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    simulation = simulate()
    away = ["refused"] * 5 + ["starting up"] * 3
    answers = iter([*away, None, "refused", None])

    def open_() -> None:
        if reason := next(answers):
            raise OperationalError(reason)

    monkeypatch.setattr(simulation.store, "open", open_, raising=False)
    monkeypatch.setattr(simulation.store, "close", lambda: None, raising=False)
    with caplog.at_level(logging.WARNING, "interlock.scheduler"):
        simulation.scheduler._recover()
        simulation.scheduler._recover()
    assert [record.getMessage().removeprefix("database_away: ") for record in caplog.records] == [
        "refused",
        "starting up",
        "refused",
    ]


def test_a_database_that_refuses_writes_is_retried_at_the_interval_of_an_outage(
    simulate: Callable[..., Simulation], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    simulation = simulate()
    run = simulation.start(chain("a"))

    def full(*_: object) -> None:
        raise OperationalError("no space left")

    led = simulation.store.epoch
    with caplog.at_level(logging.WARNING, "interlock.scheduler"), monkeypatch.context() as patched:
        patched.setattr(simulation.store, "write", full)
        for _ in range(100):
            simulation.tick()
            simulation.clock.advance(0.05)
    # The first turn that fails may have met something that passes at once.
    assert 5 / OUTAGE_SECONDS / 2 <= simulation.store.epoch - led <= 5 / OUTAGE_SECONDS + 2
    assert [record.getMessage() for record in caplog.records] == ["tick_failed: OperationalError: no space left"]
    simulation.clock.advance(OUTAGE_SECONDS)
    simulation.settle()
    assert run.values["state"] == "running"
