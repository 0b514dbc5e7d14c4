"""Reads what runs, and what was measured on it: attempts, samples, lines, stacks."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine import policy
from engine.diagnosis import upstream
from engine.diagnosis.facts import DEPENDENTS_MAX, RunningFacts, StoredStack, UsageSample, own_lines
from engine.diagnosis.holder_reader import HolderReader
from engine.diagnosis.run_rows import RunRows, worker_of
from engine.inspect import cores
from engine.models import Attempt, NodeRun, Sample
from engine.models.conditions import running_attempts
from engine.reads import stored_stacks

SAMPLES_SECONDS = policy.QUIET_SECONDS + 5
DEPENDENTS_COUNTED_MAX = 5
"""Stuck nodes whose dependents are counted."""


class RunningReader:
    """Reads the running nodes of a run."""

    def __init__(self, rows: RunRows) -> None:
        self.rows = rows

    def read(self, wanted: Sequence[NodeRun], running: Sequence[NodeRun]) -> list[RunningFacts]:
        """Return `wanted` with all that was measured on them, and how long the others of `running` have run."""
        rows = self.rows
        attempts = {row.node: row for row in running_attempts().filter(run=rows.run, item=-1)} if running else {}
        names = [row.node for row in wanted]
        samples = self._samples(names)
        examined = [row.node for row in wanted if self._may_be_stuck_or_quiet(row)]
        stacks = stored_stacks.newest_of(rows.run, examined) if examined else {}
        dependents = {name: self._dependents(name) for name in examined[:DEPENDENTS_COUNTED_MAX]}
        found = []
        for row in wanted:
            if row.started_at is None:
                continue
            attempt = attempts.get(row.node)
            stack = stack_of(stacks.get(row.node), row.attempt)
            quiet = self._quiet_stack(row, stack)
            logs = rows.lines(row.node, row.attempt) if row.node in examined else []
            found.append(
                self._facts(
                    row,
                    attempt,
                    logs=logs,
                    last_output_at=_last_output_at(row, logs),
                    stack=stack,
                    holders={} if stack is None or attempt is None else HolderReader(attempt).read(stack.body),
                    silence=None if quiet is None else quiet.body.get("quiet"),
                    silent_at=None if quiet is None else quiet.taken_at,
                    samples=[sample for number, sample in samples.get(row.node, ()) if number == row.attempt],
                    cores=cores.usable(attempt.pid, attempt.pid_started) if attempt is not None else None,
                    dependents=dependents.get(row.node, 0),
                )
            )
        found += [
            self._facts(row, attempts.get(row.node))
            for row in running
            if row.node not in names and row.started_at is not None
        ]
        return found

    def _facts(self, row: NodeRun, attempt: Attempt | None, **measured: Any) -> RunningFacts:
        node = self.rows.document.by_id[row.node]
        assert row.started_at is not None
        progress = row.progress or {}
        return RunningFacts(
            node=row.node,
            name=node.name,
            type=node.type,
            attempt=row.attempt,
            pid=attempt.pid or None if attempt is not None else None,
            worker=worker_of(attempt),
            started_at=row.started_at,
            seconds=max(0.0, self.rows.age(row.started_at)),
            expected=row.expected,
            expected_from=row.expected_from,
            fraction=progress.get("fraction"),
            progress_at=datetime.fromisoformat(progress["at"]) if progress.get("at") else None,
            progress_message=str(progress.get("message") or ""),
            **self.rows.limits(row.node),
            **measured,
        )

    def _quiet_stack(self, row: NodeRun, newest: StoredStack | None) -> StoredStack | None:
        """Return the newest stack that was taken because the attempt was quiet."""
        if newest is None or newest.why == "quiet" or policy.stuck_after(row.expected, row.expected_from) is not None:
            return newest if newest is not None and newest.why == "quiet" else None
        return stack_of(stored_stacks.newest(self.rows.run, row.node, row.attempt, why="quiet"), row.attempt)

    def _may_be_stuck_or_quiet(self, row: NodeRun) -> bool:
        if row.started_at is None:
            return False
        limit = policy.stuck_after(row.expected, row.expected_from)
        return self.rows.age(row.started_at) > (policy.QUIET_SECONDS if limit is None else limit)

    def _samples(self, nodes: Sequence[str]) -> dict[str, list[tuple[int, UsageSample]]]:
        """Return {node: [(attempt, sample)]} of the last SAMPLES_SECONDS, oldest first."""
        samples: dict[str, list[tuple[int, UsageSample]]] = {}
        if not nodes:
            return samples
        since = self.rows.now - timedelta(seconds=SAMPLES_SECONDS)
        rows = (
            Sample.objects.filter(run=self.rows.run, node__in=nodes, item=-1, at__gte=since)
            .order_by("at")
            .values_list(
                "node", "attempt", "at", "cpu_percent", "memory_bytes", "io_wait", "io_bytes", "network_bytes",
                "network_scope",
            )
        )  # fmt: skip
        for row in rows:
            samples.setdefault(row[0], []).append((row[1], UsageSample(*row[2:])))
        return samples

    def _dependents(self, node: str) -> int:
        """Return how many nodes cannot start before this one ends."""
        pending: int = self.rows.run.counts.get("pending", 0)
        return min(len(upstream.downstream_of(self.rows.document, [node], most=DEPENDENTS_MAX)), pending)


def _last_output_at(row: NodeRun, logs: Sequence[Mapping[str, Any]]) -> datetime | None:
    """Return when a node last wrote a line or reported progress."""
    times = [line["at"] for line in own_lines(logs)[-1:]]
    if row.progress and row.progress.get("at"):
        times.append(row.progress["at"])
    return max((datetime.fromisoformat(time) for time in times), default=None)


def stack_of(shape: Mapping[str, Any] | None, attempt: int) -> StoredStack | None:
    """Return a stored stack if it is of this attempt."""
    if shape is None or shape["attempt"] != attempt:
        return None
    return StoredStack(datetime.fromisoformat(shape["taken_at"]), shape["why"], shape)
