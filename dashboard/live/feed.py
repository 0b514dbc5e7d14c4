"""The events of one run for all its watchers, read from the database once."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboard.live import protocol
from dashboard.live.database import consistent_read, in_database
from engine.errors import NotFound
from engine.models import Run
from engine.reads import events as engine_events
from engine.reads import node_runs, queries

log = logging.getLogger("interlock.live")

CACHED_EVENTS_MAX: Final = 2 * protocol.MISSED_MAX
CACHED_BYTES_MAX: Final = 8 << 20
READ_EVENTS: Final = 2000
"""Events per read from the database, plus the rest of the last batch."""
SNAPSHOT_SECONDS: Final = 1.0
"""How long a snapshot is reused for further clients. The events after it follow anyway."""


class RunWatcher:
    """One watcher of a run: a flag that there is news, and the newest samples. It holds no queue."""

    __slots__ = ("samples", "wake")

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.samples: dict[tuple[Any, Any], Mapping[str, Any]] = {}

    def add_samples(self, samples: Iterable[Mapping[str, Any]]) -> None:
        """Add samples of nodes. Older ones that the client has not received yet are dropped."""
        for sample in samples:
            self.samples[sample.get("node"), sample.get("item")] = sample
        self.wake.set()


class Feed:
    """The newest events of one run. Exists while somebody watches the run; all calls come from the server's event
    loop."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.head = 0
        """The newest known seq, from hints or from the database."""
        self.deleted = False
        """Whether the run was deleted."""
        self.watchers: set[RunWatcher] = set()
        self._texts: list[str] = []
        self._first = 1
        """Seq of the first cached event. The event after the last cached one is read next."""
        self._bytes = 0
        self._read_lock = asyncio.Lock()
        self._snapshot: tuple[float, int, str] | None = None
        self._snapshot_lock = asyncio.Lock()

    @property
    def _next(self) -> int:
        return self._first + len(self._texts)

    def advance(self, seq: int) -> None:
        """Note that the run has an event `seq`, according to a hint or the database."""
        if seq > self.head:
            self.head = seq
            self._wake()

    def mark_deleted(self) -> None:
        self.deleted = True
        self._wake()

    def _wake(self) -> None:
        for watcher in self.watchers:
            watcher.wake.set()

    async def after(self, sent: int, *, count: int, bytes_max: int) -> list[str]:
        """Return the texts of the events from `sent` + 1: at most `count`, and at most `bytes_max` bytes but at least
        one.

        Empty if there is none. Raises EventsGone if that event is no longer stored.
        """
        if sent + 1 < self._first or min(count, self.head - sent) > READ_EVENTS:
            # This client is far behind the others: read for it alone, and keep the newest events cached.
            known_head = self.head
            found = await in_database(_read, self.run, sent, count)
            if not found:
                self._correct_head(sent, known_head)
            return _cut(found, 0, count, bytes_max)
        while sent + 1 >= self._next:
            async with self._read_lock:
                if sent + 1 < self._next:
                    break  # Another watcher has read them meanwhile.
                if sent + 1 > self._next:
                    self._reset(sent + 1)
                known_head = self.head
                new = await in_database(_read, self.run, sent, READ_EVENTS)
                if not new:
                    self._correct_head(sent, known_head)
                    return []
                self._append(new)
        if sent + 1 < self._first:
            return []  # Evicted while we waited; the next call reads it from the database.
        return _cut(self._texts, sent + 1 - self._first, count, bytes_max)

    def _correct_head(self, sent: int, known_head: int) -> None:
        """Lower `head` to what the database has: a hint may announce events that were never committed.

        Not if `head` has changed during the read.
        """
        if self.head == known_head:
            self.head = sent

    def _append(self, new: list[str]) -> None:
        self._texts.extend(new)
        self._bytes += sum(map(len, new))
        self.head = max(self.head, self._next - 1)
        surplus = max(0, len(self._texts) - CACHED_EVENTS_MAX)
        size = self._bytes - sum(len(text) for text in self._texts[:surplus])
        while size > CACHED_BYTES_MAX and surplus < len(self._texts) - 1:
            size -= len(self._texts[surplus])
            surplus += 1
        if surplus:
            del self._texts[:surplus]
            self._first += surplus
            self._bytes = size

    def _reset(self, first: int) -> None:
        self._texts, self._bytes, self._first = [], 0, first

    async def snapshot(self, sent: int) -> tuple[int, str]:
        """Return (seq, message) with the whole run, recent enough to contain the event `sent`; newer events follow.

        Raises NotFound.
        """
        async with self._snapshot_lock:
            cached = self._snapshot
            if cached is None or self._is_old(cached[0], cached[1], sent):
                taken = time.monotonic()
                seq, text = await in_database(_snapshot, self.run)
                cached = self._snapshot = (taken, seq, text)
                self.advance(seq)
            return cached[1], cached[2]

    def _is_old(self, taken: float, seq: int, sent: int) -> bool:
        """Return whether a snapshot has expired, lacks the event `sent`, or is too old to continue it with events."""
        return (
            time.monotonic() - taken > SNAPSHOT_SECONDS
            or seq < max(sent, self._first - 1)
            or self.head - seq > protocol.MISSED_MAX
        )


def _cut(texts: list[str], start: int, count: int, bytes_max: int) -> list[str]:
    end, size = start, 0
    while end < len(texts) and end - start < count:
        size += len(texts[end])
        if size > bytes_max and end > start:
            break
        end += 1
    return texts[start:end]


def _read(run: int, after: int, limit: int) -> list[str]:
    """Return the JSON texts of the events after `after`. Runs on a database thread. Raises EventsGone."""
    with consistent_read():
        return engine_events.texts(run, after, limit)


def _snapshot(run: int) -> tuple[int, str]:
    """Return (seq, message) of the run as it is now. Runs on a database thread. Raises NotFound."""
    with consistent_read():
        row = Run.objects.filter(pk=run).first()
        if row is None:
            raise NotFound.run(run)
        return row.seq, protocol.snapshot(row.seq, queries.run_dict(row), node_runs.node_texts(row))


def heads(runs: list[int]) -> dict[int, int]:
    """Return the newest seq of each existing run. Runs on a database thread."""
    found: dict[int, int] = {}
    for start in range(0, len(runs), 500):
        found.update(Run.objects.filter(pk__in=runs[start : start + 500]).values_list("pk", "seq"))
    return found
