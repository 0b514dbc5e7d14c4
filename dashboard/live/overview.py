"""The live overview, read once for all sockets that show it."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard.live.database import consistent_read, in_database
from engine.models import Run
from engine.models.conditions import unfinished_runs
from engine.models.runs import RUN_UNFINISHED
from engine.reads import queries

UNFINISHED_MAX: Final = 100
ENDED_MAX: Final = 50
REMOVED_MAX: Final = 500


@dataclass
class OverviewState:
    """The overview at one moment."""

    counters: dict[str, Any] = field(default_factory=dict)
    runs: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    """Newest first, by id."""
    removed: OrderedDict[str, dict[str, Any] | None] = field(default_factory=OrderedDict)
    """Runs that are no longer in `runs`, as they were last: a client may still show them. None if deleted."""


class Overview:
    """The newest state. Read again when it is stale and a watcher asks for it."""

    def __init__(self) -> None:
        self.state = OverviewState()
        self.version = 0
        """Counts the reads that found a difference."""
        self._stale = True
        self._read_at = float("-inf")
        """Unix time at which the last read began."""
        self.watchers: set[asyncio.Event] = set()
        self._refresh_lock = asyncio.Lock()

    def changed_at(self, at: float) -> None:
        """Handle a hint that something was different at the unix time `at`. Every watcher gets a copy of each hint."""
        if at >= self._read_at:
            self._mark_stale()

    def _mark_stale(self) -> None:
        self._stale = True
        for watcher in self.watchers:
            watcher.set()

    def poll(self) -> None:
        """Mark the state as stale. Called once a second, because hints may be lost."""
        if self.watchers:
            self._mark_stale()

    async def refresh(self) -> tuple[int, OverviewState]:
        """Return (version, state), read again from the database if it is stale."""
        async with self._refresh_lock:
            if self._stale:
                self._stale, self._read_at = False, time.time()
                try:
                    new = await in_database(_read, self.state)
                except BaseException:
                    self._stale = True
                    raise
                if new != self.state:
                    self.state = new
                    self.version += 1
            return self.version, self.state


def _read(old: OverviewState) -> OverviewState:
    """Return the overview as it is now. Runs on a database thread."""
    new = OverviewState()
    with consistent_read():
        new.counters = queries.counters()
        unfinished = unfinished_runs().order_by("-id")[:UNFINISHED_MAX]
        ended = Run.objects.exclude(state__in=RUN_UNFINISHED).order_by("-id")[:ENDED_MAX]
        rows = sorted([*unfinished, *ended], key=lambda run: -run.pk)
        new.runs = OrderedDict((str(run.pk), queries.run_dict(run)) for run in rows)
        missing = [run for run in old.runs if run not in new.runs]
        # Runs that were removed earlier and had not ended may have changed since.
        missing += [run for run, last in old.removed.items() if last is not None and last["state"] in RUN_UNFINISHED]
        now = {str(run.pk): queries.run_dict(run) for run in Run.objects.filter(pk__in=[int(run) for run in missing])}
    removed = OrderedDict(old.removed)
    for run in missing:
        removed.pop(run, None)
        removed[run] = now.get(run)
    for run in list(removed):
        if run in new.runs:
            del removed[run]
    while len(removed) > REMOVED_MAX:
        removed.popitem(last=False)
    new.removed = removed
    return new


def difference(sent: dict[str, dict[str, Any]], state: OverviewState) -> tuple[list[dict[str, Any]], bool]:
    """Return the runs that a client must be sent, and whether it shows a deleted one, given what it was `sent`
    before."""
    changed = [run for run_id, run in state.runs.items() if sent.get(run_id) != run]
    has_deleted = False
    for run_id, run in sent.items():
        if run_id in state.runs:
            continue
        now = state.removed.get(run_id, run)
        if now is None:
            has_deleted = True
        elif now != run:
            changed.append(now)
    return changed, has_deleted
