"""Log lines and progress of one attempt, collected into reports."""

from collections.abc import Callable
from typing import Any

from engine.executors.base import Lines, Progress, Report
from engine.log_lines import clean
from engine.supervisor.attempt_log import AttemptLog
from engine.supervisor.channel import frame_time
from engine.supervisor.loop import NEVER

LINES_SECONDS = 0.1
LINES_BATCH = 200
PROGRESS_SECONDS = 0.1

Send = Callable[[Report], None]


class AttemptOutput:
    """Sends lines at most every LINES_SECONDS or LINES_BATCH, and progress at most every PROGRESS_SECONDS."""

    def __init__(self, claim: str) -> None:
        self.claim = claim
        self.log: AttemptLog | None = None
        """None until the first line."""
        self.lines_due = NEVER
        """Monotonic time at which collected lines are sent."""
        self.progress_due = NEVER
        """Monotonic time at which waiting progress is sent."""
        self.active_at = 0.0
        """Monotonic time of the last line or progress."""
        self._progress_sent_at = 0.0
        self._waiting_progress: Progress | None = None

    @property
    def printed(self) -> bool:
        """Whether the attempt wrote to stdout or stderr."""
        return self.log is not None and self.log.printed

    def add_bytes(self, stream: int, data: bytes, now: float, at: float, send: Send) -> None:
        """Add bytes of stdout (0) or stderr (1), read at unix time `at`."""
        if self.log is None:
            self.log = AttemptLog()
        self.log.feed(stream, data, at)
        self._collect(self.log, now, send)

    def add_log_frame(self, frame: dict[str, Any], now: float, send: Send) -> None:
        if self.log is None:
            self.log = AttemptLog()
        level = frame.get("level")
        if level not in ("debug", "info", "warning"):
            level = "error"
        self.log.add(frame_time(frame["at"]), level, str(frame.get("m", "")))
        self._collect(self.log, now, send)

    def _collect(self, log: AttemptLog, now: float, send: Send) -> None:
        self.active_at = now
        if len(log.pending) >= LINES_BATCH:
            self.flush_lines(send)
        elif log.pending and self.lines_due == NEVER:
            self.lines_due = now + LINES_SECONDS

    def flush_lines(self, send: Send) -> None:
        """Send the collected lines now."""
        self.lines_due = NEVER
        if self.log is not None and self.log.pending:
            send(Lines(self.claim, self.log.pending))
            self.log.pending = []

    def add_progress_frame(self, frame: dict[str, Any], now: float, send: Send) -> None:
        """Send the progress, or hold the newest until it is due."""
        self.active_at = now
        fraction = frame.get("fraction")
        message = frame.get("message")
        progress = Progress(
            self.claim,
            None if fraction is None else float(fraction),
            None if message is None else clean(str(message)),
            frame_time(frame["at"]),
        )
        if now - self._progress_sent_at >= PROGRESS_SECONDS:
            self._progress_sent_at = now
            self._waiting_progress, self.progress_due = None, NEVER
            send(progress)
        else:
            self._waiting_progress = progress
            self.progress_due = self._progress_sent_at + PROGRESS_SECONDS

    def flush_progress(self, now: float, send: Send) -> None:
        """Send waiting progress now."""
        if self._waiting_progress is not None:
            send(self._waiting_progress)
            self._progress_sent_at = now
        self._waiting_progress, self.progress_due = None, NEVER
