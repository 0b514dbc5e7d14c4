"""What runs, and what was measured on it: attempts, samples, lines, stacks. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine import clock, policy
from engine.definition import Document
from engine.diagnosis import upstream
from engine.diagnosis.facts import BEHIND_MOST, Kept, Running, Sampled, own_lines
from engine.inspect import cores
from engine.models import Attempt, LogBatch, NodeRun, Run, Sample
from engine.models.conditions import running_attempts, unfinished_nodes
from engine.reads import stored_stacks
from engine.reads.workers import LOCAL
from engine.shapes import line_shape
from engine.states import NODE_TERMINAL

RUNNING_MAX = 500
WAITING_MAX = 100
"""Waiting nodes that are explained; how many there are is said besides."""
SAMPLES_SECONDS = policy.QUIET_SECONDS + 5
LINES_MAX = 50
BEHIND_MAX = 5
"""Stuck nodes of which is counted who waits for them."""


class RunningReads:
    """One reading of a run; `node`: the one that is asked about."""

    def __init__(self, run: Run, document: Document, node: str | None) -> None:
        self.run, self.document, self.node = run, document, node
        self.now = clock.now()
        self.asked = None if node is None else self._rows().filter(node=node).first()

    def _rows(self) -> Any:
        return NodeRun.objects.filter(run=self.run, item=-1).defer("output")

    def _unfinished(self) -> tuple[list[NodeRun], list[NodeRun]]:
        """(running, others) of the run; of one node that runs or has ended only itself."""
        if self.asked is not None and (self.asked.state in NODE_TERMINAL or self.asked.state == "running"):
            return ([self.asked] if self.asked.state == "running" else []), []
        rows = unfinished_nodes().filter(run=self.run, item=-1).defer("output").order_by("id")
        running = list(rows.filter(state="running")[:RUNNING_MAX])
        if self.asked is not None and self.asked.state != "pending":
            return running, [self.asked]
        return running, list(rows.exclude(state="running")[:WAITING_MAX])

    def _running(self, rows: Sequence[NodeRun], all_running: Sequence[NodeRun]) -> list[Running]:
        """`rows` with all that was measured on them; of the others that run only how long."""
        attempts = {row.node: row for row in running_attempts().filter(run=self.run, item=-1)} if all_running else {}
        names = [row.node for row in rows]
        samples = self._samples(names)
        looked_at = [row.node for row in rows if self._wants_stacks(row)]
        stacks = stored_stacks.newest_of(self.run, looked_at) if looked_at else {}
        behind = {name: self._behind(name) for name in looked_at[:BEHIND_MAX]}
        found = []
        for row in rows:
            attempt = attempts.get(row.node)
            if row.started_at is None:
                continue
            logs = self._lines(row.node, row.attempt) if row.node in stacks or row.node in looked_at else []
            found.append(
                self._known(
                    row,
                    attempt,
                    logs=logs,
                    said_at=self._said_at(row, logs),
                    stack=kept(stacks.get(row.node), row.attempt),
                    samples=[sample for number, sample in samples.get(row.node, ()) if number == row.attempt],
                    cores=cores.usable(attempt.pid, attempt.pid_started) if attempt is not None else None,
                    behind=behind.get(row.node, 0),
                )
            )
        found += [
            self._known(row, attempts.get(row.node))
            for row in all_running
            if row.node not in names and row.started_at is not None
        ]
        return found

    def _known(self, row: NodeRun, attempt: Attempt | None, **measured: Any) -> Running:
        node = self.document.by_id[row.node]
        limits = self._limits(row.node)
        assert row.started_at is not None
        progress = row.progress or {}
        return Running(
            node=row.node,
            name=node.name,
            type=node.type,
            attempt=row.attempt,
            pid=attempt.pid or None if attempt is not None else None,
            worker=worker_of(attempt),
            started_at=row.started_at,
            seconds=max(0.0, (self.now - row.started_at).total_seconds()),
            expected=row.expected,
            expected_from=row.expected_from,
            soft_timeout=limits["soft_timeout"],
            hard_timeout=limits["hard_timeout"],
            memory_mb=limits["memory_mb"],
            fraction=progress.get("fraction"),
            progress_at=datetime.fromisoformat(progress["at"]) if progress.get("at") else None,
            progress_words=str(progress.get("message") or ""),
            **measured,
        )

    def _limits(self, node: str) -> dict[str, Any]:
        """Limits of a node in this run, with what a retry changed."""
        base, altered = self.document.by_id[node].policy, (self.run.altered or {}).get(node, {})
        return {name: altered.get(name, getattr(base, name)) for name in ("soft_timeout", "hard_timeout", "memory_mb")}

    def _wants_stacks(self, row: NodeRun) -> bool:
        """Whether it is stuck, or may be quiet."""
        if row.started_at is None:
            return False
        limit = policy.stuck_after(row.expected, row.expected_from)
        seconds = (self.now - row.started_at).total_seconds()
        return seconds > (policy.QUIET_SECONDS if limit is None else limit)

    def _samples(self, nodes: Sequence[str]) -> dict[str, list[tuple[int, Sampled]]]:
        found: dict[str, list[tuple[int, Sampled]]] = {}
        if not nodes:
            return found
        rows = (
            Sample.objects.filter(
                run=self.run, node__in=nodes, item=-1, at__gte=self.now - timedelta(seconds=SAMPLES_SECONDS)
            )
            .order_by("at")
            .values_list(
                "node", "attempt", "at", "cpu_percent", "memory_bytes", "io_wait", "io_bytes", "network_bytes",
                "network_scope",
            )
        )  # fmt: skip
        for row in rows:
            found.setdefault(row[0], []).append((row[1], Sampled(*row[2:])))
        return found

    def _lines(self, node: str, attempt: int) -> list[dict[str, Any]]:
        """The last lines of an attempt, oldest first."""
        batches = LogBatch.objects.filter(run=self.run, node=node, attempt=attempt).order_by("-first_seq")
        wanted, count = [], 0
        for first, last in batches.values_list("first_seq", "last_seq")[:LINES_MAX]:
            wanted.append(first)
            count += last - first + 1
            if count >= LINES_MAX:
                break
        lines: list[dict[str, Any]] = []
        if wanted:
            bodies = LogBatch.objects.filter(run=self.run, first_seq__in=wanted).order_by("first_seq")
            for first, body in bodies.values_list("first_seq", "body"):
                for offset, (at, level, message) in enumerate(json.loads(body)):
                    lines.append(line_shape(first + offset, at, node, attempt, level, message))
        return lines[-LINES_MAX:]

    def _said_at(self, row: NodeRun, logs: Sequence[Mapping[str, Any]]) -> datetime | None:
        times = [line["at"] for line in own_lines(logs)[-1:]]
        if row.progress and row.progress.get("at"):
            times.append(row.progress["at"])
        return max((datetime.fromisoformat(time) for time in times), default=None)

    def _behind(self, node: str) -> int:
        """How many nodes cannot start before it ends."""
        pending: int = self.run.counts.get("pending", 0)
        return min(len(upstream.behind(self.document, [node], most=BEHIND_MOST)), pending)

    def _last_attempts(self, rows: Sequence[NodeRun]) -> dict[str, Attempt]:
        if not rows:
            return {}
        numbers = {row.node: row.attempt for row in rows}
        attempts = Attempt.objects.filter(
            run=self.run, item=-1, node__in=list(numbers), number__in=set(numbers.values())
        )
        return {one.node: one for one in attempts if numbers[one.node] == one.number}


def worker_of(attempt: Attempt | None) -> str:
    """The worker of Celery on whose host an attempt ran; empty: the scheduler's own processes had it."""
    name = "" if attempt is None else attempt.worker.rpartition("/")[0]
    return "" if name == LOCAL else name


def kept(shape: Mapping[str, Any] | None, attempt: int) -> Kept | None:
    if shape is None or shape["attempt"] != attempt:
        return None
    return Kept(datetime.fromisoformat(shape["taken_at"]), shape["why"], shape)
