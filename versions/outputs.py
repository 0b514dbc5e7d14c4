"""The last output of each node of a workflow, for the editor.

Runs of versions count for everybody, draft runs only for the draft's author, because drafts are private.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cachetools import LRUCache
from django.db import connection
from django.db.models import Q

from engine.definition.fingerprints import fingerprints
from engine.models import Definition, Run
from engine.shapes import iso_moment
from versions.models import Workflow

RUNS_MAX: Final = 100
"""How many of the newest runs are examined."""
ROWS_MAX: Final = 60_000
"""How many node runs are examined: six runs of 10,000 nodes. The newest run is always examined."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One run whose outputs are used."""

    id: int
    version: int | None
    digest: str
    rows: int
    seq: int


def newest_outputs(workflow: Workflow, user: str, tag: str = "") -> tuple[str, dict[str, dict[str, Any]] | None]:
    """Return a tag, and {node: {run, version, at, kind, rows, columns, fingerprint}}, or None if `tag` is current.

    The output of each node comes from the newest run in which it succeeded and that `user` may see. `version` is None
    for a draft run; `rows` and `columns` ([{name, type}]) are None unless it is a table; `fingerprint` is the node's
    fingerprint in the definition that ran (see engine.definition.fingerprints).
    """
    sources = _sources(workflow.slug, user)
    now = hashlib.sha256(repr([(source.id, source.seq) for source in sources]).encode()).hexdigest()[:16]
    if now == tag:
        return now, None
    found: dict[str, dict[str, Any]] = {}
    for source, node, at, text in _rows(sources):
        if node in found:
            continue
        output = json.loads(text) if text else {}
        schema = output.get("schema") if output.get("kind") == "table" else None
        found[node] = {
            "run": str(source.id),
            "version": source.version,
            "at": _iso(at),
            "kind": output.get("kind", "json"),
            "rows": output.get("row_count"),
            "columns": schema,
            "fingerprint": source.digest,
        }
    fingerprints = _fingerprints_of({shape["fingerprint"] for shape in found.values()})
    for node, shape in found.items():
        shape["fingerprint"] = fingerprints[shape["fingerprint"]].get(node)
    return now, found


def followed_run(workflow: Workflow, user: str) -> int | None:
    """Return the newest run of the user's draft if it has not ended. A newly opened editor continues to follow it."""
    newest = (
        Run.objects.filter(workflow=workflow.slug, draft=True, created_by=user)
        .order_by("-id")
        .values_list("id", "finished_at")
        .first()
    )
    return newest[0] if newest is not None and newest[1] is None else None


def _sources(slug: str, user: str) -> list[_Source]:
    """Return the runs in which a node succeeded, newest first, within both limits."""
    runs = (
        Run.objects.filter(Q(draft=False) | Q(created_by=user), workflow=slug)
        .order_by("-id")
        .values_list("id", "version", "definition__hash", "counts", "seq")[:RUNS_MAX]
    )
    sources: list[_Source] = []
    rows = 0
    for pk, version, digest, counts, seq in runs:
        if not counts.get("succeeded"):
            continue
        source = _Source(pk, version, digest, sum(counts.values()) - counts.get("pending", 0), seq)
        rows += source.rows
        if sources and rows > ROWS_MAX:
            break
        sources.append(source)
    return sources


def _rows(sources: Sequence[_Source]) -> list[tuple[_Source, str, Any, str | None]]:
    """Return (run, node, end, output) of the successful nodes, newest run first.

    `output` is None for a value that is stored in the row: its content is not needed, and 10,000 of them may take 300
    MB.
    """
    if not sources:
        return []
    marks = ", ".join(["%s"] * len(sources))
    with connection.cursor() as cursor:
        # Read with a plain cursor: the ORM would take four fifths of the time for 10,000 rows.
        cursor.execute(
            "SELECT run_id, node, finished_at, CASE WHEN artifact <> '' THEN output END FROM engine_noderun "  # noqa: S608
            f"WHERE run_id IN ({marks}) AND item = -1 AND state = 'succeeded'",
            [source.id for source in sources],
        )
        rows = cursor.fetchall()
    by_id = {source.id: source for source in sources}
    return sorted(((by_id[row[0]], *row[1:]) for row in rows), key=lambda row: -row[0].id)


def _iso(value: datetime | str | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return iso_moment(value.astimezone(UTC) if value.tzinfo is not None else value)


_lock = threading.Lock()
_fingerprints: LRUCache[str, dict[str, str]] = LRUCache(maxsize=16)
"""{hash of a definition: fingerprints of its nodes}. Those of 10,000 nodes take about 1.5 MB."""


def _fingerprints_of(digests: set[str]) -> dict[str, dict[str, str]]:
    """Return the fingerprints of the nodes of each definition, by its hash."""
    with _lock:
        found = {digest: _fingerprints[digest] for digest in digests if digest in _fingerprints}
    missing = [digest for digest in digests if digest not in found]
    if missing:
        for digest, text in Definition.objects.filter(hash__in=missing).values_list("hash", "document"):
            found[digest] = fingerprints(json.loads(text))
        with _lock:
            _fingerprints.update({digest: found[digest] for digest in missing})
    return found
