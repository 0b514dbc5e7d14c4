"""A proxy to PostgreSQL that loses the outcome of one statement, so that the sender cannot know whether it was done."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

QUERY, READY = b"Q", b"Z"
_UNCIPHERED = (80877103, 80877104)
"""Codes of requests for encryption, after which a client starts again."""

OUTCOMES = ("answer lost", "statement lost", "done late")
"""It was done, but the answer is lost; it never arrived; it is done after the client has given up."""
LATE_SECONDS = 0.7


class Loss:
    """A planned loss: the next statement by `role` (part of its application_name) whose text `matches`."""

    def __init__(self, role: str, matches: str, outcome: str) -> None:
        assert outcome in OUTCOMES
        self.role, self.matches, self.outcome = role, re.compile(matches.encode(), re.DOTALL), outcome
        self.met = threading.Event()
        """The client was disconnected."""

    def is_of(self, application: str, text: bytes) -> bool:
        return self.role in application and self.matches.search(text) is not None


class LossyProxy:
    """Forwards a port of the loopback to the server. End it with `close`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.waiting: list[Loss] = []
        self.open: set[_Connection] = set()
        threading.Thread(target=self._accept, name="lossy proxy", daemon=True).start()

    def lose(self, role: str, matches: str, outcome: str) -> Loss:
        loss = Loss(role, matches, outcome)
        with self.lock:
            self.waiting.append(loss)
        return loss

    def taken(self, application: str, text: bytes) -> Loss | None:
        """Return the loss that applies to this statement."""
        with self.lock:
            found = next((one for one in self.waiting if one.is_of(application, text)), None)
            if found is not None:
                self.waiting.remove(found)
            return found

    def close(self) -> None:
        # It wakes the accepting thread.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            found = list(self.open)
        for one in found:
            one.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            made = _Connection(self, client, server)
            with self.lock:
                self.open.add(made)
            threading.Thread(target=made.serve, daemon=True).start()


class _Connection:
    """One client's connection, with a thread for each direction."""

    def __init__(self, proxy: LossyProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.loss: Loss | None = None
        self.down = threading.Thread(target=self._do, args=(self._down,), daemon=True)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        self.down.start()
        self._do(self._up)
        self.down.join()
        for end in (self.client, self.server):
            end.close()
        with self.proxy.lock:
            self.proxy.open.discard(self)

    def _do(self, work: Callable[[], None]) -> None:
        # Either end may close at any moment; then the other one is closed too.
        with contextlib.suppress(OSError, EOFError):
            work()
        self.cut()
        if self.loss is not None:
            self.loss.met.set()

    def cut(self) -> None:
        for end in (self.client, self.server):
            _shut(end)

    def _up(self) -> None:
        """Forward from the client, message by message."""
        application = self._startup()
        while True:
            head = _exactly(self.client, 5)
            body = _exactly(self.client, int.from_bytes(head[1:], "big") - 4)
            # A query is only sent after all earlier answers were read, so the next answer is this one's.
            self.loss = self.proxy.taken(application, body.rstrip(b"\0")) if head[:1] == QUERY else None
            if self.loss is not None and self.loss.outcome == "statement lost":
                return
            if self.loss is not None and self.loss.outcome == "done late":
                _shut(self.client)
                self.loss.met.set()
                time.sleep(LATE_SECONDS)
            self.server.sendall(head + body)
            if self.loss is not None:
                self.down.join()
                return

    def _startup(self) -> str:
        """Read up to the message that starts the session. Return the application's name in it."""
        while True:
            length = _exactly(self.client, 4)
            body = _exactly(self.client, int.from_bytes(length, "big") - 4)
            self.server.sendall(length + body)
            if int.from_bytes(body[:4], "big") not in _UNCIPHERED:
                words = body[4:].split(b"\0")
                return dict(zip(words[::2], words[1::2], strict=False)).get(b"application_name", b"").decode()

    def _down(self) -> None:
        """Forward from the server; the answer of a lost statement is only read to its end."""
        answer = b""
        while data := self.server.recv(65536):
            if self.loss is None:
                self.client.sendall(data)
                continue
            answer += data
            if _is_over(answer):
                _shut(self.client)
                self.loss.met.set()
                # The server learns later that a client has gone.
                time.sleep(LATE_SECONDS)
                return


def _is_over(answer: bytes) -> bool:
    """Return whether the server is ready for the next statement."""
    at = 0
    while at + 5 <= len(answer):
        if answer[at : at + 1] == READY:
            return True
        at += 1 + int.from_bytes(answer[at + 1 : at + 5], "big")
    return False


def _exactly(end: socket.socket, n: int) -> bytes:
    found = bytearray()
    while len(found) < n:
        data = end.recv(n - len(found))
        if not data:
            raise EOFError
        found += data
    return bytes(found)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def lossy_proxy(target: tuple[str, int]) -> Iterator[LossyProxy]:
    made = LossyProxy(target)
    try:
        yield made
    finally:
        made.close()
