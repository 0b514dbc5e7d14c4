"""Messages and hints to hosts, when some of them fail."""

import threading
from pathlib import Path

import pytest

from engine.config import from_environment
from engine.executors.celery.notifier import HostNotifier
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
        notifier = HostNotifier(from_environment(environment))
        monkeypatch.setattr(notifier._redis, "publish", fail)
        notifier.open()
        try:
            notifier.hint([1])
            assert failed.wait(10)
            notifier.publish("default", ["a"])
            with server.client() as asking:
                asking.select(redis.DATABASE)
                wait_until(lambda: asking.llen("default") == 1)
        finally:
            notifier.close()
