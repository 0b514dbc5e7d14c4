"""The executor of the scaled form: attempts run on the hosts of Celery workers, with the database in between.

The scheduler's ticks write dispatched work and delete what was reported. This executor notifies the hosts (by a message
about work, by a hint about requests), reads their reports, and reports what an ended host had. Everything except
the notifying happens on the scheduler's thread and connection.
"""

import logging
import selectors
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import Error as DatabaseError

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
from engine.executors.celery.in_flight import InFlightDispatch, credits_by_queue
from engine.executors.celery.leases import EndedHost, HostLeases
from engine.executors.celery.notifier import HostNotifier
from engine.executors.celery.statements import fetch
from engine.executors.wire import HostRequest, RequestKind
from engine.hints import host_hints
from engine.hints.loss import LossDetector
from engine.supervisor.short_work import ShortWork
from engine.supervisor.waker import Waker

log = logging.getLogger("interlock.scheduler")

LEASE_CHECK_SECONDS = 0.25
REPORT_POLL_SECONDS = 1.0
"""How often reports are read without a hint while hints are not lost."""
BATCHES_AT_ONCE = 32
REPUBLISH_SECONDS = 5.0
"""Work that no host has taken after this time is published again."""


class CeleryExecutor:
    """See `engine.executors.base.RemoteExecutor`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.selector = selectors.DefaultSelector()
        self.short_work = ShortWork()
        self.leases = HostLeases()
        self.in_flight: dict[str, InFlightDispatch] = {}
        self._notifier = HostNotifier(config)
        self._reports: list[Report | ReportBatch] = []
        """What `poll` returns next."""
        self._unconfirmed: set[int] = set()
        """Ids of report batches that no committed tick has applied."""
        self._requests: dict[str, HostRequest] = {}
        """Requests to hosts that are not written yet."""
        self._stack_requests = 0
        self._is_usable = False
        """Whether the database answers; False until the next `reload`."""
        self._read_at = self._leases_at = self._republish_at = 0.0
        """Monotonic times of the next reads of reports, of leases and of work that no host has taken."""
        self._hinted = False
        self._hints = LossDetector()
        self._listener: host_hints.ChannelListener | None = None
        self._waker = Waker()
        self.selector.register(self._waker, selectors.EVENT_READ, None)

    @property
    def remote(self) -> RemoteExecutor:
        return self

    def start(self) -> Mapping[str, float]:
        self._notifier.open()
        channel = host_hints.report_channel(self.config)
        self._listener = host_hints.ChannelListener(self.config, channel, self._on_hint, self._on_away)
        return {}

    def _on_hint(self) -> None:
        self._hinted = True
        self._waker.wake()

    def _on_away(self, is_away: bool) -> None:
        self._hints.set_away(is_away, time.monotonic())
        self._waker.wake()

    def stop(self, grace: float) -> Sequence[Report]:
        """Close the connections to Redis; dispatched work goes on."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._notifier.close()
        return []

    def node_processes(self) -> list[NodeProcessInfo]:
        return []

    def now(self) -> float:
        return self.leases.clock.now()

    # Dispatching.

    def served_queues(self) -> Collection[str]:
        return {queue for host in self.leases.hosts.values() if host.takes_work for queue in host.queues}

    def credits(self) -> Mapping[str, tuple[Credit, ...]]:
        hosts, dispatches = self.leases.hosts.values(), self.in_flight.values()
        return credits_by_queue(hosts, dispatches, self.config.max_concurrent, time.monotonic())

    def is_short(self, work: Work) -> bool:
        return work.memory_mb is None and self.short_work.is_short(work)

    def idle_credit(self) -> int:
        return max((min(one.idle for one in credits) for credits in self.credits().values()), default=0)

    def prefetch_credit(self) -> int:
        return max((min(one.prefetch for one in credits) for credits in self.credits().values()), default=0)

    def has_room(self, work: Work) -> bool:
        credits = self.credits().get(work.queue, ())
        return bool(credits) and (
            all(one.idle > 0 for one in credits) or (self.is_short(work) and all(one.prefetch > 0 for one in credits))
        )

    def send(self, works: Iterable[Work]) -> None:
        """Publish work that a committed tick has written."""
        now = time.monotonic()
        self._hints.expect(now)
        self._read_at = min(self._read_at, now + self._hints.pause(now, REPORT_POLL_SECONDS))
        short_claims: dict[str, list[str]] = defaultdict(list)
        for work in works:
            short = bool(work.short)
            self.in_flight[work.claim] = InFlightDispatch(
                work.queue, work.workflow, work.node, work.entry, work.expected, short, now
            )
            if not short:
                self._notifier.publish(work.queue, [work.claim])
                continue
            claims = short_claims[work.queue]
            claims.append(work.claim)
            if len(claims) >= wire.SHORT_WORKS_MAX:
                self._notifier.publish(work.queue, short_claims.pop(work.queue))
        for queue, claims in short_claims.items():
            self._notifier.publish(queue, claims)

    def kill(self, claim: str, state: str, error: Mapping[str, Any] | None = None) -> None:
        self._requests[claim] = HostRequest(RequestKind.KILL, state)

    def take_stacks(self, claim: str) -> None:
        dispatch = self.in_flight.get(claim)
        if dispatch is not None and dispatch.started_at is not None:
            self._stack_requests += 1
            self._requests.setdefault(claim, HostRequest(RequestKind.STACKS, str(self._stack_requests)))

    def recall(self) -> None:
        for claim, dispatch in self.in_flight.items():
            if dispatch.started_at is None:
                self._requests.setdefault(claim, HostRequest(RequestKind.RETURN))

    def discard(self, claims: Collection[str]) -> None:
        for claim in claims:
            self.in_flight.pop(claim, None)
        rows = fetch("DELETE FROM engine_dispatch WHERE claim = ANY(%s) RETURNING host_id", (list(claims),))
        self._notifier.hint({host for (host,) in rows if host is not None})

    # Polling.

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
            if self._is_usable:
                try:
                    self._look(now)
                except DatabaseError as error:
                    # The scheduler's next statement fails as well, and it calls `reload` then.
                    log.warning("hosts_unread: %s", error)
                    self._is_usable = False
            if self._reports or called or now >= end:
                reports, self._reports = self._reports, []
                return reports
            read_at = self._read_at if self._may_read else end
            due = min(end, read_at, self._leases_at) if self._is_usable else end
            for key, _ in self.selector.select(max(0.0, due - now)):
                if key.data is None:
                    self._waker.drain()
                    self._read_at = 0.0
                else:
                    key.data()
                    called = True
            now = time.monotonic()

    @property
    def _may_read(self) -> bool:
        """Whether more reports may be read: those that no tick has applied stay in memory."""
        return len(self._unconfirmed) < BATCHES_AT_ONCE

    def _look(self, now: float) -> None:
        """Do what is due in the database."""
        if self._requests:
            self._write_requests()
        if now >= self._read_at and self._may_read:
            self._read_due_reports(now)
        if now >= self._leases_at:
            self._leases_at = now + LEASE_CHECK_SECONDS
            self._find_hosts(now)
            self._check_leases(now)
        if now >= self._republish_at:
            self._republish_at = now + 1.0
            self._republish(now)

    def reload(self) -> Collection[str]:
        now = time.monotonic()
        self._is_usable = False
        self._reports.clear()
        self._unconfirmed.clear()
        self._requests.clear()
        running = {claim for (claim,) in fetch("SELECT claim FROM engine_attempt WHERE state = 'running'")}
        self.in_flight = {}
        not_taken = []
        # Work of another protocol that no host has taken is returned, so that it is written in the current one.
        fetch(
            "UPDATE engine_dispatch SET wish = %s WHERE host_id IS NULL AND protocol <> %s RETURNING 1",
            (str(HostRequest(RequestKind.RETURN)), wire.PROTOCOL),
        )
        for claim, queue, protocol, text, host, request in fetch(
            "SELECT claim, queue, protocol, work, host_id, wish FROM engine_dispatch"
        ):
            started_at = now if claim in running else None
            if protocol == wire.PROTOCOL:
                work = wire.read_work(claim, text, "{}", common="", python="")
                self.in_flight[claim] = InFlightDispatch(
                    queue, work.workflow, work.node, work.entry, work.expected, bool(work.short), now, host, started_at
                )
            else:
                # Its text cannot be read here. It ends with the registration of its host.
                self.in_flight[claim] = InFlightDispatch(queue, "", "", "", None, False, now, host, started_at)
            if host is None and request is not None:
                # No host can take it any more.
                not_taken.append(claim)
        self._return(not_taken)
        self.leases.restart(now)
        self._is_usable = True
        self._read_at = self._leases_at = self._republish_at = 0.0
        # Before ended hosts are handled: the scheduler still expects reports on their work.
        claims = set(self.in_flight) | set(not_taken)
        self._check_leases(now)
        return claims

    def confirm(self, batch: ReportBatch) -> None:
        self._unconfirmed.discard(batch.id)

    def _return(self, claims: Iterable[str]) -> None:
        """Report dispatches as returned: they have not started, and no host can start them."""
        returned = [claim for claim in claims if self.in_flight.pop(claim, None) is not None]
        if returned:
            self._reports.append(Returned(returned))

    def _write_requests(self) -> None:
        requests, self._requests = self._requests, {}
        marks = ", ".join(["(%s, %s)"] * len(requests))
        # A kill overrides every other request. A request also keeps hosts from taking work that none has taken.
        rows = fetch(
            f"UPDATE engine_dispatch d SET wish = v.wish FROM (VALUES {marks}) AS v (claim, wish) "  # noqa: S608
            "WHERE d.claim = v.claim AND COALESCE(d.wish, '') NOT LIKE 'kill %%' RETURNING d.claim, d.host_id",
            [text for claim, request in requests.items() for text in (claim, str(request))],
        )
        self._return(claim for claim, host in rows if host is None)
        self._notifier.hint({host for _, host in rows if host is not None})

    def _read_due_reports(self, now: float) -> None:
        """Read report batches, and set when to do that again."""
        before = len(self._unconfirmed)
        hinted, self._hinted = self._hinted, False
        more = self._read_reports(now)
        if hinted:
            self._hints.arrived()
        elif len(self._unconfirmed) > before:
            self._hints.found_without(now)
        self._read_at = now if more else now + self._hints.pause(now, REPORT_POLL_SECONDS)

    def _read_reports(self, now: float) -> bool:
        """Read report batches; return whether there may be more."""
        rows = fetch(
            "SELECT id, host_id, body FROM engine_hostreport WHERE id <> ALL(%s) ORDER BY id LIMIT %s",
            (list(self._unconfirmed), BATCHES_AT_ONCE),
        )
        for id, host, body in rows:
            self._unconfirmed.add(id)
            reports: list[Report] = []
            if host in self.leases.foreign:
                log.warning("report_refused host=%s: it is of another release; what ran there starts again", host)
            else:
                try:
                    reports = wire.read_reports(body)
                except (KeyError, TypeError, ValueError) as error:
                    log.error("report_unreadable host=%s: %r", host, error)
            self._record(reports, host, now)
            self._reports.append(ReportBatch(id, reports))
        return len(rows) == BATCHES_AT_ONCE

    def _record(self, reports: Iterable[Report], host: int, now: float) -> None:
        for report in reports:
            if isinstance(report, Returned):
                for claim in report.claims:
                    self.in_flight.pop(claim, None)
                continue
            dispatch = self.in_flight.get(report.claim)
            if dispatch is None:
                continue
            if isinstance(report, Started):
                dispatch.host, dispatch.started_at = host, now
            elif isinstance(report, Lines):
                dispatch.printed = True
            elif isinstance(report, Ended):
                del self.in_flight[report.claim]
                self.short_work.record(dispatch, report.seconds, dispatch.printed)

    def _find_hosts(self, now: float) -> None:
        """Learn who has taken work that no report names the start of.

        Otherwise what a silent host has taken would count as work that any host may still take, and would leave the
        others no credit until its lease expires.
        """
        claims = [
            claim
            for claim, one in self.in_flight.items()
            if one.host is None and one.started_at is None and now - one.sent_at > LEASE_CHECK_SECONDS
        ]
        if claims:
            taken = "SELECT claim, host_id FROM engine_dispatch WHERE claim = ANY(%s) AND host_id IS NOT NULL"
            for claim, host in fetch(taken, (claims,)):
                self.in_flight[claim].host = host

    def _check_leases(self, now: float) -> None:
        with_work = {one.host for one in self.in_flight.values() if one.host is not None}
        for host in self.leases.look(now, with_work):
            if (ended := self.leases.ended(host, now)) is not None:
                # Reports that the host wrote before its end count, if they can be read.
                while self._read_reports(now):
                    pass
                self._report_ended(ended, now)

    def _report_ended(self, host: EndedHost, now: float) -> None:
        """Report the work of an ended host: what had started there as lost, the rest as returned.

        If the host ended silently, it is unknown what it started last, so all of its work counts as lost: otherwise a
        node could run twice without a record, and one that ends its host would be started for ever. What was sent ahead
        is not sent ahead again.
        """
        returned = []
        for claim in host.claims:
            dispatch = self.in_flight.get(claim)
            if dispatch is None:
                continue
            has_started = dispatch.started_at is not None or claim in host.started
            if not has_started and not host.was_silent:
                returned.append(claim)
                continue
            del self.in_flight[claim]
            if dispatch.started_at is None:
                # The host's clock may be ahead of the database's.
                at = min(host.started.get(claim, self.now()), self.now())
                self._reports.append(Started(claim, 0, "", host.name, at))
            if not has_started and dispatch.short:
                self.short_work.mark_long(dispatch)
            seconds = 0.0 if dispatch.started_at is None else now - dispatch.started_at
            error = host.lost(has_started)
            self._reports.append(Ended(claim, "lost", self.now(), seconds, error=error, interrupted=host.is_foreign))
        self._return(returned)

    def _republish(self, now: float) -> None:
        """Publish again the work that no host has taken for a while: its message was lost."""
        if not any(
            one.host is None and one.started_at is None and now - one.sent_at > REPUBLISH_SECONDS
            for one in self.in_flight.values()
        ):
            return
        # An earlier scheduler recalled this work and ended before it could report it as returned.
        void = fetch("SELECT claim FROM engine_dispatch WHERE host_id IS NULL AND wish IS NOT NULL")
        self._return(claim for (claim,) in void)
        rows = fetch(
            "UPDATE engine_dispatch SET sent_at = clock_timestamp() WHERE host_id IS NULL AND wish IS NULL "
            "AND sent_at < clock_timestamp() - make_interval(secs => %s) RETURNING claim, queue",
            (REPUBLISH_SECONDS,),
        )
        for claim, queue in rows:
            log.info("published_again claim=%s", claim)
            self._notifier.publish(queue, [claim])
