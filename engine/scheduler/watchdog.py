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
        self._loop_thread = 0

    def __enter__(self) -> "Watchdog":
        self._loop_thread = threading.get_ident()
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
                _dump(_reason(self._loop_thread))
                os._exit(STALLED)


def _reason(thread: int) -> str:
    """Return in words what the loop waits for."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("django.db.backends."):
            return "the database has not answered"
        frame = frame.f_back
    return "no turn of its loop has ended"


def _dump(reason: str) -> None:
    """Write why it ends to stderr, and with the stacks of all threads to the log file, if there is one. Takes no lock,
    because the loop may hold it."""
    line = f"scheduler_stalled: {reason} for {CHECKS_MAX * CHECK_SECONDS:.0f} s; it ends now\n".encode()
    descriptor = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    os.write(descriptor, line)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and handler.stream is not None:
            descriptor = handler.stream.fileno()
            os.write(descriptor, line)
    faulthandler.dump_traceback(descriptor, all_threads=True)
