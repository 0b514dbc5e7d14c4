"""Frames that a node process sends to its supervisor over a pipe: 4 bytes of length and a JSON object each."""

from __future__ import annotations

import json
import os
import signal
import time
from _thread import allocate_lock, get_ident

from engine import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LINE_BYTES_MAX = 16 * 1024
LEVELS = ("debug", "info", "warning", "error")
PIPE_BUF = 4096
WRITE_BYTES = 16 * 1024
"""Size of the parts in which a large frame is written; the pipe holds no more than 64 KiB."""

_ALL_SIGNALS = signal.valid_signals()

_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(body: bytes) -> bytes:
    """Return the frame with this body."""
    return len(body).to_bytes(4, "little") + body


def to_json(value: object) -> bytes:
    """Return `value` as compact ASCII JSON. Raises TypeError or ValueError for what is not JSON."""
    return _encode(value).encode()


def cut(line: str) -> str:
    """Return a log line, cut to LINE_BYTES_MAX of UTF-8."""
    if len(line) * 4 <= LINE_BYTES_MAX:
        return line
    raw = line.encode("utf-8", "surrogatepass")
    if len(raw) <= LINE_BYTES_MAX:
        return line
    return raw[: LINE_BYTES_MAX - 40].decode("utf-8", "ignore") + f" ... ({len(raw):,} bytes, cut)"


class FrameWriter:
    """Writes each frame completely or not at all, from any thread and from the author's signal handlers."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._lock = allocate_lock()
        self._owner = 0
        """Ident of the thread that is writing; 0 for none."""
        self.before_log: Callable[[str], object] | None = None
        """Called with the claim before a log line is sent."""
        self._queued: list[bytes] = []

    def send(self, data: bytes) -> None:
        """Write packed frames. Blocks while the pipe is full. Raises OSError if the reader has closed it."""
        me = get_ident()
        if self._owner == me:
            # The author's signal handler was called while this thread was writing a frame.
            self._queued.append(data)
            return
        with self._lock:
            try:
                self._owner = me
                if self._queued:
                    # Frames that were held, or those of a signal handler that raised an error, which dropped the frame
                    # it interrupted.
                    data = b"".join((*self._queued, data))
                    self._queued.clear()
                self._write(data)
                while self._queued:
                    self._write(self._queued.pop(0))
            finally:
                self._owner = 0

    def hold(self, data: bytes) -> None:
        """Write packed frames together with the next ones, or when `flush` is called."""
        self._queued.append(data)

    def flush(self) -> None:
        """Write the held frames."""
        if self._queued:
            self.send(b"")
            faults.point("node.written")

    def _write(self, data: bytes) -> None:
        # Up to PIPE_BUF bytes are written at once or not at all. A larger frame could be cut by an exception from a
        # signal handler, which would break the channel, so signals are blocked until it is written.
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

    def send_frame(self, kind: str, claim: str, **fields: Any) -> None:
        self.send(pack(to_json({"k": kind, "c": claim, "at": time.time(), **fields})))

    def send_log(self, claim: str, level: str, message: str) -> None:
        if self.before_log is not None:
            self.before_log(claim)
        self.send_frame("log", claim, level=level, m=cut(message))
