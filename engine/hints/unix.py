"""Hints over a Unix socket, <home>/run/scheduler.sock: for processes of one host.

Each line is one JSON object: {"wake": true} and {"listen": true} (send me what changes) to the scheduler, and hints
from it.
"""

import asyncio
import json
import logging
import os
import socket
import stat
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.hints.base import FileWatcher

log = logging.getLogger("interlock.hints")

NAME = "scheduler.sock"
BACKLOG_BYTES_MAX = 1 << 20
"""A listener that leaves more than this unread is dropped; it then reconnects and reads the database."""
PATH_BYTES_MAX = 107


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Yield a path of the socket that fits into sockaddr_un, however long the path of the home folder is."""
    path = str(folder / NAME)
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


class _Client:
    """One connection to the scheduler. It never blocks: it stores what cannot be sent now, up to a limit."""

    __slots__ = ("inbox", "listens", "outbox", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.inbox = b""
        self.outbox = b""
        self.listens = False

    def send(self, line: bytes) -> bool:
        """Send `line`, now or later. Return False when the client is gone or reads too slowly."""
        self.outbox += line
        try:
            while self.outbox:
                self.outbox = self.outbox[self.socket.send(self.outbox) :]
        except BlockingIOError:
            return len(self.outbox) <= BACKLOG_BYTES_MAX
        except OSError:
            return False
        return True


class UnixHintServer:
    """See `engine.hints.base.HintServer`. The watcher calls back within its poll."""

    def __init__(self, config: Config, watcher: FileWatcher, on_wake: Callable[[], None]) -> None:
        self.folder = config.run_folder
        self.watcher = watcher
        self.on_wake = on_wake
        self.clients: list[_Client] = []
        self.listener: socket.socket | None = None

    def open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / NAME).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _address(self.folder) as address:
            listener.bind(address)
        os.chmod(self.folder / NAME, stat.S_IRUSR | stat.S_IWUSR)
        listener.setblocking(False)
        listener.listen(64)
        self.listener = listener
        self.watcher.watch(listener, self._accept)

    def close(self) -> None:
        if self.listener is not None:
            self.watcher.unwatch(self.listener)
            self.listener.close()
            self.listener = None
            (self.folder / NAME).unlink(missing_ok=True)
        for client in list(self.clients):
            self._drop(client)

    def broadcast(self, hint: dict[str, Any]) -> None:
        if not self.clients:
            return
        line = json.dumps(hint, separators=(",", ":")).encode() + b"\n"
        for client in [client for client in self.clients if client.listens]:
            if not client.send(line):
                self._drop(client)

    @property
    def has_listeners(self) -> bool:
        return any(client.listens for client in self.clients)

    def _accept(self) -> None:
        assert self.listener is not None
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            client = _Client(connection)
            self.clients.append(client)
            self.watcher.watch(connection, lambda client=client: self._read(client))  # type: ignore[misc]

    def _read(self, client: _Client) -> None:
        try:
            data = client.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        lines = (client.inbox + data).split(b"\n")
        client.inbox = lines.pop()[-65536:]
        for line in lines:
            # Compared as text: a wake is the hot path, and there are only these two messages.
            if b'"wake"' in line:
                self.on_wake()
            elif b'"listen"' in line:
                client.listens = True

    def _drop(self, client: _Client) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.watcher.unwatch(client.socket)
            client.socket.close()


class _WakeSender:
    """The connection of this process to the scheduler, opened when first needed and again after an error."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.socket: socket.socket | None = None
        self.pid = 0

    def wake(self, folder: Path) -> None:
        with self.lock:
            if self.pid != os.getpid():
                # A connection does not survive a fork.
                self.socket, self.pid = None, os.getpid()
            for _ in range(2):
                try:
                    if self.socket is None:
                        self.socket = self.connect(folder)
                    self.socket.send(b'{"wake":true}\n')
                    return
                except BlockingIOError:
                    # The scheduler has unread wakes: one more would add nothing.
                    return
                except OSError:
                    if self.socket is not None:
                        self.socket.close()
                        self.socket = None
                    else:
                        return

    def connect(self, folder: Path) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            with _address(folder) as address:
                connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection


_wake_sender = _WakeSender()


def wake(config: Config) -> None:
    """See `engine.hints`. Never blocks."""
    _wake_sender.wake(config.run_folder)


def reachable(config: Config) -> bool:
    """See `engine.hints`."""
    try:
        _WakeSender().connect(config.run_folder).close()
    except OSError:
        return False
    return True


async def listen(config: Config) -> AsyncGenerator[dict[str, Any], None]:
    """See `engine.hints`."""
    reported_missing = False
    while True:
        try:
            with _address(config.run_folder) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=16 << 20)
        except OSError:
            if not reported_missing:
                reported_missing = True
                yield {"connected": False}
            await asyncio.sleep(0.2)
            continue
        reported_missing = False
        try:
            writer.write(b'{"listen":true}\n')
            yield {"connected": True}
            while line := await reader.readline():
                yield json.loads(line)
        except (OSError, ValueError) as error:
            # A line was too long or cut off: connect again. No data is lost, because it is in the database.
            log.warning("hints_lost: the connection to the scheduler broke: %s", error)
        finally:
            writer.close()
