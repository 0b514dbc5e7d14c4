"""The message that tells workers of works, as releases to come may write it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine import celery
from engine.host import bootstep


class Host:
    def __init__(self) -> None:
        self.told: list[tuple[list[str], int]] = []

    def take(self, claims: list[str], protocol: int) -> bool:
        self.told.append((claims, protocol))
        return False


def test_a_message_that_says_more_than_this_release_knows_is_given_back_as_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, sent = Host(), []
    monkeypatch.setattr(bootstep, "host", host)

    def apply_async(*arguments: Any, **options: Any) -> None:
        sent.append((*arguments, options["queue"]))

    task: Any = SimpleNamespace(request=SimpleNamespace(delivery_info={"routing_key": "gpu"}), apply_async=apply_async)
    celery.take(task, ["a"], 99, "more", named=1)
    assert host.told == [(["a"], 99)]
    assert sent == [((["a"], 99, "more"), {"named": 1}, "gpu")]
