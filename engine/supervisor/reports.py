"""The reports that the next `poll` of the supervisor returns, in order."""

import time
from collections.abc import Iterator

from engine.executors.base import PREFETCH_MAX, Ended, Lines, Report
from engine.supervisor.attempt_output import AttemptOutput
from engine.supervisor.loop import NEVER

DELAY_SECONDS = 0.001
"""How long a report on a short attempt may wait for more reports, because alone it is not worth a tick of the
scheduler."""
DELAYED_MAX = PREFETCH_MAX // 2
"""Delayed reports that are worth a tick."""


class ReportQueue:
    """Collects reports. Those on short attempts are delayed a little, so that many are returned at once."""

    def __init__(self) -> None:
        self.ready: list[Report] = []
        """Reports to return at once."""
        self.delayed: list[Report] = []
        """Reports on short attempts; they go before `ready`."""
        self.due = NEVER
        """Monotonic time at which the delayed reports are returned."""
        self.expects_more = False
        """Whether more short attempts end within the delay, so that it is worth sleeping until then."""
        self.has_lines = False
        """Whether there are lines among `ready`."""
        self._long_logs: list[tuple[Iterator[list[tuple[float, str, str]]], Ended]] = []
        """The remaining batches of long logs, and the ends of their attempts, which follow them."""

    def append(self, report: Report) -> None:
        self.ready.append(report)
        if type(report) is Lines:
            self.has_lines = True

    def delay(self, report: Report, now: float) -> None:
        """Return the report within DELAY_SECONDS, and never before reports that came earlier."""
        if self.ready:
            self.ready.append(report)
        else:
            self.delayed.append(report)
            self.due = min(self.due, now + DELAY_SECONDS)

    def append_end(self, output: AttemptOutput, ended: Ended, now: float) -> None:
        """Add an end after all output of its attempt."""
        output.flush_progress(now, self.append)
        if output.log is None:
            self.ready.append(ended)
            return
        batches = output.log.close(time.time())
        if output.log.is_long:
            self._long_logs.append((batches, ended))
            return
        for lines in batches:
            self.append(Lines(ended.claim, lines))
        self.ready.append(ended)

    @property
    def has_long_logs(self) -> bool:
        return bool(self._long_logs)

    def append_long_logs(self) -> None:
        """Add the next batch of each long log, or the end of its attempt after the last one."""
        for long_log in list(self._long_logs):
            batches, ended = long_log
            lines = next(batches, None)
            if lines is not None:
                self.ready.append(Lines(ended.claim, lines))
            else:
                self._long_logs.remove(long_log)
                self.ready.append(ended)

    def take(self) -> list[Report]:
        """Return all reports but those of long logs, and forget them."""
        reports = self.delayed + self.ready
        self.delayed, self.ready, self.due = [], [], NEVER
        self.expects_more = self.has_lines = False
        return reports
