"""The soft time limit inside a node process.

The supervisor sends SIGUSR1 at the limit. The signal may come so late that the next attempt is already running. So it
counts only if the limit has passed by this process's own clock.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from engine.worker.errors import SoftTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

EARLY_SECONDS = 0.05
"""How much before the limit a signal counts. The supervisor's clock of an attempt starts a little later than this one,
so only a rounding error makes the signal early."""
REPEAT_SECONDS = 0.002

interrupts: list[Callable[[], object]] = []
"""Called when the limit is raised. Without them DuckDB would first finish its query on other threads."""


class SoftLimit:
    """Raises SoftTimeout in the main thread, between any two of its steps, once per attempt."""

    __slots__ = ("deadline", "ignored_at", "is_raised", "seconds")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """Monotonic time from which the signal counts; None if no attempt runs, it has no limit, or it was raised."""
        self.ignored_at = float("-inf")
        """Monotonic time of the last signal that came while there was no deadline."""
        self.seconds = 0.0
        self.is_raised = False
        """Whether the limit was raised in the running attempt, or in the last one if none runs."""

    def install(self) -> None:
        signal.signal(signal.SIGUSR1, self.on_signal)

    def dropped_error(self) -> SoftTimeout | None:
        """Return the error if C code has dropped it and raised another one; None if it was not dropped."""
        if self.is_raised and self.deadline == 0.0:
            return SoftTimeout(f"The soft limit of {self.seconds:g} s has passed.")
        return None

    def arm(self, seconds: float | None, began: float) -> None:
        """Set the soft limit of an attempt that was reported as started just after the monotonic time `began`."""
        self.is_raised = False
        interrupts.clear()
        if seconds is None:
            self.deadline = None
            return
        self.seconds = seconds
        # The deadline does not count from now, because on a busy machine the supervisor may have started its clock long
        # ago.
        self.deadline = began + seconds - EARLY_SECONDS
        if self.ignored_at >= max(began, self.deadline):
            self.on_signal(signal.SIGUSR1, None)

    def disarm(self) -> None:
        self.deadline = None
        interrupts.clear()

    def on_signal(self, signum: int, frame: object) -> None:
        now = time.monotonic()
        if self.deadline is None:
            self.ignored_at = now
            return
        if now < self.deadline:
            return
        self.deadline = None
        self.is_raised = True
        duckdb = sys.modules.get("duckdb")
        if duckdb is not None and not interrupts:
            # The author may wait for a query of the default connection.
            interrupts.append(lambda: duckdb.default_connection().interrupt())
        for interrupt in interrupts:
            try:
                interrupt()
            except Exception:  # noqa: S112
                # The author has closed the connection, or the package is being imported.
                continue
        raise _ObservedTimeout(self)

    def repeat(self) -> None:
        """Raise the error again a moment later, because C code has dropped it before any Python code saw it."""
        import _thread

        if self.deadline is None and self.is_raised:
            self.deadline = 0.0
            _thread.start_new_thread(_send_signal_soon, ())


class _ObservedTimeout(SoftTimeout):
    """A SoftTimeout that notices when C code drops it, as DuckDB does, which raises an error of its own instead."""

    def __init__(self, limit: SoftLimit) -> None:
        super().__init__(f"The soft limit of {limit.seconds:g} s has passed.")
        self._limit = limit

    def __del__(self) -> None:
        passed = self.__traceback__
        # If the error has reached Python code, the frame of that code comes before the handler's.
        if passed is None or passed.tb_frame.f_code is SoftLimit.on_signal.__code__:
            self._limit.repeat()


_ObservedTimeout.__name__ = _ObservedTimeout.__qualname__ = "SoftTimeout"


def _send_signal_soon() -> None:
    time.sleep(REPEAT_SECONDS)
    os.kill(os.getpid(), signal.SIGUSR1)
