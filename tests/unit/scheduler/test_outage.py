"""What a scheduler says while its database is away."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from django.db import OperationalError

from tests.support.simulation import Simulation


def test_a_database_that_is_away_is_said_once_for_each_reason_and_again_the_next_time(
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
