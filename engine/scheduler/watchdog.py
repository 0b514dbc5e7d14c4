"""Ends a scheduler whose loop hangs, and writes the stacks of its threads to the log; `up` starts it again.

Otherwise only readers of the heartbeat would notice a call that hangs. A thread checks every second whether the loop
has made a turn. It counts checks, not seconds: by a clock, a process that was stopped and continued (Ctrl-Z, a paused
container) would seem to hang, and its running nodes would be lost. C code that never releases the interpreter's lock is
not noticed, because it stops this thread too.
"""

import faulthandler
import logging
import os
import sys
import threading

CHECKS_MAX = 30
CHECK_SECONDS = 1.0
"""Together longer than a statement may wait for SQLite's lock (20 s)."""
STALLED = 71
"""Exit code of a process whose loop hung (EX_OSERR)."""


class Watchdog:
    """Watches the loop while its `with` block runs."""

    def __init__(self) -> None:
        self.turns = 0
        """The loop increments it in each turn."""
        self.paused = False
        """Set while the loop does something that may take long."""
        self._stopped = threading.Event()

    def __enter__(self) -> "Watchdog":
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        seen, stalled = self.turns, 0
        while not self._stopped.wait(CHECK_SECONDS):
            turns = self.turns
            stalled = stalled + 1 if turns == seen and not self.paused else 0
            seen = turns
            if stalled >= CHECKS_MAX:
                _dump()
                os._exit(STALLED)


def _dump() -> None:
    """Write the stacks of all threads to the log file, or to stderr. Takes no lock, because the loop may hold it."""
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and handler.stream is not None:
            descriptor = handler.stream.fileno()
    os.write(descriptor, b"scheduler_stalled: no turn of its loop ended for too long; it ends now. Its threads:\n")
    faulthandler.dump_traceback(descriptor, all_threads=True)
