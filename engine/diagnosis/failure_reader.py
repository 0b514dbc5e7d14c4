"""Reads the failure that matters: the first of a run, or the one that made a requested node end as it did."""

from django.db.models import QuerySet

from engine.diagnosis import upstream
from engine.diagnosis.facts import FailureFacts, StoredStack
from engine.diagnosis.remedies import class_of
from engine.diagnosis.run_rows import WAITING_MAX, RunRows, worker_of
from engine.diagnosis.running_reader import stack_of
from engine.models import NodeRun
from engine.reads import stored_stacks

FAILED = ("failed", "timed_out")
LIMITS = ("SoftTimeout", "HardTimeout", "MemoryLimit")


class FailureReader:
    """Reads the failures of a run."""

    def __init__(self, rows: RunRows) -> None:
        self.rows = rows

    def read(self) -> tuple[list[FailureFacts], int]:
        """Return the failure that matters, if any, and how many nodes failed."""
        counts, requested = self.rows.run.counts, self.rows.requested
        total = counts.get("failed", 0) + counts.get("timed_out", 0)
        row = None
        if self.rows.requested_node is None:
            if total:
                row = self._failed().first()
        elif requested is not None and requested.state in FAILED:
            row = requested
        elif total and requested is not None and requested.state in ("upstream_failed", "cancelled"):
            if requested.state == "cancelled" and requested.reason != "run_stopped":
                return [], total
            failed = list(self._failed()[:WAITING_MAX])
            above = upstream.upstream_of(self.rows.document, requested.node)
            row = next((one for one in failed if one.node in above), failed[0] if failed else None)
        return ([] if row is None else [self._facts(row)]), total

    def _failed(self) -> QuerySet[NodeRun]:
        """Return the queryset of failed nodes, the first in time first."""
        return self.rows.node_runs().filter(state__in=FAILED).order_by("finished_at", "id")

    def _facts(self, row: NodeRun) -> FailureFacts:
        node = self.rows.document.by_id[row.node]
        attempt = self.rows.last_attempts([row]).get(row.node)
        usage = (attempt.usage if attempt is not None else None) or {}
        seconds = None
        if attempt is not None and attempt.finished_at is not None:
            seconds = (attempt.finished_at - attempt.started_at).total_seconds()
        return FailureFacts(
            node=row.node,
            name=node.name,
            type=node.type,
            state=row.state,
            error=row.error,
            attempt=row.attempt,
            pid=None if attempt is None else attempt.pid or None,
            finished_at=row.finished_at,
            worker=worker_of(attempt),
            seconds=seconds,
            memory_peak=usage.get("memory_peak_bytes"),
            cpu_seconds=usage.get("cpu_seconds"),
            retries=row.retries,
            stack=self._last_stack(row),
            logs=self.rows.lines(row.node, row.attempt),
            error_bases=((attempt.error if attempt is not None else None) or {}).get("bases") or (),
            **self.rows.limits(row.node),
        )

    def _last_stack(self, row: NodeRun) -> StoredStack | None:
        """Return the stack from before a limit ended the node; stacks say nothing about other ends."""
        if class_of(row.error) not in LIMITS:
            return None
        return stack_of(stored_stacks.newest(self.rows.run, row.node, row.attempt), row.attempt)
