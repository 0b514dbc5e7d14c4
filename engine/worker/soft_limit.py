"""The soft time limit inside a node process.

The supervisor sends SIGUSR1 at the limit. The signal may come late, when the attempt has ended and the next one
runs; so it counts only when this process itself has seen enough time pass.
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
"""The supervisor's clock of an attempt starts a little after ours; rounding must not make us miss its signal."""
AGAIN_SECONDS = 0.002

interrupts: list[Callable[[], object]] = []
"""What the running attempt wants called when it is told: DuckDB would first finish its query on other threads."""


class SoftLimit:
    """Raises SoftTimeout in the main thread, between any two of its steps, once an attempt."""

    __slots__ = ("deadline", "missed_at", "seconds", "told")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """Monotonic time from which the signal counts; None: no attempt runs, it has no limit, or it was told."""
        self.missed_at = float("-inf")
        """Monotonic time of the last signal that came while there was none."""
        self.seconds = 0.0
        self.told = False
        """Whether the running attempt was told, or the last one, when none runs."""

    def install(self) -> None:
        signal.signal(signal.SIGUSR1, self.on_signal)

    def dropped(self) -> SoftTimeout | None:
        """The exception, when C code took it for its own and raised something else; None: it was not so."""
        if self.told and self.deadline == 0.0:
            return SoftTimeout(f"The soft limit of {self.seconds:g} s has passed.")
        return None

    def arm(self, seconds: float | None, began: float) -> None:
        """An attempt goes on that was told as started after the monotonic time `began`; `seconds` is its soft limit,
        None without one."""
        self.told = False
        interrupts.clear()
        if seconds is None:
            self.deadline = None
            return
        self.seconds = seconds
        # Not from now: on a busy machine the supervisor may have begun to count long ago.
        self.deadline = began + seconds - EARLY_SECONDS
        if self.missed_at >= max(began, self.deadline):
            self.on_signal(signal.SIGUSR1, None)

    def disarm(self) -> None:
        self.deadline = None
        interrupts.clear()

    def on_signal(self, signum: int, frame: object) -> None:
        now = time.monotonic()
        if self.deadline is None:
            self.missed_at = now
            return
        if now < self.deadline:
            return
        self.deadline = None
        self.told = True
        duckdb = sys.modules.get("duckdb")
        if duckdb is not None and not interrupts:
            # The author may wait for a query of the default connection.
            interrupts.append(lambda: duckdb.default_connection().interrupt())
        for interrupt in interrupts:
            try:
                interrupt()
            except Exception:  # noqa: S112
                # A connection that the author closed, or a package that is just being imported.
                continue
        raise _Raised(self)

    def again(self) -> None:
        """The exception never reached Python code: C code took it for its own. Tell once more, a moment later."""
        import _thread

        if self.deadline is None and self.told:
            self.deadline = 0.0
            _thread.start_new_thread(_signal_soon, ())


class _Raised(SoftTimeout):
    """A SoftTimeout that notices when C code drops it, as DuckDB does: it raises an error of its own instead."""

    def __init__(self, limit: SoftLimit) -> None:
        super().__init__(f"The soft limit of {limit.seconds:g} s has passed.")
        self._limit = limit

    def __del__(self) -> None:
        passed = self.__traceback__
        # What reached a frame of Python code carries that frame in front of the handler's.
        if passed is None or passed.tb_frame.f_code is SoftLimit.on_signal.__code__:
            self._limit.again()


_Raised.__name__ = _Raised.__qualname__ = "SoftTimeout"


def _signal_soon() -> None:
    time.sleep(AGAIN_SECONDS)
    os.kill(os.getpid(), signal.SIGUSR1)
