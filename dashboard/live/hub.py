"""Brings hints to those who watch: one per process, on the server's own loop.

What the scheduler says goes to the channel layer's groups, and from there to the sockets. It is sent from this loop,
for the layer in memory wakes nobody when a thread sends. Should hints be lost, on the way here or in the layer, a
look into the database once a second finds out, and reaches the feeds without the layer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError

from dashboard.live import groups
from dashboard.live.database import in_database
from dashboard.live.feed import Feed, Listener, heads
from dashboard.live.overview import Overview
from engine import hints

log = logging.getLogger("interlock.live")

LOOK_SECONDS: Final = 1.0
TELL_SECONDS: Final = 1 / 60
"""Between two rounds of messages to the sockets, which send half as often: a busy scheduler hints hundreds of times a
second."""

CANCEL_SECONDS: Final = 0.1
"""For tasks to end that were told to, before they are told again."""


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
        self._told = asyncio.Event()
        self._untold: dict[tuple[str, str], dict[str, Any]] = {}
        """The newest message of each (group, type) that was not sent yet."""
        self._waiting: dict[int, set[asyncio.Event]] = {}

    def start(self) -> None:
        """Begin to listen and look; safe to call again."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        # Another loop: that of an earlier test in this process.
        self._loop, self._feeds, self.overview = loop, {}, Overview()
        self.stopping, self._look_now, self._told = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._untold, self._waiting = {}, {}
        works = (self._listen, self._tell, self._look)
        self._tasks = [loop.create_task(self._forever(work)) for work in works]

    def stop(self) -> None:
        """The server stops: release held requests. The tasks end with the loop."""
        self.stopping.set()

    async def close(self) -> None:
        """End the tasks."""
        self.stopping.set()
        tasks = set(self._tasks)
        while tasks:
            # Until Python 3.12 `asyncio.wait_for`, by which redis-py writes, may swallow a cancellation.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
        self._tasks, self._loop = [], None

    @asynccontextmanager
    async def watching(self, run: int, listener: Listener) -> AsyncIterator[Feed]:
        """The feed of a run, which wakes `listener`. Subscribes first and reads its head after."""
        self.start()
        feed = self._feeds.get(run)
        if feed is None:
            feed = self._feeds[run] = Feed(run)
        feed.listeners.add(listener)
        try:
            found = await in_database(heads, [run])
            if run in found:
                feed.heard(found[run])
            else:
                feed.vanished()
            yield feed
        finally:
            feed.listeners.discard(listener)
            if not feed.listeners and self._feeds.get(run) is feed:
                del self._feeds[run]

    @contextmanager
    def waiting(self, run: int) -> Iterator[asyncio.Event]:
        """An event that is set when something is heard of this run: for held requests, which are in no group."""
        self.start()
        heard = asyncio.Event()
        self._waiting.setdefault(run, set()).add(heard)
        try:
            yield heard
        finally:
            events = self._waiting.get(run, set())
            events.discard(heard)
            if not events:
                self._waiting.pop(run, None)

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
        for name, seq in runs.items():
            run = int(name)
            for event in self._waiting.get(run, ()):
                event.set()
            if run in self._feeds:
                self._tell_soon(groups.run(run), groups.moved(seq))
        samples: dict[int, list[Any]] = {}
        for sample in hint.get("samples") or ():
            samples.setdefault(int(sample["run"]), []).append(sample)
        for run, found in samples.items():
            if run in self._feeds:
                self._tell_soon(groups.run(run), groups.sampled(found))
        if (runs or hint.get("overview")) and self.overview.watchers:
            self._tell_soon(groups.OVERVIEW, groups.overview_moved(time.time()))

    def _tell_soon(self, group: str, message: dict[str, Any]) -> None:
        """Send `message` to those of this process who watch. Newer ones replace it while the layer is slow."""
        self._untold[group, message["type"]] = message
        self._told.set()

    async def _tell(self) -> None:
        layer: Any = get_channel_layer()
        while True:
            await self._told.wait()
            self._told.clear()
            messages, self._untold = self._untold, {}
            for (group, _type), message in messages.items():
                await layer.group_send(group, message)
            await asyncio.sleep(TELL_SECONDS)

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
