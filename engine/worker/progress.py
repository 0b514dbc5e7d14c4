"""Sends the progress of an attempt: at most about 20 frames a second, and always the last report.

`ctx.progress` is often called in the innermost loop. A report that comes too soon after the last frame is held, and a
thread, which exists only during such bursts, sends the newest one a moment later.
"""

from __future__ import annotations

import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading

    from engine.worker.frames import FrameWriter

APART_SECONDS = 0.05


class ProgressReporter:
    def __init__(self, frames: FrameWriter) -> None:
        self._frames = frames
        self._lock = allocate_lock()
        self._sent_at = 0.0
        self._held: tuple[str, float | None, str | None, float] | None = None
        self._thread: threading.Thread | None = None
        self._stop: threading.Event | None = None

    def report(self, claim: str, fraction: float | None, message: str | None, at: float) -> None:
        """Send the progress now, or hold it until the next frame may be sent."""
        now = time.monotonic()
        if self._thread is None and now - self._sent_at >= APART_SECONDS:
            self._sent_at = now
            self._send(claim, fraction, message, at)
            return
        self._held = (claim, fraction, message, at)
        if self._thread is None:
            self._start_thread()

    def finish(self) -> None:
        """End the thread and send what is held, because the attempt has ended."""
        thread, stop = self._thread, self._stop
        if thread is not None and stop is not None:
            stop.set()
            thread.join()
            self._thread = self._stop = None
        self._flush()
        self._sent_at = 0.0

    def _start_thread(self) -> None:
        import threading

        with self._lock:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stop,), daemon=True)
                self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(APART_SECONDS):
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._send(*held)

    def _send(self, claim: str, fraction: float | None, message: str | None, at: float) -> None:
        self._frames.send_frame("progress", claim, fraction=fraction, message=message, at=at)
