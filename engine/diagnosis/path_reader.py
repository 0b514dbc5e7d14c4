"""Reads what decided the duration of a run that succeeded: its critical path, and how long such runs usually take."""

import statistics
from collections.abc import Sequence
from datetime import datetime

from engine.diagnosis.bottleneck import critical_path
from engine.diagnosis.facts import PathStep
from engine.diagnosis.run_rows import RunRows
from engine.models import Attempt, NodeRun, Pool, Run

RUNS_MAX = 20
"""Earlier runs whose duration is read."""
RUNS_MIN = 3
STEPS_MAX = 500
"""Steps of the path that are read, from its end."""


class PathReader:
    """Reads the critical path of a run that succeeded."""

    def __init__(self, rows: RunRows) -> None:
        self.rows = rows
        self._pool_slots: dict[str, int] = {}

    def read(self) -> tuple[list[PathStep], float | None]:
        """Return (critical path, usual duration of runs of the workflow in seconds); empty unless it succeeded."""
        run = self.rows.run
        if run.state != "succeeded" or run.started_at is None:
            return [], None
        ran = {row.node: row for row in self.rows.node_runs().filter(attempt__gt=0, finished_at__isnull=False)}
        upstream = {name: [edge.source for edge in edges] for name, edges in self.rows.document.upstream.items()}
        ends = {name: row.finished_at for name, row in ran.items() if row.finished_at is not None}
        path = critical_path(ends, upstream, STEPS_MAX)
        attempts: dict[str, list[Attempt]] = {name: [] for name in path}
        for one in Attempt.objects.filter(run=run, item=-1, node__in=path).order_by("number").defer("error", "receipt"):
            attempts[one.node].append(one)
        self._pool_slots = dict(
            Pool.objects.filter(name__in={ran[name].pool for name in path}).values_list("name", "slots")
        )
        steps, since = [], run.started_at
        for name in path:
            steps.append(self._step(ran[name], attempts[name], since))
            since = ends[name]
        return steps, self._usual()

    def _step(self, row: NodeRun, attempts: Sequence[Attempt], since: datetime) -> PathStep:
        node = self.rows.document.by_id[row.node]
        assert row.finished_at is not None
        working = sum(
            max(0.0, (one.finished_at - max(one.started_at, since)).total_seconds())
            for one in attempts
            if one.finished_at is not None
        )
        last = attempts[-1] if attempts else None
        cpu = [one.usage.get("cpu_seconds") for one in attempts if one.usage]
        known = [float(seconds) for seconds in cpu if isinstance(seconds, int | float)]
        return PathStep(
            node=row.node,
            name=node.name,
            working=working,
            waiting=max(0.0, (row.finished_at - since).total_seconds() - working),
            ended_at=row.finished_at,
            attempts=len(attempts),
            pool=row.pool,
            pool_slots=self._pool_slots.get(row.pool),
            pid=None if last is None else last.pid or None,
            cpu_seconds=sum(known) if known and len(known) == len(attempts) else None,
            expected=row.expected,
            expected_from=row.expected_from,
        )

    def _usual(self) -> float | None:
        """Return the median duration of the runs before it that succeeded; None if they are too few."""
        run = self.rows.run
        spans = (
            Run.objects.filter(workflow=run.workflow, state="succeeded", draft=False, pk__lt=run.pk)
            .order_by("-id")
            .values_list("started_at", "finished_at")[:RUNS_MAX]
        )
        seconds = [(end - start).total_seconds() for start, end in spans if start is not None and end is not None]
        return statistics.median(seconds) if len(seconds) >= RUNS_MIN else None
