"""Progress of an attempt: at most some twenty frames a second, the last one always.

`ctx.progress` is often called in the innermost loop. What comes too soon after the last frame is kept, and a
helper thread, which lives only while such bursts do, sends the newest of it a moment later.
"""

from __future__ import annotations

import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from engine.worker.frames import Frames

APART_SECONDS = 0.05


class Progress:
    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._lock = allocate_lock()
        self._sent_at = 0.0
        self._kept: tuple[str, float | None, str | None, float] | None = None
        self._thread: threading.Thread | None = None
        self._stop: threading.Event | None = None

    def report(self, claim: str, fraction: float | None, message: str | None, at: float) -> None:
        now = time.monotonic()
        if self._thread is None and now - self._sent_at >= APART_SECONDS:
            self._sent_at = now
            self._send(claim, fraction, message, at)
            return
        self._kept = (claim, fraction, message, at)
        if self._thread is None:
            self._begin()

    def finish(self) -> None:
        """End of an attempt: what is kept goes out now, and the thread ends."""
        thread, stop = self._thread, self._stop
        if thread is not None and stop is not None:
            stop.set()
            thread.join()
            self._thread = self._stop = None
        self._flush()
        self._sent_at = 0.0

    def _begin(self) -> None:
        import threading

        with self._lock:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._work, args=(self._stop,), daemon=True)
                self._thread.start()

    def _work(self, stop: threading.Event) -> None:
        while not stop.wait(APART_SECONDS):
            self._flush()

    def _flush(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._send(*kept)

    def _send(self, claim: str, fraction: float | None, message: str | None, at: float) -> None:
        self._frames.say("progress", claim, fraction=fraction, message=message, at=at)
