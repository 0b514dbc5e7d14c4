"""Standard streams and `logging` of node code.

Standard output and error are pipes that the supervisor reads, so that it also gets what C code and child processes
print; here they are only set to flush every line. Records of `logging` are sent as frames, with their level.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
import termios
import time

from engine.worker.import_hooks import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.worker.frames import FrameWriter

READ_SECONDS = 5.0
"""How long an attempt that has ended waits for its output to be read. A child that goes on printing must not hold it
up."""

ORDER_SECONDS, ORDER_SECONDS_EACH = 0.5, 0.05
"""How long the log lines of an attempt, and one of them, wait for printed output to be read."""


def open_streams() -> None:
    """Set stdout and stderr to UTF-8 and to flush every line, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def flush_streams() -> bool:
    """Flush what the author printed; return False if a stream of the process is closed or broken."""
    intact = True
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except Exception:
            # The author may have replaced a stream by anything; only the process's own matter.
            if stream is sys.__stdout__ or stream is sys.__stderr__:
                intact = False
    return intact


def wait_until_read() -> None:
    """Wait until the supervisor has read everything that was printed.

    All attempts of the process use the same pipes, and the next one may print at once: its output cannot be mistaken
    only if the pipes are empty when an attempt ends.
    """
    end = 0.0
    for descriptor in (1, 2):
        while _unread_bytes(descriptor):
            now = time.monotonic()
            end = end or now + READ_SECONDS
            if now > end:
                return
            time.sleep(0.0002)


def _unread_bytes(descriptor: int) -> int:
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
    except OSError:
        return 0


class OutputOrder:
    """Keeps printed and logged lines in order: they reach the supervisor by different pipes, so a log line waits until
    what was printed before it has been read.

    An attempt waits for ORDER_SECONDS in all: the order must not slow down code that prints and logs a lot.
    """

    def __init__(self) -> None:
        self._claim = ""
        self._left = 0.0

    def wait(self, claim: str) -> None:
        if claim != self._claim:
            self._claim, self._left = claim, ORDER_SECONDS
        if self._left <= 0.0 or not (_unread_bytes(1) or _unread_bytes(2)):
            return
        began = now = time.monotonic()
        end = began + min(self._left, ORDER_SECONDS_EACH)
        while now < end and (_unread_bytes(1) or _unread_bytes(2)):
            time.sleep(0.0002)
            now = time.monotonic()
        self._left -= now - began


class LogForwarder:
    """Sends records of `logging` from INFO on to the supervisor, from the moment when an attempt imports it."""

    def __init__(self, frames: FrameWriter) -> None:
        self.claim: str | None = None
        """The running attempt."""
        self._frames = frames
        self._pid = os.getpid()
        self._restore: Callable[[], None] | None = None
        when_imported("logging", self._set_up)

    def reset(self) -> None:
        """Undo what an attempt has configured."""
        self.claim = None
        if self._restore is not None:
            self._restore()

    def _set_up(self) -> None:
        from engine.worker.log_records import RootLogger

        self._restore = RootLogger(self._send).restore

    def _send(self, level: str, message: str) -> None:
        if os.getpid() != self._pid:
            # A forked child has no frame pipe.
            print(message, file=sys.stderr, flush=True)
        elif self.claim is not None:
            self._frames.send_log(self.claim, level, message)
