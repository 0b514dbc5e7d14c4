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

from engine.admission.conditions import shape_of_stored
from engine.definition import Node, store
from engine.errors import EventsGone, NotFound
from engine.models import Run
from engine.shapes import Moments, encodable, encoded, line_shape, micros, node_text, run_shape

READ_MAX = 10_000
"""Most events that one call returns."""
READ_CHARACTERS = 4 << 20
"""Text of log lines after which no further batch is read: lines may be 16 KiB long."""
BATCHES = 4
"""Of log lines in the first of several reads."""


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
    found = [json.loads(text) for text in texts(run_id, after, limit)[:limit]]
    return found, after + len(found)


def texts(run_id: int, after: int, limit: int) -> list[str]:
    """The same as JSON texts. Batches are read whole: there may be some more than `limit`. Long lines end it sooner."""
    row = Run.objects.filter(pk=run_id).values_list("seq", "definition_id").first()
    if row is None:
        raise NotFound.run(run_id)
    head, definition = row
    writer = _Writer(run_id, definition)
    first: int | None = None
    # Batches and lines are two reads: a commit between them may leave a gap at the end, which cuts the answer
    # short, or at its beginning, which reading again closes.
    for _ in range(2):
        items = sorted(_items(writer, after, after + limit))
        found: list[str] = []
        for expected, (seq, text) in enumerate(items, after + 1):
            if seq != expected:
                break
            found.append(text)
        if found or head <= after:
            return found
        first = items[0][0] if items else None
    raise EventsGone(run_id, after, first)


def _items(writer: _Writer, after: int, upto: int) -> Iterator[tuple[int, str]]:
    write = writer.event
    size = 0
    for first, node, attempt, body in _log_rows(writer.run_id, after, upto):
        for seq, (at, level, message) in enumerate(json.loads(body), first):
            if seq > after:
                line = encoded(line_shape(seq, at, node, attempt, level, message))
                yield seq, encodable(f'{{"seq":{seq},"at":"{at}","type":"log","line":{line}}}')
        size += len(body)
        if size > READ_CHARACTERS:
            # Whoever reads on begins behind this batch.
            upto = min(upto, seq)
            break
    for _first, body in _rows("engine_eventbatch", "body", writer.run_id, after, upto):
        for stored in json.loads(body):
            if stored[0] > after:
                yield stored[0], write(stored)


def _log_rows(run_id: int, after: int, upto: int) -> Iterator[tuple[Any, ...]]:
    """Batches of lines, some at a time: as many as have READ_CHARACTERS by what the last ones had."""
    begin, limit = None, BATCHES
    while True:
        rows = _rows("engine_logbatch", "node, attempt, body", run_id, after, upto, begin, limit)
        yield from rows
        if len(rows) < limit:
            return
        begin = rows[-1][0] + 1
        limit = max(1, min(READ_MAX, limit * READ_CHARACTERS // sum(len(row[-1]) for row in rows)))


def _rows(
    table: str, columns: str, run_id: int, after: int, upto: int, begin: int | None = None, limit: int = READ_MAX
) -> list[tuple[Any, ...]]:
    """Batches that may hold a number in (after, upto], in order: the last that begins at or before `after`, and those
    behind. `begin`: only those from this number on.

    Two bounds on the unique index (run, first_seq); a bound on last_seq would read the whole run.
    """
    sql = (
        f"SELECT first_seq, {columns} FROM {table} WHERE run_id = %s AND first_seq <= %s AND first_seq >= COALESCE(%s, "  # noqa: S608 - names from this module
        f"(SELECT MAX(first_seq) FROM {table} WHERE run_id = %s AND first_seq <= %s), 0) ORDER BY first_seq LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [run_id, upto, begin, run_id, after, limit])
        return list(cursor.fetchall())


class _Writer:
    """Writes stored events of one run as the contract has them; the document and the run are read when first needed."""

    def __init__(self, run_id: int, definition: int) -> None:
        self.run_id = run_id
        self._definition = definition
        self._nodes: dict[str, Node] = {}
        self._run: Run | None = None
        self._moment = Moments()

    def event(self, stored: list[Any]) -> str:
        seq, at_us, kind = stored[:3]
        if kind == "n":
            told = f'"type":"node","node":{self._node(stored[3], stored[4])}'
        elif kind == "r":
            told = f'"type":"run","run":{self._told_run(stored[3])}'
        else:
            node, fraction, message = stored[3:6]
            told = f'"type":"progress","node":"{node}","fraction":{fraction!r},"message":{encoded(message)}'
        return encodable(f'{{"seq":{seq},"at":{self._moment(at_us)},{told}}}')

    def _node(self, node_id: str, fields: dict[str, Any]) -> str:
        if not self._nodes:
            self._nodes = store.load(self._definition).by_id
        node, moment, get = self._nodes[node_id], self._moment, fields.get
        progress, error, output = get("p"), get("e"), get("o")
        return node_text(
            node_id,
            node.type,
            node.name,
            state=fields["s"],
            reason=get("r", ""),
            attempt=get("a", 0),
            started_at=moment(get("b")),
            finished_at=moment(get("f")),
            expected=get("x"),
            expected_from=get("y", "none"),
            progress="null" if progress is None else encoded(progress),
            error="null" if error is None else encoded(error),
            waiting_for=[shape_of_stored(stored) for stored in get("w", ())],
            output="null" if output is None else encoded(output),
        )

    def _told_run(self, fields: dict[str, Any]) -> str:
        run = self._run
        if run is None:
            run = self._run = Run.objects.get(pk=self.run_id)
        return encoded(
            run_shape(
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
        )
