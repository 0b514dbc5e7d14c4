"""Reports of a host that are not written yet, and how many of them make a batch."""

import math
import threading
import time
from collections.abc import Iterator, Sequence

from engine.executors import wire
from engine.executors.base import Ended, Lines, Report, Returned, Started

GATHER_SECONDS = 0.05
"""How long lines, progress and samples wait for more of them; starts and ends do not."""
BATCH_WEIGHT = 400
"""Limit of one batch: a report weighs 1, plus 1 for every 10 of its lines."""
BATCH_CHARACTERS = 128 * 1024
"""Limit of the lines in one batch of several reports. A batch that takes long to write delays the next heartbeat."""
OUTBOX_CHARACTERS = 1 << 20
"""Limit of the lines that wait here. Beyond it, node processes have to wait with their output."""


class Outbox:
    """Reports in order. Any thread may add reports; one thread takes batches and confirms them.

    `changed` guards it and is notified when reports are added.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._reports: list[Report] = []
        self._characters = 0
        """Number of characters in its lines."""
        self._gathered_since = 0.0
        self._batch: tuple[list[Report], str] | None = None
        """The first reports and their text, while they are being written."""
        self.is_urgent = False
        """Whether its first batch must not wait for more reports."""
        self.wrote_large_batch = False
        """Whether the last batch was full of lines."""

    @property
    def is_empty(self) -> bool:
        return not self._reports

    @property
    def is_full(self) -> bool:
        return self._characters > OUTBOX_CHARACTERS

    @property
    def waits_since(self) -> float:
        """The monotonic time since which reports wait and none was written; infinite if there is none."""
        return self._gathered_since if self._reports else math.inf

    @property
    def due_at(self) -> float:
        """The monotonic time at which the next batch is to be written."""
        return self.waits_since + GATHER_SECONDS

    def add(self, reports: Sequence[Report]) -> None:
        is_urgent = any(isinstance(report, (Started, Ended, Returned)) for report in reports)
        characters = sum(map(_characters, reports))
        with self._changed:
            self._characters += characters
            if not self._reports:
                self._gathered_since = time.monotonic()
            self._reports.extend(reports)
            if is_urgent or len(self._reports) >= BATCH_WEIGHT:
                self.is_urgent = True
            self._changed.notify()

    def batch(self) -> tuple[list[Report], str]:
        """Return the next batch and its text: the same ones until they are confirmed."""
        if self._batch is None:
            with self._changed:
                reports = list(_first_batch(self._reports))
                self.is_urgent = False
            self._batch = reports, wire.reports_text(reports)
        return self._batch

    def confirm(self) -> None:
        """Remove the batch: it was written. The caller holds `changed`."""
        assert self._batch is not None
        reports, self._batch = self._batch[0], None
        del self._reports[: len(reports)]
        characters = sum(map(_characters, reports))
        self._characters -= characters
        self.wrote_large_batch = characters >= BATCH_CHARACTERS
        self._gathered_since = time.monotonic()

    def clear(self) -> None:
        """Remove all reports. The caller holds `changed`."""
        self._reports.clear()
        self._characters = 0
        self._batch = None

    def started(self) -> dict[str, float]:
        """Return {claim: unix time} of the starts in it."""
        return {report.claim: report.at for report in self._reports if isinstance(report, Started)}

    def has_end_of(self, claim: str) -> bool:
        """Return whether a report in it ends or returns this attempt."""
        return any(
            claim == report.claim
            if isinstance(report, Ended)
            else isinstance(report, Returned) and claim in report.claims
            for report in list(self._reports)
        )


def _first_batch(reports: Sequence[Report]) -> Iterator[Report]:
    weight = characters = 0
    for report in reports:
        yield report
        weight += 1 + (len(report.lines) // 10 if isinstance(report, Lines) else 0)
        characters += _characters(report)
        if weight >= BATCH_WEIGHT or characters >= BATCH_CHARACTERS:
            return


def _characters(report: Report) -> int:
    return sum(len(message) for _, _, message in report.lines) if isinstance(report, Lines) else 0
