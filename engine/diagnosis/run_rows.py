"""What all readers of one diagnosis share: the run, its definition, its rows, and the time of the diagnosis."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from engine import clock, policy
from engine.definition import Document
from engine.models import Attempt, LogBatch, NodeRun, Run
from engine.models.conditions import unfinished_nodes
from engine.reads.workers import LOCAL
from engine.shapes import line_shape
from engine.states import NODE_TERMINAL

RUNNING_MAX = 500
WAITING_MAX = 100
"""Waiting nodes that are explained; all are counted."""
LINES_MAX = 50


class RunRows:
    """Rows of one run. No query costs more for nodes that have ended."""

    def __init__(self, run: Run, document: Document, requested_node: str | None) -> None:
        """`requested_node`: the only node in question; None: the whole run."""
        self.run = run
        self.document = document
        self.requested_node = requested_node
        self.now = clock.now()
        self.requested: NodeRun | None = None
        """The row of the requested node; None also if it never left `pending`."""
        if requested_node is not None:
            self.requested = self.node_runs().filter(node=requested_node).first()

    def node_runs(self) -> QuerySet[NodeRun]:
        """Return the run's node runs, without their outputs."""
        return NodeRun.objects.filter(run=self.run, item=-1).defer("output")

    def unfinished(self) -> tuple[list[NodeRun], list[NodeRun]]:
        """Return (running nodes, others that have not ended). A requested node that runs or has ended is alone."""
        requested = self.requested
        if requested is not None and (requested.state in NODE_TERMINAL or requested.state == "running"):
            return ([requested] if requested.state == "running" else []), []
        rows = unfinished_nodes().filter(run=self.run, item=-1).defer("output").order_by("id")
        running = list(rows.filter(state="running")[:RUNNING_MAX])
        if requested is not None and requested.state != "pending":
            return running, [requested]
        return running, list(rows.exclude(state="running")[:WAITING_MAX])

    def limits(self, node: str) -> dict[str, Any]:
        """Return the limits of a node in this run, with what retries changed."""
        base, altered = self.document.by_id[node].policy, (self.run.altered or {}).get(node, {})
        names = ("soft_timeout", "hard_timeout", "memory_mb")
        found = {name: altered.get(name, getattr(base, name)) for name in names}
        if found["memory_mb"] is None:
            found["memory_mb"] = settings.INTERLOCK.node_memory_mb
        return found

    def lines(self, node: str, attempt: int) -> list[dict[str, Any]]:
        """Return the last log lines of an attempt, oldest first."""
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

    def last_attempts(self, rows: Sequence[NodeRun]) -> dict[str, Attempt]:
        """Return {node: its newest attempt}."""
        if not rows:
            return {}
        numbers = {row.node: row.attempt for row in rows}
        attempts = Attempt.objects.filter(
            run=self.run, item=-1, node__in=list(numbers), number__in=set(numbers.values())
        )
        return {one.node: one for one in attempts if numbers[one.node] == one.number}

    def is_stuck(self, row: NodeRun) -> bool:
        """Return whether a running node is stuck."""
        limit = policy.stuck_after(row.expected, row.expected_from)
        return limit is not None and row.started_at is not None and self.age(row.started_at) > limit

    def age(self, since: datetime | None) -> float:
        """Return the seconds since a time; 0 for None."""
        return 0.0 if since is None else (self.now - since).total_seconds()


def worker_of(attempt: Attempt | None) -> str:
    """Return the Celery worker that ran an attempt; empty: the scheduler's own node processes."""
    name = "" if attempt is None else attempt.worker.rpartition("/")[0]
    return "" if name == LOCAL else name
