"""Jobs that the leading scheduler runs every so often, beside its ticks.

A job is registered once, when its package is set up (`AppConfig.ready`), and runs only where a scheduler leads. An
error of a job is logged and does not affect other jobs. A restart forgets when a job last ran. So a job that must run
rarely, for example daily, is called more often and asks the database whether it is due.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import connections

from engine.models import Leader

log = logging.getLogger("interlock.scheduler")


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """A function without arguments and how often it is called."""

    name: str
    """For the log."""
    seconds: float
    """Time from the end of one call to the next, and from the start of leading to the first call."""
    run: Callable[[], None]


_registered: dict[str, PeriodicJob] = {}


def register(name: str, seconds: float, run: Callable[[], None]) -> None:
    """Have every leading scheduler of this installation call `run`. It may use the database and may take its time; it
    runs in a thread of its own, outside transactions. Raises ValueError for a name that is taken."""
    if name in _registered:
        raise ValueError(f"There is a periodic job {name} already.")
    _registered[name] = PeriodicJob(name, seconds, run)


def registered() -> Sequence[PeriodicJob]:
    return tuple(_registered.values())


class Schedule:
    """When each of some jobs is due, by a monotonic clock."""

    def __init__(self, jobs: Iterable[PeriodicJob], mono: float) -> None:
        self._due = {job: mono + job.seconds for job in jobs}

    def next_due(self) -> float | None:
        """Return the time of the next job; None: there are none."""
        return min(self._due.values(), default=None)

    def run_due(self, monotonic: Callable[[], float], may_run: Callable[[], bool] = lambda: True) -> None:
        """Run the jobs that are due, as long as `may_run` says so."""
        for job, due in self._due.items():
            if monotonic() < due:
                continue
            try:
                if not may_run():
                    return
                job.run()
            except Exception:
                log.exception("periodic_job_failed job=%s", job.name)
            self._due[job] = monotonic() + job.seconds


class PeriodicThread:
    """Runs jobs one after another while a scheduler leads."""

    def __init__(self, epoch: Callable[[], int], jobs: Sequence[PeriodicJob]) -> None:
        """`epoch` returns the scheduler's epoch, which rises when the scheduler leads again after an outage."""
        self.epoch = epoch
        self.jobs = jobs
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if there are jobs."""
        if self.jobs:
            self._thread = threading.Thread(target=self._run, name="periodic", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Start no further job. One that runs goes on until the process ends."""
        self._stop.set()

    def _run(self) -> None:
        schedule = Schedule(self.jobs, time.monotonic())
        while (due := schedule.next_due()) is not None:
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            try:
                schedule.run_due(time.monotonic, self._leads)
            finally:
                # Between the jobs it needs no connection.
                connections.close_all()

    def _leads(self) -> bool:
        """Return whether the scheduler still leads. A process that was paused may not know yet that it does not."""
        return not self._stop.is_set() and Leader.objects.filter(pk=1, epoch=self.epoch()).exists()
