"""What the overview shows, computed once for all who look at it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard.live.database import in_database, one_moment
from engine.models import Run
from engine.models.conditions import unfinished_runs
from engine.models.runs import RUN_UNFINISHED
from engine.reads import queries

UNFINISHED_MAX: Final = 100
ENDED_MAX: Final = 50
LEFT_MAX: Final = 500


@dataclass
class State:
    """The overview at one moment."""

    counters: dict[str, Any] = field(default_factory=dict)
    runs: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    """Newest first, by id."""
    left: OrderedDict[str, dict[str, Any] | None] = field(default_factory=OrderedDict)
    """Runs that have left `runs`, as they were when they did: somebody may still show them. None: deleted."""


class Overview:
    """Refreshed when something was heard and somebody looks; at most as often as its watchers ask."""

    def __init__(self) -> None:
        self.state = State()
        self.version = 0
        """Counts refreshes that found a difference."""
        self._stale = True
        self._read_at = float("-inf")
        """Unix time at which the last read began."""
        self.watchers: set[asyncio.Event] = set()
        self._refreshing = asyncio.Lock()

    def heard(self, at: float) -> None:
        """It was different at the unix time `at`, says a hint, of which each watcher gets a copy."""
        if at >= self._read_at:
            self._moved()

    def _moved(self) -> None:
        self._stale = True
        for watcher in self.watchers:
            watcher.set()

    def look(self) -> None:
        """Once a second: what no hint told must show too."""
        if self.watchers:
            self._moved()

    async def refreshed(self) -> tuple[int, State]:
        """(version, state), read from the database if something was heard since the last read."""
        async with self._refreshing:
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


def _read(old: State) -> State:
    """The overview now; on a database thread."""
    new = State()
    with one_moment():
        new.counters = queries.counters()
        unfinished = unfinished_runs().order_by("-id")[:UNFINISHED_MAX]
        ended = Run.objects.exclude(state__in=RUN_UNFINISHED).order_by("-id")[:ENDED_MAX]
        rows = sorted([*unfinished, *ended], key=lambda run: -run.pk)
        new.runs = OrderedDict((str(run.pk), queries.run_dict(run)) for run in rows)
        gone = [run for run in old.runs if run not in new.runs]
        # Those that left earlier and had not ended may have moved on since.
        gone += [run for run, seen in old.left.items() if seen is not None and seen["state"] in RUN_UNFINISHED]
        now = {str(run.pk): queries.run_dict(run) for run in Run.objects.filter(pk__in=[int(run) for run in gone])}
    left = OrderedDict(old.left)
    for run in gone:
        left.pop(run, None)
        left[run] = now.get(run)
    for run in list(left):
        if run in new.runs:
            del left[run]
    while len(left) > LEFT_MAX:
        left.popitem(last=False)
    new.left = left
    return new


def difference(sent: dict[str, dict[str, Any]], state: State) -> tuple[list[dict[str, Any]], bool]:
    """(runs that a client must be told, whether it shows a run that is gone), for what it was sent before."""
    changed = [run for run_id, run in state.runs.items() if sent.get(run_id) != run]
    vanished = False
    for run_id, run in sent.items():
        if run_id in state.runs:
            continue
        now = state.left.get(run_id, run)
        if now is None:
            vanished = True
        elif now != run:
            changed.append(now)
    return changed, vanished
