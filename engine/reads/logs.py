"""Reads of log lines: by number, by word and as a whole. Nothing here writes.

A run may hold a million lines. Batches are read a few megabytes at a time, and looked through as text; see
`engine.reads.log_filter`. Like all reads these run outside transactions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from engine.definition import store
from engine.errors import NotFound
from engine.models import LogBatch, Run
from engine.reads.log_filter import LEVELS, Sieve, rows
from engine.shapes import line_shape

LINES_MAX = 10_000
SEARCH_SECONDS = 0.25
"""For one call of a search."""
CHUNK_CHARACTERS = 4 << 20
"""Text of batches that is held at once."""
CHUNK_BATCHES = 400
FIRST_LINES = 20_000
"""What a search looks through at least before it answers with its first hits."""
ANSWER_CHARACTERS = 1 << 20
"""Messages that `lines` hands out at once: 16 KiB lines fill an answer long before their number does."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one attempt with the numbers `first` to `first + count - 1`."""

    first: int
    count: int
    node: str
    attempt: int
    body: str = ""


def logs(
    run: Run,
    *,
    node: str | None = None,
    after: int = 0,
    level: str | None = None,
    q: str | None = None,
    limit: int = 100,
    attempt: int | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """Log lines with `seq` above `after`, in order, and where to go on (`after` of the next call; None: no more now).

    `level`: this one and graver ones. `q`: lines that contain this text, whatever its case. Raises NotFound.
    """
    limit = max(1, min(limit, LINES_MAX))
    sieve = Sieve(q, level)
    lines: list[dict[str, Any]] = []
    for batch in batches(run, node=node, attempt=attempt, after=after):
        skipped = after - batch.first + 1
        fitting = [offset for offset in sieve.fitting(batch.body, batch.count) if offset >= skipped]
        room = limit - len(lines)
        for offset, (at, said, message) in zip(fitting, rows(batch.body, fitting[:room]), strict=False):
            lines.append(line_shape(batch.first + offset, at, batch.node, batch.attempt, said, message))
        if len(fitting) > room:
            return lines, lines[-1]["seq"]
    return lines, None


def batches(run: Run, *, node: str | None = None, attempt: int | None = None, after: int = 0) -> Iterator[Batch]:
    """Batches with lines above `after`, in order; the first may hold lower ones too. Raises NotFound."""
    found = _of(run, node, attempt)
    cursor, size = _begin(found, after), 20
    while True:
        read = list(
            found.filter(first_seq__gte=cursor)
            .order_by("first_seq")
            .values_list("first_seq", "last_seq", "node", "attempt", "body")[:size]
        )
        for first, last, name, number, body in read:
            if last > after:
                yield Batch(first, last - first + 1, name, number, body)
        if len(read) < size:
            return
        cursor = read[-1][0] + 1
        held = sum(len(row[4]) for row in read)
        # Lines may be 16 KiB long: the next chunk is as many batches as these let expect.
        size = max(1, min(CHUNK_BATCHES, size * CHUNK_CHARACTERS // max(held, 1)))


def _of(run: Run, node: str | None, attempt: int | None) -> QuerySet[LogBatch]:
    if node is not None and node not in store.load(run.definition_id).by_id:
        raise NotFound.node(run.pk, node)
    found = LogBatch.objects.filter(run=run)
    if node is not None:
        found = found.filter(node=node)
    if attempt is not None:
        found = found.filter(attempt=attempt)
    return found


def _begin(found: QuerySet[LogBatch], after: int) -> int:
    """First number of the batch that `after` stands in: the last that begins at or before it."""
    if after <= 0:
        return 0
    begin = found.filter(first_seq__lte=after).order_by("-first_seq").values_list("first_seq", flat=True).first()
    return begin or 0


def index(run: Run, *, after: int = 0, limit: int = 50_000) -> tuple[list[Batch], int | None]:
    """Which lines there are above `after`, without their text, and the `after` of the next call; None: no more now."""
    found = _of(run, None, None)
    read = list(
        found.filter(first_seq__gte=_begin(found, after), last_seq__gt=after)
        .order_by("first_seq")
        .values_list("first_seq", "last_seq", "node", "attempt")[: limit + 1]
    )
    known = []
    for first, last, node, attempt in read[:limit]:
        begin = max(first, after + 1)
        known.append(Batch(begin, last - begin + 1, node, attempt))
    return known, read[limit - 1][1] if len(read) > limit else None


def lines(run: Run, ranges: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    """The lines with these numbers, (first, last) each, the ranges in order. What goes beyond ANSWER_CHARACTERS is
    left out: who asked sees which numbers are missing, and asks again."""
    answer: list[dict[str, Any]] = []
    size = 0
    for first, last in ranges:
        for batch in batches(run, after=first - 1):
            if batch.first > last:
                break
            begin, end = max(first - batch.first, 0), min(last - batch.first + 1, batch.count)
            for offset, (at, level, message) in enumerate(rows(batch.body, range(begin, end)), begin):
                answer.append(line_shape(batch.first + offset, at, batch.node, batch.attempt, level, message))
                size += len(message)
                if size > ANSWER_CHARACTERS:
                    return answer
            if batch.first + batch.count > last:
                break
    return answer


def search(
    run: Run,
    *,
    q: str | None = None,
    level: str | None = None,
    node: str | None = None,
    after: int = 0,
    ranges_max: int = 20_000,
) -> tuple[list[tuple[int, int]], int, bool]:
    """Numbers of all lines above `after` that fit, as (first, count), how far was looked, and whether that is all.

    After SEARCH_SECONDS the search stops at the end of a batch: the next call goes on from there. One from
    the beginning stops as soon as it has looked through some lines and found something, for somebody waits to see it.

    Raises NotFound.
    """
    sieve = Sieve(q, level)
    enough = FIRST_LINES if after <= 0 else sys.maxsize
    looked = 0
    found: list[list[int]] = []
    end = time.monotonic() + SEARCH_SECONDS
    seen = after
    for batch in batches(run, node=node, after=after):
        skipped = after - batch.first + 1
        for offset in sieve.fitting(batch.body, batch.count):
            if offset < skipped:
                continue
            seq = batch.first + offset
            if found and found[-1][0] + found[-1][1] == seq:
                found[-1][1] += 1
            else:
                found.append([seq, 1])
        seen = batch.first + batch.count - 1
        looked += batch.count
        if time.monotonic() > end or len(found) >= ranges_max or (found and looked >= enough):
            return [(first, count) for first, count in found], seen, False
    return [(first, count) for first, count in found], seen, True


__all__ = ["LEVELS", "LINES_MAX", "Batch", "batches", "index", "lines", "logs", "rows", "search"]
