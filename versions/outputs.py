"""What each node of a workflow last put out, as far as runs are kept: the data that the editor shows.

Runs of versions count for everybody; a draft's run only for whose draft it was, for unfinished work is nobody else's.
"""

from __future__ import annotations

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
"""Runs that are looked at, the newest first."""
ROWS_MAX: Final = 60_000
"""Node runs that are looked at: six runs of 10,000 nodes. The newest run is, however large."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One run that outputs are taken from."""

    id: int
    version: int | None
    digest: str
    rows: int
    seq: int


def known_outputs(workflow: Workflow, user: str, tag: str = "") -> tuple[str, dict[str, dict[str, Any]] | None]:
    """A tag, and {node id: {run, version, at, kind, rows, columns, print}}: of each node the output of the newest run,
    of those that `user` may build on, in which it succeeded. Null instead when `tag` is of what there still is.

    `version` is null for a draft's run; `rows` and `columns` ([{name, type}]) are null unless it is a table; `print` is
    the node's fingerprint in the definition that ran (see engine.definition.fingerprints).
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
            "print": source.digest,
        }
    prints = _prints({shape["print"] for shape in found.values()})
    for node, shape in found.items():
        shape["print"] = prints[shape["print"]].get(node)
    return now, found


def followed_run(workflow: Workflow, user: str) -> int | None:
    """The newest run of this person's draft, if it has not ended: what a page that is opened now goes on following."""
    newest = (
        Run.objects.filter(workflow=workflow.slug, draft=True, created_by=user)
        .order_by("-id")
        .values_list("id", "finished_at")
        .first()
    )
    return newest[0] if newest is not None and newest[1] is None else None


def _sources(slug: str, user: str) -> list[_Source]:
    """The runs in which a node succeeded, newest first, as far as both limits go."""
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
    """(run, node, end, output) of nodes that succeeded, those of the newest run first. The output is null where it is
    a value that stands in the row: of a value nothing is asked but that it is one, and 10,000 may be 300 MB."""
    if not sources:
        return []
    marks = ", ".join(["%s"] * len(sources))
    with connection.cursor() as cursor:
        # Straight from the cursor: the ORM takes four fifths of the time of a read of 10,000 rows.
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
"""{hash of a definition: the fingerprints of its nodes}; those of 10,000 nodes take about 1.5 MB."""


def _prints(digests: set[str]) -> dict[str, dict[str, str]]:
    """Fingerprints of the nodes of each definition, by its hash."""
    with _lock:
        found = {digest: _fingerprints[digest] for digest in digests if digest in _fingerprints}
    missing = [digest for digest in digests if digest not in found]
    if missing:
        for digest, text in Definition.objects.filter(hash__in=missing).values_list("hash", "document"):
            found[digest] = fingerprints(json.loads(text))
        with _lock:
            _fingerprints.update({digest: found[digest] for digest in missing})
    return found
