"""Node runs in the contract's shape, of a whole run or of some of its nodes.

A run may have 10,000 nodes. So rows come straight from the cursor, because the ORM's objects and converters would take
four fifths of the time, and they become JSON text at once.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

from django.db import connection

from engine.definition import Document, Node, store
from engine.errors import NotFound
from engine.models import NodeRun, Run
from engine.models.conditions import unfinished_nodes
from engine.reads.waiting import WaitingConditions
from engine.shapes import encodable, encoded, node_text, output_summary

NAMES_MAX: Final = 500
"""Nodes named in one query; for more, the states of all nodes are read, which costs little more."""
SMALL_CHARACTERS: Final = 200


class Row(NamedTuple):
    """A node run's row. `claim` to `finished_at` are only read if it is ready or retrying. JSON columns are text."""

    node: str
    state: str
    reason: str
    attempt: int
    claim: str
    retries: int
    losses: int
    pool: str
    slots: int
    ready_at: datetime | None
    retry_at: datetime | None
    finished_at: datetime | None
    started: str | None
    """ISO 8601, UTC; `finished` likewise."""
    finished: str | None
    expected: float | None
    expected_from: str
    progress: str | None
    error: str | None
    output: str | None


_WAITING: Final = ("ready", "retrying")


def _iso(column: str) -> str:
    """Return the SQL that formats a time: the database needs a fraction of the time that Python does."""
    if connection.vendor == "postgresql":
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    # In SQLite, whole seconds have no fraction.
    return f"substr(replace({column}, ' ', 'T') || iif(length({column}) = 19, '.000000', ''), 1, 26) || 'Z'"


@cache
def _select() -> str:
    columns = ", ".join(
        (
            *("node", "state", "reason", "attempt"),
            # Only nodes in these states need them, and times are expensive to convert.
            *(
                f"CASE WHEN state IN {_WAITING} THEN {name} END"
                for name in ("claim", "retries", "losses", "pool", "slots", "ready_at", "retry_at", "finished_at")
            ),
            *(_iso("started_at"), _iso("finished_at"), "expected", "expected_from", "progress", "error", "output"),
        )
    )
    return f"SELECT {columns} FROM engine_noderun WHERE run_id = %s AND item = -1"  # noqa: S608 - names from above


def node_runs(run: Run, nodes: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return the contract's node runs in document order, of all nodes, pending ones included, or of `nodes`, which must
    exist."""
    return [json.loads(text) for _, text in node_texts(run, nodes)]


def node_texts(run: Run, nodes: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (node, JSON text of its node run) one by one, so that the caller need not keep all."""
    document = store.load(run.definition_id)
    if nodes is None:
        rows = {row.node: row for row in _rows(run)}
        states = {name: row.state for name, row in rows.items()}
        wanted: Sequence[Node] = document.nodes
    else:
        wanted = sorted((document.by_id[name] for name in set(nodes)), key=lambda node: node.index)
        rows = {row.node: row for row in _rows(run, [node.id for node in wanted])}
        states = _states(run, document, [node for node in wanted if node.id not in rows])
    waiting = WaitingConditions(run, document, states)
    summaries = _Summaries()
    for node in wanted:
        yield node.id, _text(node, rows.get(node.id), waiting, summaries)


def node_run(run: Run, node: str) -> dict[str, Any]:
    """Return the contract's node run of one node. Raises NotFound."""
    if node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    return node_runs(run, [node])[0]


def nodes_in(run: Run, states: Iterable[str]) -> list[str]:
    """Return the ids of the nodes in these states, which do not include `pending`, in document order."""
    wanted = [state for state in states if run.counts.get(state)]
    if not wanted:
        # The counts of the run say so, without a query.
        return []
    document = store.load(run.definition_id)
    found = NodeRun.objects.filter(run=run, item=-1, state__in=wanted).values_list("node", flat=True)
    return sorted(found, key=lambda node: document.by_id[node].index)


def running_nodes(run: Run) -> list[dict[str, Any]]:
    """Return the contract's node runs of the nodes that run now; ended nodes cost nothing."""
    found = unfinished_nodes().filter(run=run, item=-1, state="running").values_list("node", flat=True)
    return [shape for shape in node_runs(run, found) if shape["state"] == "running"]


def _rows(run: Run, names: Sequence[str] | None = None) -> Iterator[Row]:
    if names is None:
        yield from _read(_select(), [run.pk])
        return
    for start in range(0, len(names), NAMES_MAX):
        part = names[start : start + NAMES_MAX]
        yield from _read(f"{_select()} AND node IN ({', '.join(['%s'] * len(part))})", [run.pk, *part])


def _read(sql: str, parameters: list[Any]) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
    for values in found:
        row = Row._make(values)
        if row.state in _WAITING:
            row = row._replace(
                ready_at=_moment(row.ready_at), retry_at=_moment(row.retry_at), finished_at=_moment(row.finished_at)
            )
        yield row


def _moment(value: datetime | str | None) -> datetime | None:
    """Return an aware time from what a driver gives: from SQLite it is naive UTC, and text if it is an expression."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _states(run: Run, document: Document, pending: Sequence[Node]) -> dict[str, str]:
    """Return the states of the sources of these nodes."""
    sources = {edge.source for node in pending for edge in document.upstream.get(node.id, ())}
    rows = NodeRun.objects.filter(run=run, item=-1)
    if len(sources) <= NAMES_MAX:
        rows = rows.filter(node__in=sources)
    return dict(rows.values_list("node", "state"))


class _Summaries:
    """Summaries of outputs by their stored text. Most nodes of a large run have one of a few small outputs."""

    def __init__(self) -> None:
        self._by_text: dict[str, str] = {}

    def of(self, text: str | None) -> str:
        if text is None:
            return "null"
        if len(text) > SMALL_CHARACTERS:
            return encoded(output_summary(json.loads(text)))
        found = self._by_text.get(text)
        if found is None:
            found = self._by_text[text] = encoded(output_summary(json.loads(text)))
        return found


def _text(node: Node, row: Row | None, waiting: WaitingConditions, summaries: _Summaries) -> str:
    if row is None:
        expected = node.policy.expected_duration
        return encodable(
            node_text(
                node.id,
                node.type,
                node.name,
                expected=expected,
                expected_from="none" if expected is None else "author",
                waiting_for=waiting.shapes(node, None),
            )
        )
    return encodable(
        node_text(
            node.id,
            node.type,
            node.name,
            state=row.state,
            reason=row.reason,
            attempt=row.attempt,
            started_at="null" if row.started is None else f'"{row.started}"',
            finished_at="null" if row.finished is None else f'"{row.finished}"',
            expected=row.expected,
            expected_from=row.expected_from,
            progress=row.progress or "null",
            error=row.error or "null",
            waiting_for=waiting.shapes(node, row),
            output=summaries.of(row.output),
        )
    )
