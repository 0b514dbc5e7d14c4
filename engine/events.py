"""Events of runs: how they are stored, and how readers get the contract's shapes back.

A stored event is a list that holds only what a reader cannot know from the definition:

    [seq, at, "n", node, {state and what else is not at its default}]    a node run changed
    [seq, at, "r", {state, counts, ...}]                                   the run changed
    [seq, at, "p", node, fraction, message]                              progress

Times are microseconds since 1970. Log lines take numbers from the same counter but live in LogBatch; `read`
merges both by seq. Keys of a node event: s state, r reason, a attempt, b started, f finished, x expected,
y expected_from, p progress, e error, o output's summary, w waiting_for. Of a run event: s state, r reason,
c counts, p priority, b started, f finished, m altered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection

from engine import documents
from engine.definition import Document
from engine.errors import EventsGone, NotFound
from engine.models import Run
from engine.shapes import iso, line_shape, micros, node_shape, run_shape

READ_MAX = 10_000
"""Most events that one call returns."""


def head(run_id: int) -> int:
    """Number of the run's last event or line; 0: none yet. Raises NotFound."""
    seq = Run.objects.filter(pk=run_id).values_list("seq", flat=True).first()
    if seq is None:
        raise NotFound.run(run_id)
    return seq


def read(run_id: int, after: int, limit: int = 1000) -> tuple[list[dict[str, Any]], int]:
    """Events and log lines of a run that follow `after`, at most `limit`, without a gap.

    Each is {seq, at, type: run|node|log|progress, ..} as the live protocol has it. The second value is the number
    of the last one returned (`after` when there is none). Raises NotFound, and EventsGone when what follows
    `after` was compacted away.
    """
    limit = max(1, min(limit, READ_MAX))
    run = Run.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound.run(run_id)
    found: list[dict[str, Any]] = []
    first: int | None = None
    # Batches and lines are two reads: a commit between them may leave a gap at the end, which cuts the answer
    # short, or at its beginning, which reading again closes.
    for _ in range(2):
        items = sorted(_items(run, after, after + limit), key=lambda item: item[0])
        expected = after + 1
        for seq, event in items:
            if seq != expected:
                break
            found.append(event)
            expected += 1
        if found or run.seq <= after:
            return found, after + len(found)
        first = items[0][0] if items else None
    raise EventsGone(run_id, after, first)


def _items(run: Run, after: int, upto: int) -> Iterator[tuple[int, dict[str, Any]]]:
    expander = _Expander(run)
    for _first, body in _rows("engine_eventbatch", "body", run.pk, after, upto):
        for stored in json.loads(body):
            if after < stored[0] <= upto:
                yield stored[0], expander.expand(stored)
    for first, node, attempt, body in _rows("engine_logbatch", "node, attempt, body", run.pk, after, upto):
        for offset, (at, level, message) in enumerate(json.loads(body)):
            seq = first + offset
            if after < seq <= upto:
                line = line_shape(seq, at, node, attempt, level, message)
                yield seq, {"seq": seq, "at": at, "type": "log", "line": line}


def _rows(table: str, columns: str, run_id: int, after: int, upto: int) -> list[tuple[Any, ...]]:
    """Batches that may hold a number in (after, upto]: the last that begins at or before `after`, and those behind.

    Two bounds on the unique index (run, first_seq); a bound on last_seq would read the whole run.
    """
    sql = (
        f"SELECT first_seq, {columns} FROM {table} WHERE run_id = %s AND first_seq <= %s AND first_seq >= COALESCE("  # noqa: S608 - names from this module
        f"(SELECT MAX(first_seq) FROM {table} WHERE run_id = %s AND first_seq <= %s), 0) ORDER BY first_seq"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [run_id, upto, run_id, after])
        return list(cursor.fetchall())


class _Expander:
    """Fills stored events of one run up to the contract's shapes; the document is loaded when first needed."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.loaded: Document | None = None

    def expand(self, stored: list[Any]) -> dict[str, Any]:
        seq, at_us, kind = stored[:3]
        event: dict[str, Any] = {"seq": seq, "at": iso(at_us)}
        if kind == "n":
            event["type"] = "node"
            event["node"] = self._node(stored[3], stored[4])
        elif kind == "r":
            event["type"] = "run"
            event["run"] = self._run(stored[3])
        else:
            event["type"] = "progress"
            event["node"], event["fraction"], event["message"] = stored[3:6]
        return event

    def _node(self, node_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        if self.loaded is None:
            self.loaded = documents.load(self.run.definition_id)
        node = self.loaded.by_id[node_id]
        return node_shape(
            node_id,
            node.type,
            node.name,
            state=fields["s"],
            reason=fields.get("r", ""),
            attempt=fields.get("a", 0),
            started_at=iso(fields.get("b")),
            finished_at=iso(fields.get("f")),
            expected=fields.get("x"),
            expected_from=fields.get("y", "none"),
            progress=fields.get("p"),
            error=fields.get("e"),
            waiting_for=fields.get("w"),
            output=fields.get("o"),
        )

    def _run(self, fields: dict[str, Any]) -> dict[str, Any]:
        run = self.run
        return run_shape(
            run.pk,
            workflow=run.workflow,
            version=run.version,
            draft=run.draft,
            state=fields["s"],
            reason=fields.get("r", ""),
            inputs=run.inputs,
            priority=fields.get("p", run.priority),
            altered=bool(fields.get("m")),
            created_by=run.created_by,
            created_us=micros(run.created_at),
            started_us=fields.get("b"),
            finished_us=fields.get("f"),
            counts=fields["c"],
        )
