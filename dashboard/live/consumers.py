"""The two websockets: one for a run, one for the overview."""

import asyncio
from typing import Any, Final

from dashboard import access
from dashboard.live import groups, overview, protocol
from dashboard.live.feed import Feed, RunWatcher
from dashboard.live.hub import hub
from dashboard.live.sockets import Closed, Message, Socket
from dashboard.models import User
from engine.errors import EventsGone, NotFound
from engine.models import Run

LIVE_EVENTS_MAX: Final = 2000
LIVE_BYTES_MAX: Final = 1 << 20
"""Limits of one message of new events. The rest follows in the next message."""
ANSWER_BYTES_MAX: Final = 4 << 20
"""Limit of the answer to a hello, which contains everything that was missed."""
SAMPLES_SECONDS: Final = 1.0


class RunSocket(Socket):
    """`/ws/runs/{id}/`: all events of a run, starting with a snapshot or where the client stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.watcher = RunWatcher()
        # One asyncio.Event for both: messages from the client and news of the run.
        self.wake = self.watcher.wake
        self.feed: Feed | None = None
        self.sent = 0
        """The last seq that was sent to this client."""
        self._samples_at = float("-inf")

    def check(self, user: User) -> Run:
        return access.run(user, self.scope["url_route"]["kwargs"]["run_id"])

    def group(self) -> str:
        return groups.run(self.subject.pk)

    async def run_moved(self, message: Message) -> None:
        """Handle a hint that the run has an event `seq`. Without a feed it is ignored: the feed starts with the newest
        seq."""
        if self.feed is not None:
            self.feed.advance(message["seq"])

    async def run_sampled(self, message: Message) -> None:
        self.watcher.add_samples(message["samples"])

    async def write(self) -> None:
        async with hub.watching(self.subject.pk, self.watcher) as self.feed:
            while True:
                await self._step(self.feed, self.watcher)

    async def _step(self, feed: Feed, watcher: RunWatcher) -> None:
        """Send one message, or wait for a reason to send one."""
        now = asyncio.get_running_loop().time
        has_news = self.hello_received and self.hello is None and feed.head > self.sent
        has_samples = self.hello_received and bool(watcher.samples) and now() - self._samples_at >= SAMPLES_SECONDS
        if feed.deleted:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.")
        if self.hello is None and not has_news and not has_samples:
            await self.wait_for_news(watcher.wake)
            return
        await self.wait_turn()
        if self.hello is not None:
            await self._answer_hello(feed, self.hello)
            self.hello_answered()
        elif has_news:
            await self._send_events(feed, count=LIVE_EVENTS_MAX, bytes_max=LIVE_BYTES_MAX)
        else:
            found = list(watcher.samples.values())
            watcher.samples = {}
            self._samples_at = now()
            await self.send_text(protocol.samples(found))

    async def _answer_hello(self, feed: Feed, hello: protocol.Hello) -> None:
        """Send what the client missed: as events if possible, else as a snapshot."""
        if hello.after is None or hello.after > feed.head:
            # The client knows more events than exist: it was connected to another database, perhaps before a backup was
            # restored.
            await self._send_snapshot(feed)
            return
        self.sent = hello.after
        await self._send_events(feed, count=protocol.MISSED_MAX, bytes_max=ANSWER_BYTES_MAX, always=True)

    async def _send_events(self, feed: Feed, *, count: int, bytes_max: int, always: bool = False) -> None:
        if feed.head - self.sent > protocol.MISSED_MAX:
            await self._send_snapshot(feed)
            return
        try:
            texts = await feed.after(self.sent, count=count, bytes_max=bytes_max)
        except EventsGone:
            await self._send_snapshot(feed)
            return
        except NotFound:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.") from None
        if texts or always:
            message = protocol.events(self.sent, texts)
            self.sent += len(texts)
            await self.send_text(message)

    async def _send_snapshot(self, feed: Feed) -> None:
        try:
            seq, text = await feed.snapshot(self.sent)
        except NotFound:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.") from None
        self.sent = seq
        await self.send_text(text)


class OverviewSocket(Socket):
    """`/ws/overview/`: counters, unfinished runs and those that ended last."""

    interval_seconds = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.counters: dict[str, Any] | None = None
        self.sent: dict[str, dict[str, Any]] = {}
        """The runs that were sent to this client and that it may be showing."""
        self.version = -1

    def check(self, user: User) -> None:
        access.require(user, access.Right.VIEW)

    def group(self) -> str:
        return groups.OVERVIEW

    async def overview_moved(self, message: Message) -> None:
        """Handle a hint that something on the overview was different at the unix time `at`."""
        hub.overview.changed_at(message["at"])

    async def write(self) -> None:
        hub.start()
        source = hub.overview
        source.watchers.add(self.wake)
        try:
            while True:
                await self.wait_turn()
                if self.hello is not None:
                    self.version, state = await source.refresh()
                    await self._send_all(state)
                    self.hello_answered()
                elif self.hello_received:
                    version, state = await source.refresh()
                    if version != self.version:
                        self.version = version
                        await self._send_changes(state)
                await self.wait_for_news(self.wake)
        finally:
            source.watchers.discard(self.wake)

    async def _send_all(self, state: overview.OverviewState) -> None:
        self.counters, self.sent = state.counters, dict(state.runs)
        await self.send_text(protocol.overview(state.counters, list(state.runs.values())))

    async def _send_changes(self, state: overview.OverviewState) -> None:
        changed, has_deleted = overview.difference(self.sent, state)
        if has_deleted:
            # The protocol has no message for deleted runs: send everything again.
            await self._send_all(state)
            return
        counters = state.counters if state.counters != self.counters else None
        if counters is None and not changed:
            return
        self.counters = state.counters
        left = {run_id: run for run_id, run in self.sent.items() if not _ended(run)}
        self.sent = {**left, **state.runs}
        for run in changed:
            self.sent[run["id"]] = run
        if len(self.sent) > 4 * len(state.runs) + overview.REMOVED_MAX:
            self.sent = dict(state.runs)
        await self.send_text(protocol.changes(counters, changed))


def _ended(run: dict[str, Any]) -> bool:
    return run["state"] not in ("queued", "running", "paused")
