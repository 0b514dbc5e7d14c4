"""Receives hints of the scheduler and passes them on to the sockets: one hub per process, on the server's event loop.

Hints are sent to the channel layer's groups, and from there to the sockets. They are sent from the server's loop,
because the in-memory layer wakes nobody when another thread sends. If hints are lost, on their way here or in the
layer, a poll of the database once a second finds that out and reaches the feeds without the layer.
"""

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
from dashboard.live.feed import Feed, RunWatcher, heads
from dashboard.live.overview import Overview
from engine import hints

log = logging.getLogger("interlock.live")

POLL_SECONDS: Final = 1.0
SEND_SECONDS: Final = 1 / 60
"""Time between two rounds of messages to the sockets, which themselves send half as often. A busy scheduler sends
hundreds of hints a second."""

CANCEL_SECONDS: Final = 0.1
"""How long cancelled tasks have to end before they are cancelled again."""


class Hub:
    """The feeds of this process. Starts with the first watcher, on that watcher's event loop."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}
        self.overview = Overview()
        self.stopping = asyncio.Event()
        """Set when the server stops: waiting requests are answered then."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._poll_now = asyncio.Event()
        self._has_pending = asyncio.Event()
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}
        """The newest unsent message of each (group, type)."""
        self._waiting: dict[int, set[asyncio.Event]] = {}

    def start(self) -> None:
        """Start the tasks of this loop; safe to call again."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        # A different loop: an earlier test in this process had another one.
        self._loop, self._feeds, self.overview = loop, {}, Overview()
        self.stopping, self._poll_now, self._has_pending = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._pending, self._waiting = {}, {}
        works = (self._listen, self._send, self._poll)
        self._tasks = [loop.create_task(self._repeat(work)) for work in works]

    def stop(self) -> None:
        """Release waiting requests, because the server stops. The tasks end with the loop."""
        self.stopping.set()

    async def close(self) -> None:
        """End the tasks."""
        self.stopping.set()
        tasks = set(self._tasks)
        while tasks:
            # Until Python 3.12, `asyncio.wait_for`, which redis-py uses for writing, may swallow a cancellation.
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
        self._tasks, self._loop = [], None

    @asynccontextmanager
    async def watching(self, run: int, watcher: RunWatcher) -> AsyncIterator[Feed]:
        """Yield the feed of a run, which wakes `watcher`. Subscribes first, then reads the newest seq."""
        self.start()
        feed = self._feeds.get(run)
        if feed is None:
            feed = self._feeds[run] = Feed(run)
        feed.watchers.add(watcher)
        try:
            found = await in_database(heads, [run])
            if run in found:
                feed.advance(found[run])
            else:
                feed.mark_deleted()
            yield feed
        finally:
            feed.watchers.discard(watcher)
            if not feed.watchers and self._feeds.get(run) is feed:
                del self._feeds[run]

    @contextmanager
    def run_hints(self, run: int) -> Iterator[asyncio.Event]:
        """Yield an event that is set by hints about this run. For waiting requests, which are in no group."""
        self.start()
        event = asyncio.Event()
        self._waiting.setdefault(run, set()).add(event)
        try:
            yield event
        finally:
            events = self._waiting.get(run, set())
            events.discard(event)
            if not events:
                self._waiting.pop(run, None)

    async def _repeat(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Repeat `work` forever; an error is logged and must not stop it, because all watchers depend on it."""
        while True:
            try:
                await work()
            except Exception as error:
                expected = isinstance(error, DatabaseError | OSError)
                log.warning("live_task_failed task=%s: %s", work.__name__, error, exc_info=not expected)
            await asyncio.sleep(POLL_SECONDS)

    async def _listen(self) -> None:
        async for hint in hints.listen(settings.INTERLOCK):
            self._handle_hint(hint)

    def _handle_hint(self, hint: Mapping[str, Any]) -> None:
        if hint.get("connected"):
            # Hints from before the connection were missed.
            self._poll_now.set()
        runs = hint.get("runs") or {}
        for name, seq in runs.items():
            run = int(name)
            for event in self._waiting.get(run, ()):
                event.set()
            if run in self._feeds:
                self._enqueue(groups.run(run), groups.run_moved(seq))
        samples: dict[int, list[Any]] = {}
        for sample in hint.get("samples") or ():
            samples.setdefault(int(sample["run"]), []).append(sample)
        for run, found in samples.items():
            if run in self._feeds:
                self._enqueue(groups.run(run), groups.run_sampled(found))
        if (runs or hint.get("overview")) and self.overview.watchers:
            self._enqueue(groups.OVERVIEW, groups.overview_moved(time.time()))

    def _enqueue(self, group: str, message: dict[str, Any]) -> None:
        """Send `message` to the watchers in this process. A newer one of the same type replaces it while the layer is
        slow."""
        self._pending[group, message["type"]] = message
        self._has_pending.set()

    async def _send(self) -> None:
        layer: Any = get_channel_layer()
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            messages, self._pending = self._pending, {}
            for (group, _type), message in messages.items():
                await layer.group_send(group, message)
            await asyncio.sleep(SEND_SECONDS)

    async def _poll(self) -> None:
        while True:
            self._poll_now.clear()
            watched = list(self._feeds)
            if watched:
                found = await in_database(heads, watched)
                for run in watched:
                    feed = self._feeds.get(run)
                    if feed is None:
                        continue
                    if run in found:
                        feed.advance(found[run])
                    else:
                        feed.mark_deleted()
            self.overview.poll()
            try:
                await asyncio.wait_for(self._poll_now.wait(), POLL_SECONDS)
            except TimeoutError:
                pass


hub = Hub()
