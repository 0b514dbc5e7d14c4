"""What a node process says to its supervisor: frames on one pipe, each 4 bytes of length and a JSON object."""

from __future__ import annotations

import json
import os
import signal
import time
from _thread import allocate_lock, get_ident

from engine import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINE_BYTES_MAX = 16 * 1024
LEVELS = ("debug", "info", "warning", "error")
PIPE_BUF = 4096
WRITE_BYTES = 16 * 1024
"""A large frame goes in pieces of this size, the pipe taking no more than 64 KiB at a time anyway."""

_ALL_SIGNALS = signal.valid_signals()

_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


def text(value: object) -> bytes:
    """`value` as compact ASCII JSON. Raises TypeError or ValueError for what is not JSON."""
    return _encode(value).encode()


def cut(line: str) -> str:
    """A log line as long as lines may be, in bytes of UTF-8."""
    if len(line) * 4 <= LINE_BYTES_MAX:
        return line
    raw = line.encode("utf-8", "surrogatepass")
    if len(raw) <= LINE_BYTES_MAX:
        return line
    return raw[: LINE_BYTES_MAX - 40].decode("utf-8", "ignore") + f" ... ({len(raw):,} bytes, cut)"


class Frames:
    """Writes frames, each whole or not at all, from any thread and also from signal handlers of the author's."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lock = allocate_lock()
        self._owner = 0
        """Thread that is writing, by its ident; 0: none."""
        self._queued: list[bytes] = []

    def send(self, data: bytes) -> None:
        """Write packed frames. Blocks while the pipe is full. Raises OSError when it is gone."""
        me = get_ident()
        if self._owner == me:
            # A signal handler of the author's, called in the middle of a frame of this very thread.
            self._queued.append(data)
            return
        with self._lock:
            try:
                self._owner = me
                if self._queued:
                    # Held, or said by a handler that then raised: the frame it came into was given up.
                    data = b"".join((*self._queued, data))
                    self._queued.clear()
                self._write(data)
                while self._queued:
                    self._write(self._queued.pop(0))
            finally:
                self._owner = 0

    def hold(self, data: bytes) -> None:
        """Write packed frames together with the next ones, or at `flush`."""
        self._queued.append(data)

    def flush(self) -> None:
        """Write what is held."""
        if self._queued:
            self.send(b"")
            faults.point("node.written")

    def _write(self, data: bytes) -> None:
        # A pipe takes up to PIPE_BUF bytes whole or not at all. More than that could be cut in two by an exception
        # out of a signal handler, and a torn frame costs the process; so signals wait until all is written.
        if len(data) <= PIPE_BUF:
            os.write(self.fd, data)
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
        try:
            sent = 0
            while sent < len(data):
                sent += os.write(self.fd, data[sent : sent + WRITE_BYTES])
                if sent < len(data):
                    faults.point("node.half_written")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def say(self, kind: str, claim: str, **more: Any) -> None:
        self.send(pack(text({"k": kind, "c": claim, "at": time.time(), **more})))

    def log(self, claim: str, level: str, message: str) -> None:
        self.say("log", claim, level=level, m=cut(message))
