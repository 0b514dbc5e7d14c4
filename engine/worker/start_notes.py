"""Notes which attempts each node process has started last, for a supervisor that starts after a crash.

A scheduler may be killed, also by an attempt, before it has stored what was started. Without the notes those attempts
would seem never to have started, and would be started again without a record. Notes are written to memory that is
mapped to a file: that takes no system call per attempt, and the kernel keeps it whatever is killed.
"""

from __future__ import annotations

import mmap
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOTE_SUFFIX = ".begun"
NOTE_BYTES = 64
NOTES = 128
"""Notes of one process, of which the oldest is overwritten: twice as many as it may be sent ahead (`PREFETCH_MAX`)."""


class StartNotes:
    """The notes of one node process. Nothing is noted if the disk is full."""

    def __init__(self, path: str) -> None:
        self._memory: mmap.mmap | None = None
        self._next = 0
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                # The file is written and not only extended, because on a full disk a write to a hole would end the
                # process.
                os.write(descriptor, b" " * (NOTES * NOTE_BYTES))
                self._memory = mmap.mmap(descriptor, NOTES * NOTE_BYTES)
            finally:
                os.close(descriptor)
        except (OSError, ValueError):
            pass

    def write(self, claim: str) -> None:
        """Note that this attempt starts now."""
        if self._memory is not None:
            at, self._next = self._next * NOTE_BYTES, (self._next + 1) % NOTES
            self._memory[at : at + NOTE_BYTES] = f"{claim} {time.time():.6f}".encode().ljust(NOTE_BYTES)


def read_all(folder: str) -> Mapping[str, float]:
    """Return {claim: unix time} from the notes in `folder`."""
    found: dict[str, float] = {}
    try:
        entries = [entry.path for entry in os.scandir(folder) if entry.name.endswith(NOTE_SUFFIX)]
    except OSError:
        return {}
    for path in entries:
        try:
            with open(path, "rb") as file:
                notes = file.read(NOTES * NOTE_BYTES)
        except OSError:
            continue
        for start in range(0, len(notes), NOTE_BYTES):
            try:
                claim, at = notes[start : start + NOTE_BYTES].decode("ascii").split()
                found[claim] = float(at)
            except ValueError:
                # Nothing was noted here, or the process was killed meanwhile, which is before the attempt's first line.
                continue
    return found
