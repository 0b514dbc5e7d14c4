"""The work that a host has taken and not yet reported the end of."""

import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from engine import faults
from engine.executors.base import Ended, Report, Returned, Started, Work
from engine.executors.wire import HostRequest


class Assignments:
    """Only the supervisor's thread changes it; other threads may read it."""

    def __init__(self) -> None:
        self.claims: set[str] = set()
        self.started: set[str] = set()
        """The claims whose start was reported."""
        self.waiting: deque[tuple[float, Work]] = deque()
        """Work for which no process had room yet, with the monotonic time when it was taken."""
        self._applied: dict[str, HostRequest] = {}
        """The last request that was carried out, by claim."""

    def add(self, works: Iterable[Work]) -> None:
        now = time.monotonic()
        for work in works:
            self.claims.add(work.claim)
            self.waiting.append((now, work))

    def accept(self, reports: Sequence[Report]) -> list[Report]:
        """Note starts and ends. Return the reports except those of abandoned claims."""
        accepted: list[Report] = []
        for report in reports:
            if isinstance(report, Returned):
                report.claims = [claim for claim in report.claims if claim in self.claims]
                for claim in report.claims:
                    self._forget(claim)
                if not report.claims:
                    continue
            elif report.claim not in self.claims:
                continue
            elif isinstance(report, Started):
                self.started.add(report.claim)
            elif isinstance(report, Ended):
                faults.point("host.ended")
                self._forget(report.claim)
            accepted.append(report)
        return accepted

    def withdraw_waiting(self, claims: Collection[str] | None = None) -> list[str]:
        """Remove work that waits for a process (of these claims). Return its claims, which the caller must report."""
        withdrawn, waiting = [], deque[tuple[float, Work]]()
        for taken_at, work in self.waiting:
            if claims is None or work.claim in claims:
                withdrawn.append(work.claim)
            else:
                waiting.append((taken_at, work))
        self.waiting = waiting
        return withdrawn

    def abandon(self, claim: str) -> None:
        """Forget an attempt and report nothing more of it."""
        self._forget(claim)
        self.withdraw_waiting({claim})

    def is_new(self, claim: str, request: HostRequest) -> bool:
        """Return whether this request is a new one, and note it."""
        if self._applied.get(claim) == request:
            return False
        self._applied[claim] = request
        return True

    def _forget(self, claim: str) -> None:
        self.claims.discard(claim)
        self.started.discard(claim)
        self._applied.pop(claim, None)
