"""One run as its watchers see it: the events since they came, read once for all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboard.live import protocol
from dashboard.live.database import in_database, one_moment
from engine.errors import NotFound
from engine.models import Run
from engine.reads import events as engine_events
from engine.reads import queries

log = logging.getLogger("interlock.live")

KEPT_EVENTS_MAX: Final = 2 * protocol.MISSED_MAX
KEPT_BYTES_MAX: Final = 8 << 20
READ_EVENTS: Final = 2000
"""Events of one read from the database, and what else their last batch holds."""
SNAPSHOT_SECONDS: Final = 1.0
"""How long one snapshot is handed to further clients: the events after it follow anyway."""


class Listener:
    """One watcher of a run. Holds no queue: a flag that there is something, and the newest samples."""

    __slots__ = ("samples", "wake")

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.samples: dict[tuple[Any, Any], Mapping[str, Any]] = {}

    def sampled(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Measurements of nodes; older ones that the client has not got yet are dropped."""
        for sample in samples:
            self.samples[sample.get("node"), sample.get("item")] = sample
        self.wake.set()


class Feed:
    """What is new in one run. Lives as long as somebody watches; all calls are on the server's loop."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.head = 0
        """Newest seq heard of, from hints or from the database."""
        self.gone = False
        """The run was deleted."""
        self.listeners: set[Listener] = set()
        self._texts: list[str] = []
        self._first = 1
        """Seq of the first kept text; the one after the last kept is read next."""
        self._bytes = 0
        self._reading = asyncio.Lock()
        self._snapshot: tuple[float, int, str] | None = None
        self._snapping = asyncio.Lock()

    @property
    def _next(self) -> int:
        return self._first + len(self._texts)

    def heard(self, seq: int) -> None:
        """The run has an event `seq`, says a hint or the database."""
        if seq > self.head:
            self.head = seq
            self._wake()

    def vanished(self) -> None:
        self.gone = True
        self._wake()

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.wake.set()

    async def after(self, sent: int, *, count: int, bytes_max: int) -> list[str]:
        """Texts of the events `sent` + 1 and on: at most `count`, and, but for the first, `bytes_max` in all.

        Empty when there is none. Raises EventsGone when that event is not kept any more.
        """
        if sent + 1 < self._first or min(count, self.head - sent) > READ_EVENTS:
            # Far behind the others: read for this one alone, so that the kept events stay the newest.
            heard = self.head
            found = await in_database(_read, self.run, sent, count)
            if not found:
                self._not_there(sent, heard)
            return _within(found, 0, count, bytes_max)
        while sent + 1 >= self._next:
            async with self._reading:
                if sent + 1 < self._next:
                    break  # Another watcher has read it meanwhile.
                if sent + 1 > self._next:
                    self._forget(sent + 1)
                heard = self.head
                new = await in_database(_read, self.run, sent, READ_EVENTS)
                if not new:
                    self._not_there(sent, heard)
                    return []
                self._keep(new)
        if sent + 1 < self._first:
            return []  # Fell out while we waited; the next call reads it from the database.
        return _within(self._texts, sent + 1 - self._first, count, bytes_max)

    def _not_there(self, sent: int, heard: int) -> None:
        """A hint may speak of what is not there: the database has the last word, and the next look tells. Not on what
        was heard of while it was asked."""
        if self.head == heard:
            self.head = sent

    def _keep(self, new: list[str]) -> None:
        self._texts.extend(new)
        self._bytes += sum(map(len, new))
        self.head = max(self.head, self._next - 1)
        surplus = max(0, len(self._texts) - KEPT_EVENTS_MAX)
        size = self._bytes - sum(len(text) for text in self._texts[:surplus])
        while size > KEPT_BYTES_MAX and surplus < len(self._texts) - 1:
            size -= len(self._texts[surplus])
            surplus += 1
        if surplus:
            del self._texts[:surplus]
            self._first += surplus
            self._bytes = size

    def _forget(self, first: int) -> None:
        self._texts, self._bytes, self._first = [], 0, first

    async def snapshot(self, sent: int) -> tuple[int, str]:
        """(seq, message): the whole run as it was not long ago, and not before its event `sent`; what came since
        follows as events. Raises NotFound."""
        async with self._snapping:
            kept = self._snapshot
            if kept is None or self._is_old(kept[0], kept[1], sent):
                taken = time.monotonic()
                seq, text = await in_database(_snapshot, self.run)
                kept = self._snapshot = (taken, seq, text)
                self.heard(seq)
            return kept[1], kept[2]

    def _is_old(self, taken: float, seq: int, sent: int) -> bool:
        """Whether a snapshot does not serve a client that was told `sent`: events must lead from it to the newest."""
        return (
            time.monotonic() - taken > SNAPSHOT_SECONDS
            or seq < max(sent, self._first - 1)
            or self.head - seq > protocol.MISSED_MAX
        )


def _within(texts: list[str], start: int, count: int, bytes_max: int) -> list[str]:
    end, size = start, 0
    while end < len(texts) and end - start < count:
        size += len(texts[end])
        if size > bytes_max and end > start:
            break
        end += 1
    return texts[start:end]


def _read(run: int, after: int, limit: int) -> list[str]:
    """JSON texts of the events after `after`; runs on a database thread. Raises EventsGone."""
    with one_moment():
        return engine_events.texts(run, after, limit)


def _snapshot(run: int) -> tuple[int, str]:
    """(seq, message) of the run now; runs on a database thread. Raises NotFound."""
    with one_moment():
        row = Run.objects.filter(pk=run).first()
        if row is None:
            raise NotFound.run(run)
        return row.seq, protocol.snapshot(row.seq, queries.run_dict(row), queries.node_texts(row))


def heads(runs: list[int]) -> dict[int, int]:
    """Newest seq of each of `runs` that exists; on a database thread."""
    found: dict[int, int] = {}
    for start in range(0, len(runs), 500):
        found.update(Run.objects.filter(pk__in=runs[start : start + 500]).values_list("pk", "seq"))
    return found
