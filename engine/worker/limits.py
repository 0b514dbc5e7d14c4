"""The soft time limit inside a node process.

The supervisor sends SIGUSR1 at the limit. The signal may come late, when the attempt has ended and the next one
runs; so it counts only when this process itself has seen enough time pass.
"""

from __future__ import annotations

import signal
import time

from engine.worker.errors import SoftTimeout

EARLY_SECONDS = 0.05
"""The supervisor's clock of an attempt starts a little after ours; rounding must not make us miss its signal."""


class SoftLimit:
    """Raises SoftTimeout in the main thread, between any two of its steps, at most once an attempt."""

    __slots__ = ("deadline", "seconds")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """Monotonic time from which the signal counts; None: no attempt runs, it has no limit, or it was told."""
        self.seconds = 0.0

    def install(self) -> None:
        signal.signal(signal.SIGUSR1, self.on_signal)

    def arm(self, seconds: float | None) -> None:
        """An attempt begins; `seconds` is its soft limit, None without one."""
        if seconds is None:
            self.deadline = None
        else:
            self.seconds = seconds
            self.deadline = time.monotonic() + seconds - EARLY_SECONDS

    def disarm(self) -> None:
        self.deadline = None

    def on_signal(self, signum: int, frame: object) -> None:
        if self.deadline is None or time.monotonic() < self.deadline:
            return
        self.deadline = None
        raise SoftTimeout(f"The soft limit of {self.seconds:g} s has passed.")
