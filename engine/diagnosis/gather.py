"""What the rules need to know of a run, read with few queries; none costs more for nodes that have ended."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.definition import store
from engine.diagnosis import upstream
from engine.diagnosis.facts import Facts, Failure, Kept, Waiting
from engine.diagnosis.gather_running import WAITING_MAX, kept, worker_of
from engine.diagnosis.gather_waiting import WaitingReads
from engine.diagnosis.remedies import class_of
from engine.errors import NotFound
from engine.models import Leader, NodeRun, Run
from engine.models.runs import RUN_UNFINISHED
from engine.reads import stored_stacks

FAILED = ("failed", "timed_out")
LIMITS = ("SoftTimeout", "HardTimeout", "MemoryLimit")


def gather(run: Run, node: str | None = None) -> Facts:
    """The facts of a run, or what concerns one node of it. Raises NotFound for a node that it does not have."""
    document = store.load(run.definition_id)
    if node is not None and node not in document.by_id:
        raise NotFound.node(run.pk, node)
    return _Gathering(run, document, node).facts()


class _Gathering(WaitingReads):
    """The whole of it."""

    def facts(self) -> Facts:
        run = self.run
        unfinished = run.state in RUN_UNFINISHED
        running, others = self._unfinished() if unfinished else ([], [])
        shown = [row for row in running if self.node in (None, row.node)]
        known = self._running(shown, running)
        waiting, total = self._waiting(running, others) if unfinished else ([], 0)
        occupants, processes = self._places(waiting)
        failures, failed_total = self._failures()
        leader = Leader.seen() if unfinished else None
        silent = leader.silent if leader else None
        return Facts(
            run=run.pk,
            workflow=run.workflow,
            state=run.state,
            now=self.now,
            version=run.version,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            counts=run.counts,
            beat_age=None if silent is None else max(0.0, silent.total_seconds()),
            scheduler_pid=leader.pid if leader else None,
            running=known,
            waiting=waiting,
            waiting_total=total,
            failures=failures,
            failed_total=failed_total,
            occupants=occupants,
            processes=processes,
            resting=self._resting(waiting),
            max_runs=self.document.settings.max_runs,
            rivals=self._rivals() if _waits_for(waiting, "run_queued", "workflow_limit") else (),
            machine_memory=_machine_memory(),
            asked=self.node,
            asked_name="" if self.node is None else self.document.by_id[self.node].name,
        )

    def _failures(self) -> tuple[list[Failure], int]:
        """The first failure of the run, or what made the asked node end as it did; and how many failed."""
        counts = self.run.counts
        total = counts.get("failed", 0) + counts.get("timed_out", 0)
        row = None
        if self.node is None:
            if total:
                row = self._rows().filter(state__in=FAILED).order_by("finished_at", "id").first()
        elif self.asked is not None and self.asked.state in FAILED:
            row = self.asked
        elif total and self.asked is not None and self.asked.state in ("upstream_failed", "cancelled"):
            if self.asked.state == "cancelled" and self.asked.reason != "run_stopped":
                return [], total
            rows = list(self._rows().filter(state__in=FAILED).order_by("finished_at", "id")[:WAITING_MAX])
            above = upstream.above(self.document, self.asked.node)
            row = next((one for one in rows if one.node in above), rows[0] if rows else None)
        return ([] if row is None else [self._failure(row)]), total

    def _last_stack(self, row: NodeRun) -> Kept | None:
        """What it did before a limit ended it; of other ends stacks say nothing."""
        if class_of(row.error) not in LIMITS:
            return None
        return kept(stored_stacks.newest(self.run, row.node, row.attempt), row.attempt)

    def _failure(self, row: NodeRun) -> Failure:
        node = self.document.by_id[row.node]
        attempt = self._last_attempts([row]).get(row.node)
        ended = attempt is not None and attempt.finished_at is not None
        usage = (attempt.usage if attempt is not None else None) or {}
        return Failure(
            node=row.node,
            name=node.name,
            type=node.type,
            state=row.state,
            error=row.error,
            attempt=row.attempt,
            pid=None if attempt is None else attempt.pid or None,
            finished_at=row.finished_at,
            worker=worker_of(attempt),
            seconds=(attempt.finished_at - attempt.started_at).total_seconds()
            if attempt is not None and attempt.finished_at is not None and ended
            else None,
            memory_peak=usage.get("memory_peak_bytes"),
            cpu_seconds=usage.get("cpu_seconds"),
            retries=row.retries,
            stack=self._last_stack(row),
            logs=self._lines(row.node, row.attempt),
            **self._limits(row.node),
        )


def _waits_for(waiting: Sequence[Waiting], *codes: str) -> bool:
    return any(condition.code in codes for one in waiting for condition in one.conditions)


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
