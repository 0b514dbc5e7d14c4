"""Ends a scheduler whose loop stands still, with the stacks of its threads in the log; `up` starts it again.

A call that hangs is otherwise noticed by nobody but readers of the heartbeat. Time is counted in looks of a thread
of our own, not on a clock: a process that was stopped and goes on (Ctrl-Z, a paused container) has lost no turn, and
its running nodes must not be lost for it. A loop that holds the interpreter itself (never returns from C code) is
not noticed.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading

STALL_LOOKS = 30
LOOK_SECONDS = 1.0
"""Together longer than a statement waits for SQLite's lock (20 s), which is no reason to end."""
STALLED = 71
"""Exit code of a scheduler that stood still (EX_OSERR)."""


class Watchdog:
    """Watches while it is entered. The loop counts its turns in `turns`; `resting` is set where there are none."""

    def __init__(self) -> None:
        self.turns = 0
        self.resting = False
        self._over = threading.Event()

    def __enter__(self) -> Watchdog:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        seen, still = self.turns, 0
        while not self._over.wait(LOOK_SECONDS):
            turns = self.turns
            still = still + 1 if turns == seen and not self.resting else 0
            seen = turns
            if still >= STALL_LOOKS:
                _dump()
                os._exit(STALLED)


def _dump() -> None:
    """Write the stacks of all threads to the log's file, else to stderr. Takes no lock: the loop may hold it."""
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and handler.stream is not None:
            descriptor = handler.stream.fileno()
    os.write(descriptor, b"scheduler_stalled: no turn of its loop ended for too long; it ends now. Its threads:\n")
    faulthandler.dump_traceback(descriptor, all_threads=True)
