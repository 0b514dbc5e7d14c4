"""What the two sockets say: of one run, and of the overview."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from dashboard import access
from dashboard.live import groups, overview, protocol
from dashboard.live.feed import Feed, Listener
from dashboard.live.hub import hub
from dashboard.live.sockets import Closed, Message, Socket
from dashboard.models import User
from engine.errors import EventsGone, NotFound
from engine.models import Run

LIVE_EVENTS_MAX: Final = 2000
LIVE_BYTES_MAX: Final = 1 << 20
"""Of one message of new events; what is more follows in the next."""
ANSWER_BYTES_MAX: Final = 4 << 20
"""Of the answer to a hello, which tells at once all that was missed."""
SAMPLES_SECONDS: Final = 1.0


class RunSocket(Socket):
    """`/ws/runs/{id}/`: all events of one run, from a snapshot or from where the client was."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = Listener()
        # One event for both: what the client asks and what is new.
        self.wake = self.listener.wake
        self.feed: Feed | None = None
        self.sent = 0
        """The last seq that this client was told."""
        self._samples_at = float("-inf")

    def check(self, user: User) -> Run:
        return access.run(user, self.scope["url_route"]["kwargs"]["run_id"])

    def group(self) -> str:
        return groups.run(self.subject.pk)

    async def run_moved(self, message: Message) -> None:
        """A hint: the run has an event `seq`. Before there is a feed it says nothing new, for its head is read then."""
        if self.feed is not None:
            self.feed.heard(message["seq"])

    async def run_sampled(self, message: Message) -> None:
        self.listener.sampled(message["samples"])

    async def write(self) -> None:
        async with hub.watching(self.subject.pk, self.listener) as self.feed:
            while True:
                await self._step(self.feed, self.listener)

    async def _step(self, feed: Feed, listener: Listener) -> None:
        """Send one message, or wait for a reason to."""
        now = asyncio.get_running_loop().time
        has_news = self.greeted and self.hello is None and feed.head > self.sent
        has_samples = self.greeted and bool(listener.samples) and now() - self._samples_at >= SAMPLES_SECONDS
        if feed.gone:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.")
        if self.hello is None and not has_news and not has_samples:
            await self.idle(listener.wake)
            return
        await self.turn()
        if self.hello is not None:
            await self._answer(feed, self.hello)
            self.answer_given()
        elif has_news:
            await self._news(feed, count=LIVE_EVENTS_MAX, bytes_max=LIVE_BYTES_MAX)
        else:
            found = list(listener.samples.values())
            listener.samples = {}
            self._samples_at = now()
            await self.send_text(protocol.samples(found))

    async def _answer(self, feed: Feed, hello: protocol.Hello) -> None:
        """What the client missed, if it may be told one by one; else everything."""
        if hello.after is None or hello.after > feed.head:
            # More than there is: it knows another database, maybe one before a backup was restored.
            await self._snapshot(feed)
            return
        self.sent = hello.after
        await self._news(feed, count=protocol.MISSED_MAX, bytes_max=ANSWER_BYTES_MAX, always=True)

    async def _news(self, feed: Feed, *, count: int, bytes_max: int, always: bool = False) -> None:
        if feed.head - self.sent > protocol.MISSED_MAX:
            await self._snapshot(feed)
            return
        try:
            texts = await feed.after(self.sent, count=count, bytes_max=bytes_max)
        except EventsGone:
            await self._snapshot(feed)
            return
        except NotFound:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.") from None
        if texts or always:
            message = protocol.events(self.sent, texts)
            self.sent += len(texts)
            await self.send_text(message)

    async def _snapshot(self, feed: Feed) -> None:
        try:
            seq, text = await feed.snapshot(self.sent)
        except NotFound:
            raise Closed(protocol.CLOSE_GONE, "The run was deleted.") from None
        self.sent = seq
        await self.send_text(text)


class OverviewSocket(Socket):
    """`/ws/overview/`: counters, unfinished runs and those that ended last."""

    pace_seconds = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.counters: dict[str, Any] | None = None
        self.sent: dict[str, dict[str, Any]] = {}
        """Runs that this client was told and may show."""
        self.version = -1

    def check(self, user: User) -> None:
        access.require(user, access.Right.VIEW)

    def group(self) -> str:
        return groups.OVERVIEW

    async def overview_moved(self, message: Message) -> None:
        """A hint: something that the overview shows was different at the unix time `at`."""
        hub.overview.heard(message["at"])

    async def write(self) -> None:
        hub.start()
        source = hub.overview
        source.watchers.add(self.wake)
        try:
            while True:
                await self.turn()
                if self.hello is not None:
                    self.version, state = await source.refreshed()
                    await self._whole(state)
                    self.answer_given()
                elif self.greeted:
                    version, state = await source.refreshed()
                    if version != self.version:
                        self.version = version
                        await self._changes(state)
                await self.idle(self.wake)
        finally:
            source.watchers.discard(self.wake)

    async def _whole(self, state: overview.State) -> None:
        self.counters, self.sent = state.counters, dict(state.runs)
        await self.send_text(protocol.overview(state.counters, list(state.runs.values())))

    async def _changes(self, state: overview.State) -> None:
        changed, vanished = overview.difference(self.sent, state)
        if vanished:
            # A deletion has no words of its own in the protocol.
            await self._whole(state)
            return
        counters = state.counters if state.counters != self.counters else None
        if counters is None and not changed:
            return
        self.counters = state.counters
        left = {run_id: run for run_id, run in self.sent.items() if not _ended(run)}
        self.sent = {**left, **state.runs}
        for run in changed:
            self.sent[run["id"]] = run
        if len(self.sent) > 4 * len(state.runs) + overview.LEFT_MAX:
            self.sent = dict(state.runs)
        await self.send_text(protocol.changes(counters, changed))


def _ended(run: dict[str, Any]) -> bool:
    return run["state"] not in ("queued", "running", "paused")
