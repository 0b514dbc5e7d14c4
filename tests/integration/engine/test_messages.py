"""What the scheduler says over Redis, when part of it fails."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.config import from_environment
from engine.executors.messages import Messages
from tests.support import redis
from tests.support.wait import wait_until

pytestmark = pytest.mark.redis


def test_a_hint_that_takes_too_long_costs_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(channel: str, text: bytes) -> None:
        failed.set()
        raise TimeoutError("Timeout reading from socket")

    with redis.server(tmp_path) as server:
        environment = {
            "INTERLOCK_HOME": str(tmp_path), "REDIS_URL": server.url, "INTERLOCK_EXECUTOR": "celery",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        }  # fmt: skip
        messages = Messages(from_environment(environment))
        monkeypatch.setattr(messages._redis, "publish", fail)
        messages.open()
        try:
            messages.hint([1])
            assert failed.wait(10)
            messages.publish("default", ["a"])
            with server.client() as asking:
                asking.select(redis.DATABASE)
                wait_until(lambda: asking.llen("default") == 1)
        finally:
            messages.close()
