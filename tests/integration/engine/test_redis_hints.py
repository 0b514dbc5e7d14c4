"""Hints over Redis: wakes, broadcasts, and a server that is down, hangs, or comes back empty."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis as redis_library

from engine import hints
from engine.config import from_environment
from engine.hints import host_hints, redis_client
from engine.hints import redis as redis_hints
from engine.hints.redis_server import RedisHintServer, merge
from tests.integration.engine.test_hints import Loop
from tests.support import redis
from tests.support.wait import wait_until

pytestmark = pytest.mark.redis

BLINK_SECONDS = 0.1
"""Shorter than any wait for Redis."""


@pytest.fixture
def server(tmp_path: Path):
    with redis.server(tmp_path) as started:
        yield started


@pytest.fixture
def config(server, tmp_path: Path):
    return from_environment({"INTERLOCK_HOME": str(tmp_path), "REDIS_URL": server.url})


@pytest.fixture(autouse=True)
def _fresh_client(monkeypatch):
    sender = redis_hints._WakeSender()
    monkeypatch.setattr(redis_hints, "_wake_sender", sender)
    yield
    if sender.client is not None:
        sender.client.close()


class Scheduler:
    """The scheduler's end on a loop of its own; counts the wakes that arrive."""

    def __init__(self, config):
        self.loop = Loop()
        self.wakes = 0
        made = hints.server(config, self.loop, self._on_wake)
        assert isinstance(made, RedisHintServer)
        self.server = made

    def _on_wake(self):
        self.wakes += 1

    def turn_until(self, until: Callable[[], Any], seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline
            self.loop.turn(0.02)

    def wait_for_no_listeners(self) -> None:
        """Turn until it knows that nobody listens."""
        # After it has connected it assumes that somebody does, and asks.
        self.turn_until(self._has_assumed_listeners)
        self.turn_until(lambda: not self.server.has_listeners)

    def _has_assumed_listeners(self) -> bool:
        with self.server._lock:
            return self.server._announcements > 0

    async def wait_for_listeners(self) -> None:
        async with asyncio.timeout(5):
            while not self.server.has_listeners:
                await asyncio.sleep(0.01)

    def close(self):
        self.server.close()
        self.server.close()
        for thread in self.server.threads:
            thread.join(5)
            assert not thread.is_alive()
        self.loop.selector.close()


@pytest.fixture
def patient(monkeypatch):
    """Let a wake wait for Redis as long as a busy machine needs."""
    monkeypatch.setattr(redis_hints, "WAKE_SECONDS", 10)


@pytest.fixture
def scheduler(config):
    made = Scheduler(config)
    made.server.open()
    # It reads the database after it has connected, for hints of before were lost.
    made.turn_until(lambda: made.wakes)
    made.wakes = 0
    yield made
    made.close()


async def receive_until(items, wanted: dict[str, Any], seconds: float = 15) -> list[dict[str, Any]]:
    """Return the hints up to and including `wanted`."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        while not found or found[-1] != wanted:
            found.append(await anext(items))
    return found


@pytest.mark.usefixtures("patient")
def test_a_wake_reaches_the_scheduler(scheduler, config):
    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes)
    scheduler.turn_until(lambda: hints.reachable(config))


def test_a_listener_that_connects_while_the_scheduler_learns_that_nobody_listens_is_not_missed(config, monkeypatch):
    """Redis answers that nobody listens, and somebody does before the answer is read."""
    published, announced, answer_read = threading.Event(), threading.Event(), threading.Event()
    listened: list[bool] = []
    made = Scheduler(config)
    await_next = made.server._next

    class Slow(redis_library.Redis):
        def publish(self, channel, message, **named):
            listeners = super().publish(channel, message, **named)
            if channel == redis_client.hint_channel(config):
                published.set()
                assert announced.wait(10)
            return listeners

    def next_hint():
        # Looked at here, because nobody listens to what it publishes next.
        listened.append(made.server.has_listeners)
        answer_read.set()
        return await_next()

    monkeypatch.setattr(made.server, "_next", next_hint)
    with redis_library.Redis.from_url(config.redis_url) as listener:
        monkeypatch.setattr(redis_library, "Redis", Slow)
        made.server.open()
        try:
            made.turn_until(lambda: made.wakes and published.is_set())
            made.wakes = 0
            listener.publish(redis_client.wake_channel(config), redis_client.LISTEN)
            listener.publish(redis_client.wake_channel(config), redis_client.WAKE)
            # Messages arrive in order, so it has received both.
            made.turn_until(lambda: made.wakes)
            announced.set()
            assert answer_read.wait(10)
            assert listened[0]
        finally:
            announced.set()
            made.close()


def test_without_a_scheduler_a_wake_does_nothing(config):
    hints.wake(config)
    assert not hints.reachable(config)


@pytest.mark.usefixtures("patient")
def test_another_installation_on_the_same_server_is_not_disturbed(scheduler, config):
    other = replace(config, database_url="postgresql://localhost/other")
    assert not hints.reachable(other)
    for _ in range(100):
        hints.wake(other)
    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes)
    for _ in range(5):
        scheduler.loop.turn(0.02)
    assert scheduler.wakes <= 2
    assert redis_client.prefix(config) != redis_client.prefix(other)


def test_all_hosts_of_an_installation_use_the_same_names(config, tmp_path: Path):
    url = "postgresql://ann:secret@db.example.org/flows"
    here = replace(config, database_url=url)
    there = replace(config, database_url="postgresql://bob:other@db.example.org:5432/flows", home=tmp_path / "other")
    assert redis_client.prefix(here) == redis_client.prefix(there)
    assert "secret" not in redis_client.prefix(here)


def test_listeners_get_what_is_broadcast(scheduler, config):
    scheduler.wait_for_no_listeners()

    async def scenario():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        await scheduler.wait_for_listeners()
        scheduler.server.broadcast({"runs": {"7": 12}})
        async with asyncio.timeout(15):
            while (await anext(items)).get("runs") != {"7": 12}:
                pass
        await items.aclose()

    asyncio.run(scenario())


def test_a_new_listener_is_told_again_to_read_once_the_scheduler_knows_it(scheduler, config):
    scheduler.wait_for_no_listeners()

    async def listening():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        await receive_until(items, {"connected": True})
        await items.aclose()

    asyncio.run(listening())


def test_the_scheduler_knows_whether_anybody_listens(scheduler, config):
    scheduler.wait_for_no_listeners()

    async def listening():
        items = hints.listen(config)
        await anext(items)
        await scheduler.wait_for_listeners()
        await items.aclose()

    asyncio.run(listening())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("way", ["kill -9", "FLUSHALL"])
def test_hints_go_on_after_redis_lost_everything(scheduler, config, server, way):
    async def scenario():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        if way == "FLUSHALL":
            with server.client() as client:
                client.flushall()
        else:
            server.kill()
            assert await receive_until(items, {"connected": False})
            server.start()
            await receive_until(items, {"connected": True})
        received = asyncio.ensure_future(receive_until(items, {"runs": {"7": 12}}))
        deadline = time.monotonic() + 10
        while not received.done():
            assert time.monotonic() < deadline
            scheduler.server.broadcast({"runs": {"7": 12}})
            await asyncio.sleep(0.05)
        await received
        await items.aclose()

    asyncio.run(scenario())
    scheduler.wakes = 0
    redis_hints._wake_sender.paused_until = 0.0
    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes, 10)


@pytest.mark.timed
def test_nobody_waits_long_for_a_server_that_hangs(scheduler, config, server):
    hints.wake(config)
    with server.hanging():
        waits = []
        for _ in range(3):
            redis_hints._wake_sender.paused_until = 0.0
            begun = time.monotonic()
            hints.wake(config)
            waits.append(time.monotonic() - begun)
        # The machine may have been busy during some of them.
        assert min(waits) < 3 * redis_hints.WAKE_SECONDS
        begun = time.monotonic()
        for n in range(1000):
            hints.wake(config)
            scheduler.server.broadcast({"runs": {"7": n}})
            scheduler.loop.turn(0)
        assert time.monotonic() - begun < 1000 * BLINK_SECONDS / 10


@pytest.mark.timed
def test_nobody_waits_for_a_server_that_is_down(config, server):
    server.kill()
    begun = time.monotonic()
    for _ in range(100):
        hints.wake(config)
    assert time.monotonic() - begun < 100 * BLINK_SECONDS / 2
    assert not hints.reachable(config)


@pytest.mark.usefixtures("patient")
def test_a_wake_reaches_a_server_that_was_started_again(scheduler, config, server):
    hints.wake(config)
    server.kill()
    server.start()
    scheduler.turn_until(lambda: hints.reachable(config))
    scheduler.wakes = 0
    # The connection ended with the first server; the wake must not be lost with it.
    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes)


@pytest.mark.usefixtures("patient")
def test_a_full_server_delivers_hints(scheduler, config, server):
    with server.client() as client:
        client.config_set("maxmemory", "1")
    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes)


def test_unsent_hints_are_merged():
    one = {"runs": {"1": 3, "2": 5}, "samples": [{"run": "1"}]}
    later = {"runs": {"2": 7}, "overview": True, "samples": [{"run": "2"}]}
    assert merge({"connected": True}, merge(one, later)) == {
        "connected": True, "runs": {"1": 3, "2": 7}, "overview": True, "samples": [{"run": "1"}, {"run": "2"}],
    }  # fmt: skip


@pytest.mark.usefixtures("patient")
def test_an_unexpected_error_ends_neither_wakes_nor_the_subscription(scheduler, config, monkeypatch):
    def broken(*_: Any) -> None:
        raise RuntimeError("a bug of the library")

    hints.wake(config)
    scheduler.turn_until(lambda: scheduler.wakes)
    scheduler.wakes = 0
    with monkeypatch.context() as patched:
        patched.setattr(redis_hints, "wake_channel", broken)
        hints.wake(config)
        patched.setattr(scheduler.server, "_wake_loop", broken)
        # Another process wakes it.
        with redis_client.connect(config, "test", 10) as other:
            other.publish(redis_client.prefix(config) + "scheduler", redis_client.WAKE)
        scheduler.turn_until(lambda: scheduler.server._is_away, 5)
    # It subscribes again by itself.
    scheduler.turn_until(lambda: scheduler.wakes, 10)


def test_an_unexpected_error_does_not_end_the_listener_of_a_host(config, server):
    hints_received = threading.Semaphore(0)
    errors = iter([RuntimeError("a bug of ours")])

    def on_hint():
        hints_received.release()
        if (error := next(errors, None)) is not None:
            raise error

    def on_away(is_away):
        if not is_away:
            on_hint()

    listener = host_hints.ChannelListener(config, host_hints.host_channel(config, 1), on_hint, on_away)
    try:
        # Once with its connection, and once more with the connection after the error.
        assert hints_received.acquire(timeout=10)
        assert hints_received.acquire(timeout=10)
        with server.client() as client:
            wait_until(lambda: client.publish(host_hints.host_channel(config, 1), b"1"))
        assert hints_received.acquire(timeout=10)
    finally:
        listener.close()


def test_a_listener_tells_when_the_server_stands_still_is_gone_and_answers_again(config, server):
    told: queue.SimpleQueue[bool] = queue.SimpleQueue()
    channel = host_hints.host_channel(config, 1)
    listener = host_hints.ChannelListener(config, channel, lambda: None, told.put)
    try:
        assert told.get(timeout=10) is False
        with server.hanging():
            assert told.get(timeout=10) is True
        assert told.get(timeout=10) is False
        server.kill()
        assert told.get(timeout=10) is True
        server.start()
        assert told.get(timeout=10) is False
    finally:
        listener.close()
