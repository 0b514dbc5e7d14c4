"""The task that takes dispatched work, with messages of later releases."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine import celery
from engine.host import bootstep


class Host:
    def __init__(self) -> None:
        self.taken: list[tuple[list[str], int]] = []

    def take(self, claims: list[str], protocol: int) -> bool:
        self.taken.append((claims, protocol))
        return False


def test_a_message_with_arguments_that_this_release_does_not_know_is_sent_back_unchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, sent = Host(), []
    monkeypatch.setattr(bootstep, "host", host)

    def apply_async(*arguments: Any, **options: Any) -> None:
        sent.append((*arguments, options["queue"]))

    task: Any = SimpleNamespace(request=SimpleNamespace(delivery_info={"routing_key": "gpu"}), apply_async=apply_async)
    celery.take(task, ["a"], 99, "more", named=1)
    assert host.taken == [(["a"], 99)]
    assert sent == [((["a"], 99, "more"), {"named": 1}, "gpu")]
