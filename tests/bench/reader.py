"""The second process of `bench load`: requests pages at a fixed rate and watches a run with two sockets.

Run as a module. It reads one JSON object, {"port", "cookie"}, then the id of a run per line, whose pages it requests
from then on. At the end of its input it writes {"seconds": {kind: [..]}, "socket_bytes": n} and exits. It loads no
Django and parses nothing that it receives, to leave the cores to the product.
"""

import base64
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

RATE: Final = 10.0
"""Requests per second in total."""
SOCKETS: Final = 2
CONNECTIONS: Final = 4
"""A late request delays no other: each is sent when it is due."""
KINDS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("overview", lambda run: "/"),
    ("run page", lambda run: f"/runs/{run}/"),
    ("nodes", lambda run: f"/api/v1/runs/{run}/nodes/"),
)
HELLO: Final = b'{"type":"hello"}'


class SocketReader(threading.Thread):
    """A socket on a run whose messages are read and discarded."""

    def __init__(self, port: int, cookie: str, run: str) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.received = 0
        self.error: BaseException | None = None
        """Why it ended before it was closed."""
        self._closing = False
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws/runs/{run}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Cookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.start()

    def run(self) -> None:
        buffer = bytearray(1 << 18)
        try:
            begun = self.socket.recv(4096)
            if not begun.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"The socket was refused: {begun[:200].decode(errors='replace')}")
            self.received = len(begun.partition(b"\r\n\r\n")[2])
            # One text frame with a zero mask, as a client sends it.
            self.socket.sendall(bytes([0x81, 0x80 | len(HELLO), 0, 0, 0, 0]) + HELLO)
            while size := self.socket.recv_into(buffer):
                self.received += size
            raise RuntimeError("The product closed a socket.")
        except BaseException as error:
            if not self._closing:
                self.error = error

    def close(self) -> None:
        self._closing = True
        if self.is_alive():
            self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


class Reader:
    """Requests the pages of one run in turn."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        self.run: str | None = None
        self.seconds: dict[str, list[float]] = {kind: [] for kind, _ in KINDS}
        self.socket_bytes = 0
        self.errors: list[BaseException] = []
        self._watchers: list[SocketReader] = []
        self._stop = threading.Event()
        self._idle = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(CONNECTIONS)]
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._clock = threading.Thread(target=self._ask_all)

    def watch(self, run: str) -> None:
        """Switch to this run."""
        self._unwatch()
        self._watchers = [SocketReader(self.port, self.cookie, run) for _ in range(SOCKETS)]
        begin, self.run = self.run is None, run
        if begin:
            self._clock.start()

    def _unwatch(self) -> None:
        for watcher in self._watchers:
            watcher.close()
            self.socket_bytes += watcher.received
            if watcher.error is not None:
                self.errors.append(watcher.error)
        self._watchers = []

    def _ask_all(self) -> None:
        due = time.perf_counter()
        number = 0
        while not self._stop.wait(max(0.0, due - time.perf_counter())):
            self._pool.submit(self._ask, *KINDS[number % len(KINDS)], due)
            number += 1
            due += 1 / RATE

    def _ask(self, kind: str, address: Callable[[str], str], due: float) -> None:
        connection = self._idle.pop()
        try:
            assert self.run is not None
            connection.request("GET", address(self.run), headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"GET {address(self.run)}: {answer.status}")
            self.seconds[kind].append(time.perf_counter() - due)
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._idle.append(connection)

    def end(self) -> dict[str, Any]:
        """Return what was measured. Raises the first error."""
        self._stop.set()
        if self.run is not None:
            self._clock.join()
        self._pool.shutdown()
        for connection in self._idle:
            connection.close()
        self._unwatch()
        if self.errors:
            raise self.errors[0]
        return {"seconds": self.seconds, "socket_bytes": self.socket_bytes}


def main() -> None:
    request = json.loads(sys.stdin.readline())
    reader = Reader(request["port"], request["cookie"])
    for line in sys.stdin:
        reader.watch(line.strip())
    print(json.dumps(reader.end()), flush=True)


if __name__ == "__main__":
    main()
