"""Notes which attempt each node process has started last, for a supervisor that starts after a crash.

An attempt may kill the scheduler before its start is stored. Without the note it would seem never to have started, and
would be started again and again. The note is written to memory that is mapped to a file: that takes no system call per
attempt, and the kernel keeps it whatever is killed.
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
    """The note of one node process. Nothing is noted if the disk is full."""

    def __init__(self, path: str) -> None:
        self._memory: mmap.mmap | None = None
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                # The file is written and not only extended, because on a full disk a write to a hole would end the
                # process.
                os.write(descriptor, b" " * NOTE_BYTES)
                self._memory = mmap.mmap(descriptor, NOTE_BYTES)
            finally:
                os.close(descriptor)
        except (OSError, ValueError):
            pass

    def write(self, claim: str) -> None:
        """Note that this attempt starts now."""
        if self._memory is not None:
            self._memory[:] = f"{claim} {time.time():.6f}".encode().ljust(NOTE_BYTES)


def read_all(folder: str) -> Mapping[str, float]:
    """Return {claim: unix time} from the notes in `folder`."""
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
            # The process started nothing, or was killed while it wrote, which is before the attempt's first line.
            continue
    return found
