"""Who begins the next transaction: SQLite's lock is no queue, and a scheduler that is busy would find it free first.

Whoever wants to write takes the turn, begins, and lets it go at once. So nobody begins twice while another waits. It is
an flock on the folder of the database, which ends with its holder. It is a courtesy, no safety: who has waited for too
long begins without it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import monotonic, sleep
from typing import Final

LOOK_SECONDS: Final = 0.0005


class Turn:
    """The turn at one database, for all threads of this process: one of them waits for it, the others wait for that."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._file = -1
        self._mine = threading.Lock()

    @contextmanager
    def taken(self, seconds: float) -> Iterator[None]:
        """Wait for the turn, for so long at most, and have it inside."""
        deadline = monotonic() + seconds
        mine = self._mine.acquire(timeout=seconds)
        try:
            if mine:
                self._wait(deadline)
            yield
        finally:
            if mine:
                if self._file >= 0:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                self._mine.release()

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
                sleep(LOOK_SECONDS)
        except OSError:
            # A file system that has no such locks on folders.
            return

    @property
    def free(self) -> bool:
        """Whether no thread of this process has it."""
        return not self._mine.locked()


@cache
def turn_at(database: str) -> Turn:
    """The turn at a database file."""
    return Turn(os.path.dirname(os.path.abspath(database)))
