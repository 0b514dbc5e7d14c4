"""Which attempt a node process has begun last, where the end of all processes leaves it.

An attempt can take the scheduler with it before anything of it is stored, and would then be taken for one that never
began, again and again. The note is written in memory that belongs to a file: no system call an attempt, and whatever
is killed, the kernel keeps it.
"""

from __future__ import annotations

import mmap
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOTE_SUFFIX = ".begun"
NOTE_BYTES = 128


class StartNote:
    """The note at `path`. Without room for it nothing is noted."""

    def __init__(self, path: str) -> None:
        self._memory: mmap.mmap | None = None
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                # Written, not only made longer: memory of a hole would end the process when the disk is full.
                os.write(descriptor, b" " * NOTE_BYTES)
                self._memory = mmap.mmap(descriptor, NOTE_BYTES)
            finally:
                os.close(descriptor)
        except (OSError, ValueError):
            pass

    def write(self, claim: str) -> None:
        if self._memory is not None:
            self._memory[:] = f"{claim} {time.time():.6f}".encode().ljust(NOTE_BYTES)


def read_all(folder: str) -> Mapping[str, float]:
    """{claim: unix time} of the notes in `folder`."""
    found = {}
    try:
        entries = [entry.path for entry in os.scandir(folder) if entry.name.endswith(NOTE_SUFFIX)]
    except OSError:
        return {}
    for path in entries:
        try:
            with open(path, "rb") as file:
                claim, at = file.read(NOTE_BYTES).decode("ascii").split()
            found[claim] = float(at)
        except (OSError, ValueError):
            # Nothing was begun there, or the process was killed while it wrote: before the attempt's first line.
            continue
    return found
