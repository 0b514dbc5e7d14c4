"""A queue for SQLite's write lock, which is not fair: a busy scheduler would nearly always get it first.

A process that wants to write waits for its turn, begins its transaction and ends its turn. So no process begins twice
while another one waits. A turn is an flock on the folder of the database, which the kernel releases when its holder
ends. A process that has waited too long begins without it.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import monotonic, sleep
from typing import Final

POLL_SECONDS: Final = 0.0005


class WriteQueue:
    """The queue of one database for all threads of this process. One of them at a time waits for other processes."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._file = -1
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Hold the turn within the context; after `seconds` of waiting, go on without it."""
        deadline = monotonic() + seconds
        is_locked = self._lock.acquire(timeout=seconds)
        try:
            if is_locked:
                self._wait(deadline)
            yield
        finally:
            if is_locked:
                if self._file >= 0:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                self._lock.release()

    def _wait(self, deadline: float) -> None:
        try:
            if self._file < 0:
                self._file = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            while True:
                try:
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    if monotonic() >= deadline:
                        return
                sleep(POLL_SECONDS)
        except OSError:
            # The file system has no locks on folders.
            return

    @property
    def is_free(self) -> bool:
        """Whether no thread of this process holds the turn."""
        return not self._lock.locked()


@cache
def write_queue_of(database: str) -> WriteQueue:
    """Return the queue of a database file."""
    return WriteQueue(os.path.dirname(os.path.abspath(database)))
