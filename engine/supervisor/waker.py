"""Ends a wait on a selector from another thread or a signal handler."""

import os


class Waker:
    """A pipe to register for reading, open as long as the process lives. `wake` may be called from anywhere."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        return self._reader

    def wake(self) -> None:
        """Make the pipe readable."""
        try:
            os.write(self._writer, b"\0")
        except OSError:
            # The pipe is full, so it is readable already.
            pass

    def drain(self) -> None:
        """Empty the pipe, so that the next wait lasts until the next `wake`."""
        try:
            os.read(self._reader, 4096)
        except OSError:
            pass
