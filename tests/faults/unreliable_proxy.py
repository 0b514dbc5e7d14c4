"""A proxy to a Redis server that loses, delays, reorders and repeats messages and hints."""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults import count
from tests.support import redis

DELIVERING = (b"PUBLISH", b"LPUSH")
"""Commands that deliver something: hints and Celery messages."""
PUTS = (b"LPUSH", b"RPUSH")
REPLACEMENT = b"*1\r\n$8\r\nLASTSAVE\r\n"
"""The server gets this in place of them: it also answers with a number, which is not 0."""
REDELIVERED = b'"redelivered": true'
"""Celery's transport writes this into a message that it returns to its queue."""


@dataclass(frozen=True)
class MessageFaults:
    """Which faults happen to messages."""

    lost: float = 0.1
    """The share that is lost."""
    copies: int = 2
    late_seconds: float = 0.4
    """Each copy arrives at a random moment within so many seconds."""


class UnreliableProxy:
    """Forwards a port of the loopback to a Redis server, unchanged unless message faults are set."""

    def __init__(self, target: int, rng: random.Random, faults: MessageFaults | None = None) -> None:
        self.target, self.rng, self.faults = target, rng, faults
        self.seen: Counter[str] = Counter()
        """What happened to messages, and redeliveries by queue."""
        self._open_ends: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy to Redis", daemon=True)
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        for what, n in self.seen.items():
            count.injected(f"a message over Redis: {what}", n)

    # On the event loop.

    async def _open(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._answers, self._own = await asyncio.open_connection("127.0.0.1", self.target)
        self._own.write(b"SELECT %d\r\n" % redis.DATABASE)
        self._discarding = asyncio.create_task(_discard(self._answers))
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        for writer in (self._own, *self._open_ends):
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            answers, server = await asyncio.open_connection("127.0.0.1", self.target)
            ends = {writer, server}
            self._open_ends |= ends
            back = asyncio.create_task(_copy(answers, writer))
            try:
                while command := await _command(reader):
                    server.write(self._pass(*command))
                    await server.drain()
            finally:
                back.cancel()
                for end in ends:
                    end.transport.abort()
                self._open_ends -= ends

    def _pass(self, raw: bytes, parts: Sequence[bytes]) -> bytes:
        """Send the server the commands that pass now."""
        if parts and parts[0].upper() in PUTS and REDELIVERED in parts[2]:
            self.seen[f"again: {parts[1].decode()}"] += 1
        if self.faults is None or not parts or parts[0].upper() not in DELIVERING:
            return raw
        if self.rng.random() < self.faults.lost:
            self.seen["lost"] += 1
        else:
            self.seen["twice, late"] += 1
            for _ in range(self.faults.copies):
                self._loop.call_later(self.rng.uniform(0, self.faults.late_seconds), self._own.write, raw)
        return REPLACEMENT


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes]] | None:
    """Return the next command of a client, as received and in its parts, or None at the end."""
    head = await reader.readline()
    if not head.startswith(b"*"):
        return (head, []) if head else None
    raw, parts = [head], []
    for _ in range(int(head[1:])):
        size = await reader.readline()
        data = await reader.readexactly(int(size[1:]) + 2)
        raw += [size, data]
        parts.append(data[:-2])
    return b"".join(raw), parts


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


@contextlib.contextmanager
def unreliable_proxy(target: int, rng: random.Random, faults: MessageFaults | None = None) -> Iterator[UnreliableProxy]:
    made = UnreliableProxy(target, rng, faults)
    try:
        yield made
    finally:
        made.close()
