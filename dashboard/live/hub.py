"""Brings hints to those who watch: one per process, on the server's own loop.

It listens to the scheduler and, should hints be lost, looks into the database once a second for what is watched.
It reaches its watchers by plain calls on the loop. A channel layer between the two would add a queue that drops
in silence, for a message that says no more than "look".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError

from dashboard.live.database import in_database
from dashboard.live.feed import Feed, Listener, heads
from dashboard.live.overview import Overview
from engine import hints

log = logging.getLogger("interlock.live")

LOOK_SECONDS: Final = 1.0


class Hub:
    """What is watched in this process. Starts by itself with the first watcher, in the loop of that watcher."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}
        self.overview = Overview()
        self.stopping = asyncio.Event()
        """Set when the server stops: whoever holds a request answers now."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._look_now = asyncio.Event()

    def start(self) -> None:
        """Begin to listen and look; safe to call again."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        # Another loop: that of an earlier test in this process.
        self._loop, self._feeds, self.overview = loop, {}, Overview()
        self.stopping, self._look_now = asyncio.Event(), asyncio.Event()
        self._tasks = [loop.create_task(self._forever(self._listen)), loop.create_task(self._forever(self._look))]

    def stop(self) -> None:
        """The server stops: release held requests. The tasks end with the loop."""
        self.stopping.set()

    async def close(self) -> None:
        """End the tasks."""
        self.stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._loop = [], None

    @asynccontextmanager
    async def watching(self, run: int) -> AsyncIterator[tuple[Feed, Listener]]:
        """The feed of a run, and a listener that is woken for it. Subscribes first and reads its head after."""
        self.start()
        feed = self._feeds.get(run)
        if feed is None:
            feed = self._feeds[run] = Feed(run)
        listener = Listener()
        feed.listeners.add(listener)
        try:
            found = await in_database(heads, [run])
            if run in found:
                feed.heard(found[run])
            else:
                feed.vanished()
            yield feed, listener
        finally:
            feed.listeners.discard(listener)
            if not feed.listeners and self._feeds.get(run) is feed:
                del self._feeds[run]

    async def _forever(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """An error here must not end what all watchers depend on."""
        while True:
            try:
                await work()
            except Exception as error:
                expected = isinstance(error, DatabaseError | OSError)
                log.warning("live: %s failed, and goes on: %s", work.__name__, error, exc_info=not expected)
            await asyncio.sleep(LOOK_SECONDS)

    async def _listen(self) -> None:
        async for hint in hints.listen(settings.INTERLOCK):
            self._heard(hint)

    def _heard(self, hint: Mapping[str, Any]) -> None:
        if hint.get("connected"):
            # What happened before the connection, no hint tells.
            self._look_now.set()
        runs = hint.get("runs") or {}
        for run, seq in runs.items():
            if feed := self._feeds.get(int(run)):
                feed.heard(seq)
        for sample in hint.get("samples") or ():
            if feed := self._feeds.get(int(sample["run"])):
                feed.sampled(sample)
        if runs or hint.get("overview"):
            self.overview.heard(runs)

    async def _look(self) -> None:
        while True:
            self._look_now.clear()
            watched = list(self._feeds)
            if watched:
                found = await in_database(heads, watched)
                for run in watched:
                    feed = self._feeds.get(run)
                    if feed is None:
                        continue
                    if run in found:
                        feed.heard(found[run])
                    else:
                        feed.vanished()
            self.overview.look()
            try:
                await asyncio.wait_for(self._look_now.wait(), LOOK_SECONDS)
            except TimeoutError:
                pass


hub = Hub()
