"""The queue of reports between the executor and the ticks."""

from collections import deque
from collections.abc import Iterable

from engine.executors.base import Ended, Lines, Report, ReportBatch, Returned
from engine.scheduler.core.core import Core


class ReportInbox:
    """Keeps every report until the tick that took it has been committed; after an error it is taken again."""

    def __init__(self) -> None:
        self.waiting: deque[Report | ReportBatch] = deque()
        """Reports that no tick has taken."""
        self.in_flight: set[str] = set()
        """Claims of the works that the executor has and will report on."""
        self._taken: list[Report | ReportBatch] = []
        """Reports that the current tick has taken."""

    def __bool__(self) -> bool:
        """Whether reports wait."""
        return bool(self.waiting)

    def extend(self, reports: Iterable[Report | ReportBatch]) -> None:
        self.waiting.extend(reports)

    def take_into(self, core: Core, budget: int) -> None:
        """Apply waiting reports to the core until `budget` rows have changed.

        Lines that follow each other are applied together, because they are numbered in order of their time.
        """
        waiting, changes, reports = self.waiting, core.memory.changes, core.reports
        lines: list[Lines] = []
        size = 0
        while waiting and changes.size + size < budget:
            report = waiting.popleft()
            self._taken.append(report)
            if isinstance(report, ReportBatch):
                changes.read_batches.append(report.id)
            for one in report.reports if isinstance(report, ReportBatch) else (report,):
                if isinstance(one, Lines):
                    lines.append(one)
                    size += 1 + len(one.lines) // 20
                    continue
                if lines:
                    reports.take_lines(lines)
                    lines, size = [], 0
                reports.take(one)
        if lines:
            reports.take_lines(lines)

    def commit(self) -> list[ReportBatch]:
        """Forget the reports that the tick has taken, after its commit. Return the batches among them."""
        batches = []
        for report in self._taken:
            if isinstance(report, ReportBatch):
                batches.append(report)
                for one in report.reports:
                    self._settle(one)
            else:
                self._settle(report)
        self._taken.clear()
        return batches

    def _settle(self, report: Report) -> None:
        if isinstance(report, Ended):
            self.in_flight.discard(report.claim)
        elif isinstance(report, Returned):
            self.in_flight.difference_update(report.claims)

    def put_back(self) -> None:
        """Put the reports that a failed tick had taken back to the front of the queue."""
        self.waiting.extendleft(reversed(self._taken))
        self._taken.clear()

    def drop_batches(self) -> None:
        """Drop the waiting batches. They are read again from the database, unless the tick that seemed to fail has
        deleted them there."""
        self.waiting = deque(report for report in self.waiting if not isinstance(report, ReportBatch))
