"""Standard streams and `logging` of node code.

Standard output and error are pipes that the supervisor reads, so that also C code and children are heard; here
they are only made to flow line by line. Records of `logging` go as frames, with their level.
"""

from __future__ import annotations

import fcntl
import io
import sys
import termios
import time

from engine.worker.import_hooks import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.worker.frames import Frames

READ_SECONDS = 5.0
"""How long the end of an attempt waits for its output to be read: a child that goes on printing must not hold it."""


def open_streams() -> None:
    """Make stdout and stderr UTF-8 and line by line, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def flush_streams() -> bool:
    """Push out what the author printed; False when a stream of the process itself is closed or broken."""
    whole = True
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except Exception:
            # The author may have put anything in their place; only the process' own matter.
            if stream is sys.__stdout__ or stream is sys.__stderr__:
                whole = False
    return whole


def wait_until_read() -> None:
    """Wait until the supervisor has read all that was printed.

    One pair of pipes serves all attempts, and the next one may print at once: only when the pipes are empty at the
    end of an attempt can its output not be taken for the next one's.
    """
    end = 0.0
    for descriptor in (1, 2):
        while _unread(descriptor):
            now = time.monotonic()
            end = end or now + READ_SECONDS
            if now > end:
                return
            time.sleep(0.0002)


def _unread(descriptor: int) -> int:
    """Bytes that stand in the pipe."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
    except OSError:
        return 0


class Logging:
    """The root logger as each attempt finds it: records from INFO on go to the supervisor, and nowhere else."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.claim: str | None = None
        """The running attempt."""
        self._restore: Callable[[], None] | None = None
        when_imported("logging", self._set_up)

    def reset(self) -> None:
        """Undo what an attempt has set up."""
        self.claim = None
        if self._restore is not None:
            self._restore()

    def _set_up(self) -> None:
        from engine.worker.log_records import Root

        self._restore = Root(self).restore
