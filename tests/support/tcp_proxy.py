"""A TCP proxy that a test closes: connections are refused, hang, or are cut as by a network, in one or both
directions."""

import contextlib
import ctypes
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
BPF_RET = 0x06


def _drop_all(end: socket.socket) -> None:
    """Let the kernel drop all packets for this socket, so that nothing is acknowledged."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
    end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


class TcpProxy:
    """Forwards a port of `address` to `target` while it is open. End it with `close`."""

    def __init__(self, target: tuple[str, int], address: str = "127.0.0.1", port: int = 0) -> None:
        self.target = target
        self.listener = socket.create_server((address, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.pairs: dict[socket.socket, socket.socket] = {}
        self.clients: set[socket.socket] = set()
        """The ends of `pairs` that lead to clients."""
        self.forgotten: list[socket.socket] = []
        self.selector = selectors.DefaultSelector()
        self.lock = threading.RLock()
        self.held: tuple[bool, bool] = (False, False)
        """Whether traffic to the server, and back to clients, is blocked."""
        self.over = False
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @contextlib.contextmanager
    def hanging(self, *, there: bool = True, back: bool = True) -> Iterator[None]:
        """Block traffic to the server, or back from it, while the kernel still acknowledges it, as a stopped machine in
        between does."""
        self.held = there, back
        try:
            yield
        finally:
            self.held = False, False

    @contextlib.contextmanager
    def cut(self, *, there: bool = True) -> Iterator[None]:
        """Let packets disappear without acknowledgement, as on a pulled cable. Unless `there`, packets from clients
        still arrive, but no answers."""
        with self.lock:
            self.held = there, True
            ends = {self.listener, *self.pairs} - (set() if there else self.clients)
            for end in ends:
                _drop_all(end)
        try:
            yield
        finally:
            with self.lock:
                for end in ends & {self.listener, *self.pairs}:
                    end.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
                self.held = False, False

    def forget(self, *, unanswered: bool = False) -> int:
        """Close all connections to the server while clients get no end and no answer, and (`unanswered`) no
        acknowledgement. New connections work. Return the number of closed ones."""
        with self.lock:
            clients = list(self.clients)
            for one in clients:
                self.selector.unregister(one)
                server = self.pairs.pop(one)
                del self.pairs[server]
                self.selector.unregister(server)
                server.close()
                if unanswered:
                    _drop_all(one)
            self.forgotten += clients
            self.clients.clear()
        return len(clients)

    def close(self) -> None:
        self.over = True
        self.thread.join()
        with self.lock:
            for one in list(self.pairs):
                self._drop(one)
            for one in self.forgotten:
                one.close()
            self.listener.close()
            self.selector.close()

    def _drop(self, one: socket.socket) -> None:
        other = self.pairs.pop(one, None)
        if other is None:
            return
        self.pairs.pop(other, None)
        for end in (one, other):
            self.clients.discard(end)
            self.selector.unregister(end)
            end.close()

    def _passes(self, one: Any) -> bool:
        there, back = self.held
        return not (there if one is self.listener or one in self.clients else back)

    def _run(self) -> None:
        while not self.over:
            ready = self.selector.select(0.02)
            with self.lock:
                passing = [key.fileobj for key, _ in ready if self._passes(key.fileobj)]
                for one in passing:
                    if one is self.listener:
                        self._accept()
                    elif one in self.pairs:
                        self._forward(one)
            if ready and not passing:
                threading.Event().wait(0.02)

    def _accept(self) -> None:
        one, _ = self.listener.accept()
        try:
            other = socket.create_connection(self.target)
        except OSError:
            # The server is down: the client's connection ends, and the next one is tried anew.
            one.close()
            return
        self.clients.add(one)
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
def tcp_proxy(target: tuple[str, int], address: str = "127.0.0.1", port: int = 0) -> Iterator[TcpProxy]:
    made = TcpProxy(target, address, port)
    try:
        yield made
    finally:
        made.close()
