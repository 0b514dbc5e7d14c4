"""What ends a wait on a selector from another thread, or from a signal's handler."""

from __future__ import annotations

import os


class Waker:
    """A pipe to be watched for reading; it lasts as long as the process. All may ring, whoever waits calls `quiet`."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        return self._reader

    def wake(self) -> None:
        try:
            os.write(self._writer, b"\0")
        except OSError:
            # The pipe is full, and so rings.
            pass

    def drain(self) -> None:
        """It rings no more until it is rung again."""
        try:
            os.read(self._reader, 4096)
        except OSError:
            pass
