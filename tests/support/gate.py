"""A way to a server that a test can close: refused, or hanging as behind a network that is cut."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Gate:
    """Forwards a port of the loopback to `target` while it is open. Ends with `close`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]
        self.pairs: dict[socket.socket, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.lock = threading.RLock()
        self.passes = True
        self.over = False
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        return listener

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """All connections end, and new ones are refused: as when the server is being restarted."""
        with self.lock:
            self.selector.unregister(self.listener)
            self.listener.close()
            for one in list(self.pairs):
                self._drop(one)
        try:
            yield
        finally:
            with self.lock:
                self.listener = self._listen(self.port)
                self.selector.register(self.listener, selectors.EVENT_READ)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Nothing goes through, and nobody is told."""
        self.passes = False
        try:
            yield
        finally:
            self.passes = True

    def close(self) -> None:
        self.over = True
        self.thread.join()
        with self.lock:
            for one in list(self.pairs):
                self._drop(one)
            self.listener.close()
            self.selector.close()

    def _drop(self, one: socket.socket) -> None:
        other = self.pairs.pop(one, None)
        if other is None:
            return
        self.pairs.pop(other, None)
        for end in (one, other):
            self.selector.unregister(end)
            end.close()

    def _run(self) -> None:
        while not self.over:
            ready = self.selector.select(0.02) if self.passes else []
            if not self.passes:
                threading.Event().wait(0.02)
            with self.lock:
                for key, _ in ready:
                    if key.fileobj is self.listener:
                        self._accept()
                    elif key.fileobj in self.pairs:
                        self._forward(key.fileobj)

    def _accept(self) -> None:
        one, _ = self.listener.accept()
        other = socket.create_connection(self.target)
        for end, peer in ((one, other), (other, one)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[end] = peer
            self.selector.register(end, selectors.EVENT_READ)

    def _forward(self, one: socket.socket) -> None:
        try:
            data = one.recv(65536)
            if data:
                self.pairs[one].sendall(data)
                return
        except OSError:
            pass
        self._drop(one)


@contextlib.contextmanager
def gate(target: tuple[str, int]) -> Iterator[Gate]:
    made = Gate(target)
    try:
        yield made
    finally:
        made.close()
