"""A websocket spoken by hand over a bare socket, which takes as many bytes as its owner says, when he says."""

import base64
import os
import socket
import struct
import threading
import time
from pathlib import Path

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
RECEIVE_BUFFER = 4096
"""Of the system, so that the server feels soon that nobody reads."""
TURN_SECONDS = 0.1
LISTENS = "0A"


def held(port: int) -> set[int]:
    """The ports of those to whom a process of this machine that listens on `port` holds a connection."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
        # What the system still has to send for a process that has let go has no inode.
        if int(local.split(":")[1], 16) == port and inode != "0" and state != LISTENS:
            found.add(int(remote.split(":")[1], 16))
    return found


class Pace:
    """How many bytes a second are taken; many sockets may share one. None: all there are; 0: none."""

    def __init__(self, bytes_a_second: int | None = None) -> None:
        self.bytes_a_second = bytes_a_second
        self._changed = threading.Event()

    def change(self, bytes_a_second: int | None) -> None:
        self.bytes_a_second = bytes_a_second
        self._changed.set()

    def wait(self, seconds: float) -> None:
        """Until the pace is changed for the first time, or for so long."""
        self._changed.wait(seconds)


class SlowSocket:
    """Has `send` and `recv` as the connections of `websockets` have, and raises EOFError when it was closed."""

    def __init__(self, port: int, path: str, token: str, pace: Pace) -> None:
        """Raises OSError when the handshake is refused."""
        self.pace = pace
        self.taken = 0
        """Bytes."""
        self._data = bytearray()
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.settimeout(20)
            self._socket.connect(("127.0.0.1", port))
            self._handshake(f"localhost:{port}", path, token)
        except BaseException:
            self._socket.close()
            raise

    @property
    def port(self) -> int:
        """Its own."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> "SlowSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _handshake(self, host: str, path: str, token: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._data:
            if not (data := self._socket.recv(1024)):
                raise OSError("closed in the handshake")
            self._data += data
        head, _, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise OSError(head.decode("latin-1"))
        self._data = bytearray(rest)

    def send(self, message: str) -> None:
        self._frame(TEXT, message.encode())

    def _frame(self, opcode: int, payload: bytes) -> None:
        assert len(payload) < 126
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self._socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)

    def recv(self, timeout: float = 5) -> str:
        """The next message. Raises TimeoutError when it is not whole after so long."""
        deadline = time.monotonic() + timeout
        while True:
            while (frame := self._cut()) is None:
                self._take(deadline)
            opcode, payload = frame
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self._frame(PONG, payload)
            elif opcode == CLOSE:
                raise EOFError(f"closed with {int.from_bytes(payload[:2], 'big')}: {payload[2:].decode()}")

    def _cut(self) -> tuple[int, bytes] | None:
        """(opcode, payload) of the first frame, if it is whole. Those of a server are neither masked nor in parts."""
        data = self._data
        if len(data) < 2:
            return None
        assert data[0] & 0xF0 == 0x80
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = struct.unpack(">H" if start == 4 else ">Q", data[2:start])[0]
        if len(data) < start + size:
            return None
        frame = data[0] & 0x0F, bytes(data[start : start + size])
        del data[: start + size]
        return frame

    def _take(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        most = self.pace.bytes_a_second
        if most is not None:
            self.pace.wait(min(left, TURN_SECONDS))
            if not most:
                return
        self._socket.settimeout(left)
        data = self._socket.recv(65536 if most is None else max(1, int(most * TURN_SECONDS)))
        if not data:
            raise EOFError("closed without a word")
        self.taken += len(data)
        self._data += data
