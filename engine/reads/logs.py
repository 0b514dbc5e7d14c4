"""Log lines: by number, by search, and all of them.

A run may have a million lines. Batches are read a few megabytes at a time and searched as text; see
`engine.reads.log_filter`. Like all reads these run outside transactions.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from engine.definition import store
from engine.errors import NotFound
from engine.models import LogBatch, Run
from engine.reads.log_filter import LineFilter, rows
from engine.shapes import line_shape

LINES_MAX = 10_000
SEARCH_SECONDS = 0.25
"""After this time one call of `search` stops."""
CHUNK_CHARACTERS = 4 << 20
"""Characters of batches that are in memory at once."""
CHUNK_BATCHES = 400
FIRST_LINES = 20_000
"""Lines that a search examines at least before it returns its first hits."""
ANSWER_CHARACTERS = 1 << 20
"""Characters of messages that one call of `lines` returns: lines may have 16 KiB."""


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Lines of one attempt, numbered `first` to `first + count - 1`; without `body` where only the numbers are read."""

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
    """Return log lines with `seq` above `after`, in order, and the `after` of the next call (None: no more now).

    `level`: the least severe one. `q`: lines that contain this text, ignoring case. Raises NotFound.
    """
    limit = max(1, min(limit, LINES_MAX))
    line_filter = LineFilter(q, level)
    lines: list[dict[str, Any]] = []
    for batch in batches(run, node=node, attempt=attempt, after=after):
        skipped = after - batch.first + 1
        matching = [offset for offset in line_filter.matching(batch.body, batch.count) if offset >= skipped]
        room = limit - len(lines)
        for offset, (at, severity, message) in zip(matching, rows(batch.body, matching[:room]), strict=False):
            lines.append(line_shape(batch.first + offset, at, batch.node, batch.attempt, severity, message))
        if len(matching) > room:
            return lines, lines[-1]["seq"]
    return lines, None


def batches(run: Run, *, node: str | None = None, attempt: int | None = None, after: int = 0) -> Iterator[LineBatch]:
    """Yield batches with lines above `after`, in order; the first may have lower ones too. Raises NotFound."""
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
                yield LineBatch(first, last - first + 1, name, number, body)
        if len(read) < size:
            return
        cursor = read[-1][0] + 1
        held = sum(len(row[4]) for row in read)
        # The size of the next chunk follows from this one, because lines may have 16 KiB.
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
    """Return the first number of the batch with `after`: the last one that begins at or before it."""
    if after <= 0:
        return 0
    begin = found.filter(first_seq__lte=after).order_by("-first_seq").values_list("first_seq", flat=True).first()
    return begin or 0


def index(run: Run, *, after: int = 0, limit: int = 50_000) -> tuple[list[LineBatch], int | None]:
    """Return the numbers of the lines above `after`, and the `after` of the next call (None: no more now)."""
    found = _of(run, None, None)
    read = list(
        found.filter(first_seq__gte=_begin(found, after), last_seq__gt=after)
        .order_by("first_seq")
        .values_list("first_seq", "last_seq", "node", "attempt")[: limit + 1]
    )
    batches = []
    for first, last, node, attempt in read[:limit]:
        begin = max(first, after + 1)
        batches.append(LineBatch(begin, last - begin + 1, node, attempt))
    return batches, read[limit - 1][1] if len(read) > limit else None


def lines(run: Run, ranges: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return the lines in these ranges of numbers, (first, last) in order. Lines beyond ANSWER_CHARACTERS are left out;
    the caller sees which numbers are missing and asks again."""
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
    """Return the numbers of the lines above `after` that match, as (first, count), the number of the last line that was
    searched, and whether that was the last of all.

    After SEARCH_SECONDS the search stops at the end of a batch, and the next call continues there. A search from the
    beginning returns its first hits sooner, because a person waits for them. Raises NotFound.
    """
    line_filter = LineFilter(q, level)
    enough = FIRST_LINES if after <= 0 else sys.maxsize
    searched = 0
    found: list[list[int]] = []
    end = time.monotonic() + SEARCH_SECONDS
    seen = after
    for batch in batches(run, node=node, after=after):
        skipped = after - batch.first + 1
        for offset in line_filter.matching(batch.body, batch.count):
            if offset < skipped:
                continue
            seq = batch.first + offset
            if found and found[-1][0] + found[-1][1] == seq:
                found[-1][1] += 1
            else:
                found.append([seq, 1])
        seen = batch.first + batch.count - 1
        searched += batch.count
        if time.monotonic() > end or len(found) >= ranges_max or (found and searched >= enough):
            return [(first, count) for first, count in found], seen, False
    return [(first, count) for first, count in found], seen, True
