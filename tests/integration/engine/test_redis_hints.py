"""Hints over Redis: wakes, broadcasts, and a server that is away, hangs, or comes back empty."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from engine import hints
from engine.config import from_environment
from engine.hints import host_hints
from engine.hints import redis as redis_hints
from engine.hints.redis_server import RedisHintServer, merge
from tests.integration.engine.test_hints import Loop
from tests.support import redis
from tests.support.wait import wait_until

pytestmark = pytest.mark.redis

BLINK_SECONDS = 0.1
"""Less than any wait for Redis."""


@pytest.fixture
def server(tmp_path: Path):
    with redis.server(tmp_path) as started:
        yield started


@pytest.fixture
def config(server, tmp_path: Path):
    return from_environment({"INTERLOCK_HOME": str(tmp_path), "REDIS_URL": server.url})


@pytest.fixture(autouse=True)
def _fresh_client(monkeypatch):
    waker = redis_hints._Waker()
    monkeypatch.setattr(redis_hints, "_waker", waker)
    yield
    if waker.client is not None:
        waker.client.close()


class Scheduler:
    """The scheduler's end on a loop of its own; counts the wakes that came."""

    def __init__(self, config):
        self.loop = Loop()
        self.woken = 0
        made = hints.server(config, self.loop, self._on_wake)
        assert isinstance(made, RedisHintServer)
        self.server = made

    def _on_wake(self):
        self.woken += 1

    def turns(self, until: Callable[[], Any], seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline
            self.loop.turn(0.02)

    def speak_to_nobody(self) -> None:
        """Until it knows that nobody listens."""
        # As it begins to hear it supposes that somebody does, and asks.
        self.turns(self._has_asked)
        self.turns(lambda: not self.server.listened)

    def _has_asked(self) -> bool:
        with self.server._lock:
            return self.server._listeners > 0

    async def hears_of_a_listener(self) -> None:
        async with asyncio.timeout(5):
            while not self.server.listened:
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
    """A wake waits for Redis as long as a busy machine needs."""
    monkeypatch.setattr(redis_hints, "WAKE_SECONDS", 10)


@pytest.fixture
def scheduler(config):
    made = Scheduler(config)
    made.server.open()
    # What was said before it heard, nobody knows: it looks.
    made.turns(lambda: made.woken)
    made.woken = 0
    yield made
    made.close()


async def heard(items, wanted: dict[str, Any], seconds: float = 15) -> list[dict[str, Any]]:
    """What comes until `wanted` does."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        while not found or found[-1] != wanted:
            found.append(await anext(items))
    return found


@pytest.mark.usefixtures("patient")
def test_a_wake_reaches_the_scheduler(scheduler, config):
    hints.wake(config)
    scheduler.turns(lambda: scheduler.woken)
    scheduler.turns(lambda: hints.reachable(config))


def test_a_listener_who_comes_while_the_scheduler_speaks_to_nobody_is_not_forgotten(config, monkeypatch):
    """Redis answers that nobody listens, and before that answer is read somebody does."""
    told, taken, read = threading.Event(), threading.Event(), threading.Event()
    listened: list[bool] = []
    made = Scheduler(config)
    await_next = made.server._next

    class Slow(redis_client.Redis):
        def publish(self, channel, message, **named):
            listeners = super().publish(channel, message, **named)
            if channel == redis_hints.from_scheduler(config):
                told.set()
                assert taken.wait(10)
            return listeners

    def next_hint():
        # Here, for what it says next is answered by nobody again.
        listened.append(made.server.listened)
        read.set()
        return await_next()

    monkeypatch.setattr(made.server, "_next", next_hint)
    with redis_client.Redis.from_url(config.redis_url) as listener:
        monkeypatch.setattr(redis_client, "Redis", Slow)
        made.server.open()
        try:
            made.turns(lambda: made.woken and told.is_set())
            made.woken = 0
            listener.publish(redis_hints.to_scheduler(config), redis_hints.LISTEN)
            listener.publish(redis_hints.to_scheduler(config), redis_hints.WAKE)
            # They come in order: it has heard both.
            made.turns(lambda: made.woken)
            taken.set()
            assert read.wait(10)
            assert listened[0]
        finally:
            taken.set()
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
    scheduler.turns(lambda: scheduler.woken)
    for _ in range(5):
        scheduler.loop.turn(0.02)
    assert scheduler.woken <= 2
    assert redis_hints.prefix(config) != redis_hints.prefix(other)


def test_all_hosts_of_an_installation_use_the_same_names(config, tmp_path: Path):
    url = "postgresql://ann:secret@db.example.org/flows"
    here = replace(config, database_url=url)
    there = replace(config, database_url="postgresql://bob:other@db.example.org:5432/flows", home=tmp_path / "other")
    assert redis_hints.prefix(here) == redis_hints.prefix(there)
    assert "secret" not in redis_hints.prefix(here)


def test_listeners_get_what_is_broadcast(scheduler, config):
    scheduler.speak_to_nobody()

    async def scenario():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        await scheduler.hears_of_a_listener()
        scheduler.server.broadcast({"runs": {"7": 12}})
        async with asyncio.timeout(15):
            while (await anext(items)).get("runs") != {"7": 12}:
                pass
        await items.aclose()

    asyncio.run(scenario())


def test_a_listener_is_told_to_look_for_what_was_not_said_before_he_was_heard(scheduler, config):
    scheduler.speak_to_nobody()

    async def listening():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        await heard(items, {"connected": True})
        await items.aclose()

    asyncio.run(listening())


def test_a_scheduler_knows_whether_anybody_listens(scheduler, config):
    scheduler.speak_to_nobody()

    async def listening():
        items = hints.listen(config)
        await anext(items)
        await scheduler.hears_of_a_listener()
        await items.aclose()

    asyncio.run(listening())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("way", ["kill -9", "FLUSHALL"])
def test_hints_go_on_by_themselves_after_redis_lost_everything(scheduler, config, server, way):
    async def scenario():
        items = hints.listen(config)
        assert await anext(items) == {"connected": True}
        if way == "FLUSHALL":
            with server.client() as client:
                client.flushall()
        else:
            server.kill()
            assert await heard(items, {"connected": False})
            server.start()
            await heard(items, {"connected": True})
        told = asyncio.ensure_future(heard(items, {"runs": {"7": 12}}))
        deadline = time.monotonic() + 10
        while not told.done():
            assert time.monotonic() < deadline
            scheduler.server.broadcast({"runs": {"7": 12}})
            await asyncio.sleep(0.05)
        await told
        await items.aclose()

    asyncio.run(scenario())
    scheduler.woken = 0
    redis_hints._waker.rests_until = 0.0
    hints.wake(config)
    scheduler.turns(lambda: scheduler.woken, 10)


def test_nobody_waits_long_for_a_server_that_hangs(scheduler, config, server):
    hints.wake(config)
    with server.hanging():
        waits = []
        for _ in range(3):
            redis_hints._waker.rests_until = 0.0
            begun = time.monotonic()
            hints.wake(config)
            waits.append(time.monotonic() - begun)
        # The machine may be busy in some of them.
        assert min(waits) < 3 * redis_hints.WAKE_SECONDS
        begun = time.monotonic()
        for n in range(1000):
            hints.wake(config)
            scheduler.server.broadcast({"runs": {"7": n}})
            scheduler.loop.turn(0)
        assert time.monotonic() - begun < 1000 * BLINK_SECONDS / 10


def test_nobody_waits_for_a_server_that_is_down(config, server):
    server.kill()
    begun = time.monotonic()
    for _ in range(100):
        hints.wake(config)
    assert time.monotonic() - begun < 100 * BLINK_SECONDS / 2
    assert not hints.reachable(config)


@pytest.mark.usefixtures("patient")
def test_a_wake_finds_a_server_that_was_started_again(scheduler, config, server):
    hints.wake(config)
    server.kill()
    server.start()
    scheduler.turns(lambda: hints.reachable(config))
    scheduler.woken = 0
    # Its connection ended with the first server: no wake is lost over that.
    hints.wake(config)
    scheduler.turns(lambda: scheduler.woken)


@pytest.mark.usefixtures("patient")
def test_a_full_server_passes_hints_on(scheduler, config, server):
    with server.client() as client:
        client.config_set("maxmemory", "1")
    hints.wake(config)
    scheduler.turns(lambda: scheduler.woken)


def test_hints_that_wait_are_merged():
    one = {"runs": {"1": 3, "2": 5}, "samples": [{"run": "1"}]}
    later = {"runs": {"2": 7}, "overview": True, "samples": [{"run": "2"}]}
    assert merge({"connected": True}, merge(one, later)) == {
        "connected": True, "runs": {"1": 3, "2": 7}, "overview": True, "samples": [{"run": "1"}, {"run": "2"}],
    }  # fmt: skip


@pytest.mark.usefixtures("patient")
def test_an_error_of_our_own_ends_neither_a_wake_nor_the_hearing(scheduler, config, monkeypatch):
    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of the library")

    hints.wake(config)
    scheduler.turns(lambda: scheduler.woken)
    scheduler.woken = 0
    with monkeypatch.context() as patched:
        patched.setattr(redis_hints, "to_scheduler", broken)
        hints.wake(config)
        patched.setattr(scheduler.server, "_ring", broken)
        # Another process wakes it.
        with redis_hints.client(config, "test", 10) as other:
            other.publish(redis_hints.prefix(config) + "scheduler", redis_hints.WAKE)
        scheduler.turns(lambda: scheduler.server._away, 5)
    # It hears again by itself.
    scheduler.turns(lambda: scheduler.woken, 10)


def test_an_error_of_our_own_does_not_end_the_hearing_of_a_host(config, server):
    heard = threading.Semaphore(0)
    faults = iter([RuntimeError("a fault of ours")])

    def hear():
        heard.release()
        if (fault := next(faults, None)) is not None:
            raise fault

    ear = host_hints.Listener(config, host_hints.host_channel(config, 1), hear)
    try:
        # Once with its connection, and once more with the one after its fault.
        assert heard.acquire(timeout=10)
        assert heard.acquire(timeout=10)
        with server.client() as client:
            wait_until(lambda: client.publish(host_hints.host_channel(config, 1), b"1"), 10)
        assert heard.acquire(timeout=10)
    finally:
        ear.close()
