"""Sends work to node processes and takes it back."""

import os
import selectors
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine.executors.base import Ended, Returned, Started, Work
from engine.inspect import procfs
from engine.log_lines import clean
from engine.supervisor import resource_limits
from engine.supervisor.attempt import Attempt
from engine.supervisor.attempt_errors import worker_lost
from engine.supervisor.channel import claim_of, encode_envelope, remove_envelope_file
from engine.supervisor.loop import Loop
from engine.supervisor.process import CannotStart, NodeProcess
from engine.supervisor.process_pool import ProcessPool
from engine.supervisor.reports import ReportQueue
from engine.supervisor.short_work import ShortWork

RECALL_BESIDE_IDLE_SECONDS = 0.01
"""Prefetched work is recalled when the attempt before it runs longer than this while another process is idle."""
FAILED_STARTS_MAX = 3
"""Processes that may end in a row before they start one work; then the work fails."""
FAILED_STARTS_KEYS_MAX = 1000


@dataclass(slots=True, eq=False)
class WorkDistributor:
    """Sends each work to a process: an idle one, or for short work one that is busy with short work."""

    loop: Loop
    reports: ReportQueue
    pool: ProcessPool
    scratch: Path
    worker: str
    memory_mb: int | None
    """Limit on memory of work that has none of its own."""
    short_work: ShortWork = field(default_factory=ShortWork)
    failed_starts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(run, node) -> processes that ended in a row before they started its work."""

    # Room for work.

    def has_room(self, work: Work) -> bool:
        pool = self.pool
        if pool.is_stopping:
            return False
        interpreter = _interpreter(work)
        if pool.busy_count() < pool.capacity:
            return bool(pool.idle(interpreter)) or pool.may_start()
        return self.is_short(work) and self._prefetching_process(interpreter) is not None

    def idle_credit(self) -> int:
        pool = self.pool
        if pool.is_stopping:
            return 0
        credit = max(0, pool.capacity - pool.busy_count())
        return credit if pool.may_start() else min(credit, len(pool.idle("")))

    def prefetch_credit(self) -> int:
        pool = self.pool
        if pool.is_stopping:
            return 0
        now = time.monotonic()
        busy = credit = 0
        for process in pool.processes:
            if process.has_work:
                busy += 1
                if _may_prefetch(process, now):
                    credit += process.prefetch_credit
        free = max(0, pool.capacity - busy)
        next_ones = pool.idle("")[-free:] if free else []
        credit += sum(process.prefetch_credit if process.is_ready else 1 for process in next_ones)
        return credit + (free - len(next_ones) if pool.may_start() else 0)

    def is_short(self, work: Work) -> bool:
        # A limit on memory is set on the whole process, so such work gets a process for itself.
        if work.memory_mb is not None:
            return False
        return self.short_work.is_short(work) if work.short is None else work.short

    # Sending.

    def send(self, works: Iterable[Work]) -> None:
        """Send works to processes; those that cannot be taken are Returned."""
        returned = [work.claim for work in works if self.pool.is_stopping or not self._place(work)]
        if returned:
            self.reports.append(Returned(returned))

    def _place(self, work: Work) -> bool:
        """Return whether the work was taken or refused for good."""
        pool, interpreter, is_short = self.pool, _interpreter(work), self.is_short(work)
        process: NodeProcess | None = None
        if pool.busy_count() < pool.capacity:
            process = pool.take_idle(interpreter)
            if process is None:
                try:
                    process = pool.start(interpreter)
                except CannotStart as error:
                    if not error.permanent:
                        pool.pause_starts(str(error))
                        return False
                    self._refuse(work, str(error))
                    return True
        elif is_short:
            process = self._prefetching_process(interpreter)
        if process is None:
            return False
        self._assign(process, Attempt(work, is_short, self.memory_mb))
        return True

    def _prefetching_process(self, interpreter: str) -> NodeProcess | None:
        """Return the process with the least work among those that may be sent short work ahead."""
        best: NodeProcess | None = None
        now = time.monotonic()
        for process in self.pool.processes:
            if (
                process.interpreter == interpreter
                and (best is None or len(process.attempts) < len(best.attempts))
                and _may_prefetch(process, now)
            ):
                best = process
        return best

    def _assign(self, process: NodeProcess, attempt: Attempt) -> None:
        work = attempt.work
        try:
            message = encode_envelope(work, self.scratch)
        except OSError as error:
            # The disk is full, or the folder is gone.
            self._refuse(work, f"The envelope could not be written to {self.scratch}: {error.strerror}.")
            if not process.attempts:
                self.pool.make_idle(process)
            return
        if not process.attempts:
            process.responded_at = time.monotonic()
            process.all_short = attempt.is_short
            resource_limits.set_memory_limit(process, attempt)
        else:
            if not attempt.is_short:
                process.all_short = False
            # The limit of the process stays, and with it its count.
            attempt.oom_kills_before = next(reversed(process.attempts.values())).oom_kills_before
        process.attempts[work.claim] = attempt
        self.pool.by_claim[work.claim] = process
        if not process.send(work.claim, message) and len(process.backlog) == 1:
            self.loop.register(process.socket, partial(self._on_writable, process), selectors.EVENT_WRITE)

    def _on_writable(self, process: NodeProcess) -> None:
        if process.send_backlog():
            self.loop.unregister(process.socket)

    # Taking back.

    def recall_all(self) -> None:
        """Take back all work that no process has read."""
        for process in self.pool.processes:
            if process.attempts and not process.is_dead:
                self.recall(process)

    def recall(self, process: NodeProcess) -> None:
        """Take back the work that the process has not read; it is Returned."""
        if process.backlog:
            self.loop.unregister(process.socket)
        claims = []
        for message in process.recall():
            claim = claim_of(message)
            if process.attempts.pop(claim, None) is not None:
                del self.pool.by_claim[claim]
                claims.append(claim)
                remove_envelope_file(claim, self.scratch)
        if claims:
            self.reports.append(Returned(claims))
            if not process.attempts and process.takes_work:
                self.pool.make_idle(process)

    def forget(self, process: NodeProcess, attempt: Attempt) -> None:
        """Remove an attempt that is over."""
        del process.attempts[attempt.claim]
        del self.pool.by_claim[attempt.claim]

    # Work that is not started.

    def on_started(self) -> None:
        """Note that a process has started an attempt, so that failed starts are counted from 0 again."""
        if self.failed_starts:
            self.failed_starts.clear()

    def refuse_after_failed_starts(self, process: NodeProcess, work: Work) -> bool:
        """Count a process that ended before it started the work; end the work if that happens again and again.

        Return whether the work was ended; if not, it is to be Returned.
        """
        key = (work.run, work.node)
        if len(self.failed_starts) > FAILED_STARTS_KEYS_MAX:
            self.failed_starts.clear()
        count = self.failed_starts[key] = self.failed_starts.get(key, 0) + 1
        if count < FAILED_STARTS_MAX:
            return False
        del self.failed_starts[key]
        if process.is_ready:
            error = process.end_reason.error if process.end_reason is not None else None
            text = (error or {}).get("message") or "The node process ended before the attempt began."
        else:
            text = f"{process.interpreter or 'The node process'} did not start."
        output = clean(process.stray_output.decode("utf-8", "replace")).strip()
        self._refuse(work, f"{text} {output}".strip())
        return True

    def _refuse(self, work: Work, message: str) -> None:
        """End work that no process can run."""
        now, pid = time.time(), os.getpid()
        self.reports.append(Started(work.claim, pid, str(procfs.start_of(pid)), self.worker, now))
        self.reports.append(Ended(work.claim, "failed", now, 0.0, error=worker_lost(message)))


def _interpreter(work: Work) -> str:
    return "" if work.python == sys.executable else work.python


def _may_prefetch(process: NodeProcess, now: float) -> bool:
    """Return whether the process may be sent short work ahead."""
    return (
        process.all_short
        and process.is_ready
        and not process.is_ending
        and not process.is_dead
        and bool(process.attempts)
        and process.prefetch_credit > 0
        and (process.current is None or now - process.current.began < RECALL_BESIDE_IDLE_SECONDS)
    )
