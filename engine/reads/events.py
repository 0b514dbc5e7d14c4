"""Events of runs: how they are stored, and how they are read in the contract's shapes.

A stored event is a list with what a reader cannot know from the definition:

    [seq, at, "n", node, {state, and what differs from its default}]     a node run changed
    [seq, at, "r", {state, counts, ...}]                                 the run changed
    [seq, at, "p", node, fraction, message]                              progress

Times are microseconds since 1970. Log lines take numbers from the same counter but are in LogBatch; `read` merges both
by seq. Keys of a node event: s state, r reason, a attempt, b started, f finished, x expected, y expected_from,
p progress, e error, o summary of the output, w waiting_for (see WaitingCondition.stored). Of a run event: s state,
r reason, c counts, p priority, b started, f finished, m altered.
"""

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
"""The most events that one call returns."""
READ_CHARACTERS = 4 << 20
"""Characters of log lines after which no further batch is read: a line may have 16 KiB."""
FIRST_BATCHES = 4
"""Batches of log lines in the first of several reads."""


def head(run_id: int) -> int:
    """Return the number of the run's last event or line; 0: none yet. Raises NotFound."""
    seq = Run.objects.filter(pk=run_id).values_list("seq", flat=True).first()
    if seq is None:
        raise NotFound.run(run_id)
    return seq


def read(run_id: int, after: int, limit: int = 1000) -> tuple[list[dict[str, Any]], int]:
    """Return at most `limit` events and log lines of a run that follow `after`, and the number of the last one.

    Each is {seq, at, type: run|node|log|progress, ..} as in the live protocol. There is no gap between them. Raises
    NotFound, and EventsGone if what follows `after` was deleted.
    """
    limit = max(1, min(limit, READ_MAX))
    found = [json.loads(text) for text in texts(run_id, after, limit)[:limit]]
    return found, after + len(found)


def texts(run_id: int, after: int, limit: int) -> list[str]:
    """Return events and log lines like `read`, but as JSON texts. Batches are read as a whole, so there may be more
    than `limit`. If lines are long, there are fewer."""
    row = Run.objects.filter(pk=run_id).values_list("seq", "definition_id").first()
    if row is None:
        raise NotFound.run(run_id)
    head, definition = row
    writer = _Writer(run_id, definition)
    first: int | None = None
    # Events and lines are two reads, and a commit between them may leave a gap. A gap at the end shortens the answer;
    # after a gap at the beginning both are read again.
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


def _items(writer: "_Writer", after: int, upto: int) -> Iterator[tuple[int, str]]:
    write = writer.event
    size = 0
    for first, node, attempt, body in _log_rows(writer.run_id, after, upto):
        for seq, (at, level, message) in enumerate(json.loads(body), first):
            if seq > after:
                line = encoded(line_shape(seq, at, node, attempt, level, message))
                yield seq, encodable(f'{{"seq":{seq},"at":"{at}","type":"log","line":{line}}}')
        size += len(body)
        if size > READ_CHARACTERS:
            # The next read starts after this batch.
            upto = min(upto, seq)
            break
    for _first, body in _rows("engine_eventbatch", "body", writer.run_id, after, upto):
        for stored in json.loads(body):
            if stored[0] > after:
                yield stored[0], write(stored)


def _log_rows(run_id: int, after: int, upto: int) -> Iterator[tuple[Any, ...]]:
    """Yield batches of lines. Each read takes about READ_CHARACTERS, estimated from the batches read last."""
    begin, limit = None, FIRST_BATCHES
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
    """Return the batches that may hold a number in (after, upto], in order: the last one that begins at or before
    `after`, and those that follow. `begin`: only those from this number on.

    Both bounds use the unique index (run, first_seq); a bound on last_seq would read the whole run.
    """
    sql = (
        f"SELECT first_seq, {columns} FROM {table} WHERE run_id = %s AND first_seq <= %s AND first_seq >= COALESCE(%s, "  # noqa: S608 - names from this module
        f"(SELECT MAX(first_seq) FROM {table} WHERE run_id = %s AND first_seq <= %s), 0) ORDER BY first_seq LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [run_id, upto, begin, run_id, after, limit])
        return list(cursor.fetchall())


class _Writer:
    """Writes the stored events of one run in the contract's shapes. The definition and the run are read when first
    needed."""

    def __init__(self, run_id: int, definition: int) -> None:
        self.run_id = run_id
        self._definition = definition
        self._nodes: dict[str, Node] = {}
        self._run: Run | None = None
        self._moment = Moments()

    def event(self, stored: list[Any]) -> str:
        seq, at_us, kind = stored[:3]
        if kind == "n":
            body = f'"type":"node","node":{self._node_text(stored[3], stored[4])}'
        elif kind == "r":
            body = f'"type":"run","run":{self._run_text(stored[3])}'
        else:
            node, fraction, message = stored[3:6]
            body = f'"type":"progress","node":"{node}","fraction":{fraction!r},"message":{encoded(message)}'
        return encodable(f'{{"seq":{seq},"at":{self._moment(at_us)},{body}}}')

    def _node_text(self, node_id: str, fields: dict[str, Any]) -> str:
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

    def _run_text(self, fields: dict[str, Any]) -> str:
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
                rerun_of=run.rerun_of,
                created_by=run.created_by,
                created_us=micros(run.created_at),
                started_us=fields.get("b"),
                finished_us=fields.get("f"),
                counts=fields["c"],
            )
        )
