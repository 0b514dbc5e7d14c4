"""The executor of the scaled form: attempts run on hosts that Celery workers bring, and the database lies between.

The scheduler's ticks write what is sent and take out what was reported; this tells hosts of it (a message for work, a
hint for wishes) and reads what they told; `leases` judges them. All of it but the messages happens on the scheduler's
thread and connection.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.config import Config
from engine.executors import wire
from engine.executors.base import (
    Credit,
    Ended,
    Lines,
    NodeProcessInfo,
    RemoteExecutor,
    Report,
    ReportBatch,
    Returned,
    Started,
    Work,
)
from engine.executors.dispatches import Flight, credits_by_queue
from engine.executors.leases import Leases
from engine.executors.messages import Messages
from engine.hints import host_hints
from engine.scheduler.dialects import driver_errors
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.scheduler")

LEASE_LOOK_SECONDS = 0.25
REPORT_LOOK_SECONDS = 1.0
"""How often reports are looked for whose hint was lost."""
BATCHES_AT_ONCE = 32
AGAIN_SECONDS = 5.0
"""Work that nobody has taken for so long is published again."""
HANDFUL = 32
"""Short works in one message."""


class CeleryExecutor(Leases):
    """See `engine.executors.base.RemoteExecutor`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.selector = selectors.DefaultSelector()
        self._messages = Messages(config)
        self._handed: set[int] = set()
        """Batches that no written tick has taken up."""
        self._wishes: dict[str, str] = {}
        """To be written before the next look."""
        self._stacks = 0
        self._usable = False
        """Whether the database answers; false until the next `recall`."""
        self._lease_at = self._again_at = 0.0
        self._ear: host_hints.ChannelListener | None = None
        self._waker = Waker()
        self.selector.register(self._waker, selectors.EVENT_READ, None)

    @property
    def remote(self) -> RemoteExecutor:
        return self

    def start(self) -> Mapping[str, float]:
        self._messages.open()
        self._ear = host_hints.ChannelListener(self.config, host_hints.report_channel(self.config), self._waker.wake)
        return {}

    def stop(self, grace: float) -> Sequence[Report]:
        """Let go of Redis; what is out goes on."""
        if self._ear is not None:
            self._ear.close()
            self._ear = None
            self._messages.close()
        return []

    def node_processes(self) -> list[NodeProcessInfo]:
        """None: the processes are the hosts'."""
        return []

    # What the scheduler asks.

    def served_queues(self) -> Collection[str]:
        return {queue for host in self._hosts.values() if host.takes for queue in host.queues}

    def credits(self) -> Mapping[str, tuple[Credit, ...]]:
        return credits_by_queue(
            self._hosts.values(), self._flights.values(), self.config.max_concurrent, time.monotonic()
        )

    def is_short(self, work: Work) -> bool:
        return work.memory_mb is None and self.short_work.is_short(work)

    def idle_credit(self) -> int:
        return max((min(one.idle for one in found) for found in self.credits().values()), default=0)

    def prefetch_credit(self) -> int:
        return max((min(one.prefetch for one in found) for found in self.credits().values()), default=0)

    def has_room(self, work: Work) -> bool:
        found = self.credits().get(work.queue, ())
        return bool(found) and (
            all(one.idle > 0 for one in found) or (self.is_short(work) and all(one.prefetch > 0 for one in found))
        )

    def send(self, works: Iterable[Work]) -> None:
        """Tell of works that a written tick has put into the database."""
        now = time.monotonic()
        handfuls: dict[str, list[str]] = {}
        for work in works:
            short = bool(work.short)
            self._flights[work.claim] = Flight(
                work.queue, work.workflow, work.node, work.entry, work.expected, short, now
            )
            if not short:
                self._messages.publish(work.queue, [work.claim])
                continue
            handful = handfuls.setdefault(work.queue, [])
            handful.append(work.claim)
            if len(handful) >= HANDFUL:
                self._messages.publish(work.queue, handful)
                handfuls[work.queue] = []
        for queue, handful in handfuls.items():
            if handful:
                self._messages.publish(queue, handful)

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        self._wishes[claim] = f"kill {state}"

    def take_stacks(self, claim: str) -> None:
        flight = self._flights.get(claim)
        if flight is not None and flight.began_at is not None:
            self._stacks += 1
            self._wishes.setdefault(claim, f"stacks {self._stacks}")

    def recall(self) -> None:
        for claim, flight in self._flights.items():
            if flight.began_at is None:
                self._wishes.setdefault(claim, "back")

    # The loop.

    def watch(self, fileobj: Any, callback: Callable[[], None]) -> None:
        self.selector.register(fileobj, selectors.EVENT_READ, callback)

    def unwatch(self, fileobj: Any) -> None:
        try:
            self.selector.unregister(fileobj)
        except (KeyError, ValueError):
            pass

    def poll(self, timeout: float) -> Sequence[Report | ReportBatch]:
        now = time.monotonic()
        end = now + timeout
        called = False
        while True:
            if self._usable:
                try:
                    self._see_to_database(now)
                except driver_errors() as error:
                    # The scheduler meets the same at its next statement, and reads everything again.
                    log.warning("hosts_unread: %s", error)
                    self._usable = False
            if self._out or called or now >= end:
                out, self._out = self._out, []
                return out
            look_at = self._look_at if len(self._handed) < BATCHES_AT_ONCE else end
            due = min(end, look_at, self._lease_at) if self._usable else end
            for key, _ in self.selector.select(max(0.0, due - now)):
                if key.data is None:
                    self._waker.drain()
                    self._look_at = 0.0
                else:
                    key.data()
                    called = True
            now = time.monotonic()

    def _see_to_database(self, now: float) -> None:
        if self._wishes:
            self._write_wishes()
        # What is read and not taken up yet lies in memory.
        if now >= self._look_at and len(self._handed) < BATCHES_AT_ONCE:
            self._look_at = now + REPORT_LOOK_SECONDS
            self._read_reports(now)
        if now >= self._lease_at:
            self._lease_at = now + LEASE_LOOK_SECONDS
            self._watch_hosts(now)
        if now >= self._again_at:
            self._again_at = now + 1.0
            self._publish_again(now)

    def reload(self) -> Collection[str]:
        now = time.monotonic()
        self._usable = False
        self._out.clear()
        self._handed.clear()
        self._wishes.clear()
        running = {claim for (claim,) in self._do("SELECT claim FROM engine_attempt WHERE state = 'running'")}
        self._flights = {}
        unclaimed = []
        # What a scheduler of another protocol sent and nobody took is sent anew.
        self._do(
            "UPDATE engine_dispatch SET wish = 'back' WHERE host_id IS NULL AND protocol <> %s RETURNING 1",
            (wire.PROTOCOL,),
        )
        for claim, queue, protocol, work, host, wish in self._do(
            "SELECT claim, queue, protocol, work, host_id, wish FROM engine_dispatch"
        ):
            began = now if claim in running else None
            if protocol == wire.PROTOCOL:
                known = wire.read_work(claim, work, "{}", common="", python="")
                self._flights[claim] = Flight(
                    queue, known.workflow, known.node, known.entry, known.expected, bool(known.short), now, host, began
                )
            else:
                # It ends with its host's life, and nothing is learned from it.
                self._flights[claim] = Flight(queue, "", "", "", None, False, now, host, began)
            if host is None and wish is not None:
                # Nobody can take it any more.
                unclaimed.append(claim)
        if unclaimed:
            self._give_up(unclaimed)
        self._hosts = {}
        self._usable = True
        self._since = now
        self._look_at = self._lease_at = self._again_at = 0.0
        # Before hosts that are gone are buried: what they had is still to be told of.
        out = set(self._flights) | set(unclaimed)
        self._watch_hosts(now)
        return out

    def discard(self, claims: Collection[str]) -> None:
        for claim in claims:
            self._flights.pop(claim, None)
        rows = self._do("DELETE FROM engine_dispatch WHERE claim = ANY(%s) RETURNING host_id", (list(claims),))
        self._messages.hint({host for (host,) in rows if host is not None})

    def confirm(self, batch: ReportBatch) -> None:
        self._handed.discard(batch.id)

    def _give_up(self, claims: Iterable[str]) -> None:
        """These have not started, and nobody can start them."""
        back = [claim for claim in claims if self._flights.pop(claim, None) is not None]
        if back:
            self._out.append(Returned(back))

    def _write_wishes(self) -> None:
        wishes, self._wishes = self._wishes, {}
        marks = ", ".join(["(%s, %s)"] * len(wishes))
        # A kill stands over everything; whoever has not been taken cannot be any more.
        rows = self._do(
            f"UPDATE engine_dispatch d SET wish = v.wish FROM (VALUES {marks}) AS v (claim, wish) "  # noqa: S608
            "WHERE d.claim = v.claim AND COALESCE(d.wish, '') NOT LIKE 'kill %%' RETURNING d.claim, d.host_id",
            [text for pair in wishes.items() for text in pair],
        )
        self._give_up(claim for claim, host in rows if host is None)
        self._messages.hint({host for _, host in rows if host is not None})

    def _read_reports(self, now: float) -> None:
        rows = self._do(
            "SELECT id, host_id, body FROM engine_hostreport WHERE id <> ALL(%s) ORDER BY id LIMIT %s",
            (list(self._handed), BATCHES_AT_ONCE),
        )
        for id, host, body in rows:
            self._handed.add(id)
            reports: list[Report] = []
            if host in self._foreign:
                log.warning("report_refused host=%s: it is of another release; what ran there starts again", host)
            else:
                try:
                    reports = wire.read_reports(body)
                except (KeyError, TypeError, ValueError) as error:
                    log.error("report_unreadable host=%s: %r", host, error)
            self._note(reports, host, now)
            self._out.append(ReportBatch(id, reports))
        if len(rows) == BATCHES_AT_ONCE:
            self._look_at = now

    def _note(self, reports: Iterable[Report], host: int, now: float) -> None:
        for report in reports:
            if isinstance(report, Returned):
                for claim in report.claims:
                    self._flights.pop(claim, None)
                continue
            flight = self._flights.get(report.claim)
            if flight is None:
                continue
            if isinstance(report, Started):
                flight.host, flight.began_at = host, now
            elif isinstance(report, Lines):
                flight.printed = True
            elif isinstance(report, Ended):
                del self._flights[report.claim]
                self.short_work.record(flight, report.seconds, flight.printed)

    def _publish_again(self, now: float) -> None:
        if not any(
            flight.host is None and flight.began_at is None and now - flight.sent_at > AGAIN_SECONDS
            for flight in self._flights.values()
        ):
            return
        # Somebody wished it back and did not live to hear that it cannot be taken any more.
        void = self._do("SELECT claim FROM engine_dispatch WHERE host_id IS NULL AND wish IS NOT NULL")
        self._give_up(claim for (claim,) in void)
        rows = self._do(
            "UPDATE engine_dispatch SET sent_at = clock_timestamp() WHERE host_id IS NULL AND wish IS NULL "
            "AND sent_at < clock_timestamp() - make_interval(secs => %s) RETURNING claim, queue",
            (AGAIN_SECONDS,),
        )
        for claim, queue in rows:
            log.info("published_again claim=%s", claim)
            self._messages.publish(queue, [claim])


def _conforms(executor: CeleryExecutor) -> RemoteExecutor:
    """Lets the type checker compare it with the seam."""
    return executor
