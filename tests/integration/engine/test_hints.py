"""Hints over a Unix socket: wakes, broadcasts, long paths, and clients that do not read."""

import asyncio
import selectors
import socket
import threading
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
    """Counts the wakes that arrive."""

    def __init__(self, config, loop):
        super().__init__(config, loop, self._on_wake)
        self.loop = loop
        self.wakes = 0

    def _on_wake(self):
        self.wakes += 1

    def turn_until_woken(self, wakes: int) -> None:
        while self.wakes < wakes:
            self.loop.turn()


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
def sender(monkeypatch):
    made = unix._WakeSender()
    monkeypatch.setattr(unix, "_wake_sender", made)
    yield made
    if made.socket is not None:
        made.socket.close()


def test_wakes_reach_the_scheduler_over_one_connection(server, config):
    for number in (1, 2):
        unix.wake(config)
        server.turn_until_woken(number)
    assert server.wakes == 2
    assert len(server.clients) == 1


def test_without_a_scheduler_a_wake_leaves_no_connection(config, sender):
    unix.wake(config)
    assert sender.socket is None
    assert not unix.reachable(config)


def test_a_wake_reaches_a_scheduler_that_was_started_again(server, config):
    unix.wake(config)
    server.turn_until_woken(1)
    server.close()
    server.open()
    unix.wake(config)
    server.turn_until_woken(2)


def test_wakes_that_nobody_reads_do_not_block_and_the_unread_ones_wake_the_scheduler(server, config, sender):
    sent = threading.Event()

    def send() -> None:
        for _ in range(20_000):
            unix.wake(config)
        sent.set()

    threading.Thread(target=send, daemon=True).start()
    assert sent.wait(60)
    assert sender.socket is not None
    with pytest.raises(BlockingIOError):
        sender.socket.send(b'{"wake":true}\n')
    server.turn_until_woken(1)


def test_listeners_get_what_is_broadcast_and_others_do_not(server, config):
    async def scenario():
        hints = unix.listen(config)
        first = asyncio.ensure_future(anext(hints))
        while not server.has_listeners:
            server.loop.turn(0)
            await asyncio.sleep(0.001)
        assert await first == {"connected": True}
        server.broadcast({"runs": {"7": 12}})
        hint = await asyncio.wait_for(anext(hints), 5)
        await hints.aclose()
        return hint

    unix.wake(config)
    assert asyncio.run(scenario()) == {"runs": {"7": 12}}


def test_a_listener_learns_once_that_there_is_no_scheduler(config):
    async def scenario():
        hints = unix.listen(config)
        first = await asyncio.wait_for(anext(hints), 5)
        second = asyncio.ensure_future(anext(hints))
        await asyncio.sleep(0.5)
        assert not second.done()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        return first

    assert asyncio.run(scenario()) == {"connected": False}


def test_a_listener_that_does_not_read_is_dropped(server, config):
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with unix._address(config.run_folder) as address:
        reader.connect(address)
    reader.send(b'{"listen":true}\n')
    while not server.has_listeners:
        server.loop.turn()
    for _ in range(1000):
        server.broadcast({"samples": ["x" * 10_000]})
    assert server.clients == []
    reader.close()


def test_the_scheduler_of_another_home_is_not_woken(server, config, tmp_path):
    unix.wake(replace(config, home=tmp_path / "other"))
    unix.wake(config)
    server.turn_until_woken(1)
    server.loop.turn(0)
    assert server.wakes == 1
