"""The socket between the scheduler and others: wakes, broadcasts, long paths, readers that do not read."""

from __future__ import annotations

import asyncio
import selectors
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import from_environment
from engine.hints import unix
from engine.hints.unix import UnixHintServer


class Loop:
    """A selector with the executor's `watch`."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()

    def watch(self, fileobj, callback):
        self.selector.register(fileobj, selectors.EVENT_READ, callback)

    def unwatch(self, fileobj):
        self.selector.unregister(fileobj)

    def turn(self, timeout=1.0):
        for key, _ in self.selector.select(timeout):
            key.data()


class Server(UnixHintServer):
    """Counts the wakes that came."""

    def __init__(self, config, loop):
        super().__init__(config, loop, lambda: self.woken.append(1))
        self.loop = loop
        self.woken: list[int] = []


@pytest.fixture(params=["short", "x" * 120])
def config(request, tmp_path: Path):
    """A home whose path fits into a socket's address, and one whose path does not."""
    return from_environment({"INTERLOCK_HOME": str(tmp_path / request.param)})


@pytest.fixture
def server(config):
    loop = Loop()
    server = Server(config, loop)
    server.open()
    yield server
    server.close()
    loop.selector.close()


@pytest.fixture(autouse=True)
def _fresh_client(monkeypatch):
    monkeypatch.setattr(unix, "_waker", unix._Waker())
    yield
    if unix._waker.socket is not None:
        unix._waker.socket.close()


def test_a_wake_reaches_the_scheduler(server, config):
    unix.wake(config)
    server.loop.turn()
    server.loop.turn()
    assert server.woken
    unix.wake(config)
    server.loop.turn()
    assert len(server.woken) == 2
    assert len(server.clients) == 1, "one connection a process"


def test_without_a_scheduler_a_wake_does_nothing(config):
    unix.wake(config)


def test_a_wake_finds_a_scheduler_that_was_started_again(server, config):
    unix.wake(config)
    server.loop.turn()
    server.close()
    server.open()
    unix.wake(config)
    server.loop.turn()
    server.loop.turn()
    assert server.woken


def test_thousands_of_wakes_that_nobody_reads_block_nobody(server, config):
    for _ in range(20_000):
        unix.wake(config)


def test_listeners_get_what_is_broadcast_and_others_do_not(server, config):
    async def scenario():
        items = unix.listen(config)
        first = asyncio.ensure_future(anext(items))
        while not server.listened:
            server.loop.turn(0)
            await asyncio.sleep(0.001)
        assert await first == {"connected": True}
        server.broadcast({"runs": {"7": 12}})
        got = await asyncio.wait_for(anext(items), 5)
        await items.aclose()
        return got

    unix.wake(config)
    assert asyncio.run(scenario()) == {"runs": {"7": 12}}


def test_a_listener_is_told_once_that_there_is_no_scheduler(config):
    async def scenario():
        items = unix.listen(config)
        first = await asyncio.wait_for(anext(items), 5)
        second = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0.5)
        assert not second.done()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        return first

    assert asyncio.run(scenario()) == {"connected": False}


def test_a_listener_that_does_not_read_is_dropped_and_costs_bounded_memory(server, config):
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with unix._address(config.run_folder) as address:
        reader.connect(address)
    reader.send(b'{"listen":true}\n')
    server.loop.turn()
    server.loop.turn()
    for _ in range(1000):
        server.broadcast({"samples": ["x" * 10_000]})
    assert server.clients == []
    reader.close()


def test_a_second_home_is_not_disturbed(config, tmp_path):
    other = replace(config, home=tmp_path / "other")
    unix.wake(other)
    unix.wake(config)
