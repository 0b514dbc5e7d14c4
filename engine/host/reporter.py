"""The reporter of a host: one thread that writes reports, renews the lease and reads the scheduler's requests.

Reports are written in order, each once, and in batches: while one batch is written, the next one is collected.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import psycopg2
from psycopg2.errors import DiskFull

from engine import faults
from engine.config import Config
from engine.database import postgres
from engine.database.clock import DatabaseClock
from engine.executors import wire
from engine.executors.base import Ended, Report, Returned
from engine.executors.wire import HostRequest
from engine.hints.host_hints import HostHints
from engine.hints.loss import LossDetector
from engine.host import overdue
from engine.host.lease import HostLease
from engine.host.outbox import Outbox
from engine.host.store import HostStore, is_outage
from engine.host.unconfirmed import UnconfirmedBatches, claims_of
from engine.states import HostReason

log = logging.getLogger("interlock.host")

EXIT_FAILED = 70
"""Exit code of a worker if one of its threads ended with an error (EX_SOFTWARE)."""
BEAT_SECONDS = 1.0
RETRY_SECONDS = 0.25
UNREAD_BATCHES_MAX = 4
"""After a large batch, which is full of log lines, the next one is written when no more batches than this are unread.
Otherwise lines would delay other reports."""
UNREAD_POLL_SECONDS = 0.02
ENDED_SECONDS = 10.0
"""How long reported ends are remembered, until the scheduler has applied them."""


class ReportingHost(Protocol):
    """The part of its host that the reporter uses."""

    name: str
    queues: list[str]
    capacity: int
    load: dict[str, Any]
    drain_reason: str
    has_room: threading.Event

    @property
    def claims(self) -> Collection[str]:
        """The claims whose end the host has not reported. Another thread changes them."""

    def set_drain_reason(self, reason: str) -> None:
        """Take no more work for this reason (a HostReason); without one, take work again."""

    def take_from(self, store: HostStore, claims: Collection[str]) -> int:
        """Take those of `claims` that no host has; return how many."""

    def call_soon(self, action: Callable[[], None]) -> None:
        """Have the supervisor's thread call `action`, which calls one of the methods below."""

    def apply_requests(self, requests: Mapping[str, HostRequest | None], claims: Collection[str]) -> None:
        """Carry out requests. `claims`: those that the host had when the requests were read."""

    def return_unknown_claims(self, claims: Collection[str]) -> None:
        """Report those of `claims` as returned that the host does not know. `claims`: what it has in the database."""

    def end_registration(self, host_id: int) -> None:
        """End all attempts of this registration, report nothing of them, and call `HostReporter.end_registration`."""


class HostReporter:
    """Writes the reports of a host. `register` starts its thread; public methods are for any thread."""

    def __init__(self, host: ReportingHost, config: Config, lease: HostLease, started: Mapping[str, float]) -> None:
        """`started`: the attempts that the node processes of an earlier worker started last: {claim: unix time}."""
        self.host = host
        self.host_id = 0
        """Id of the registration; 0 from its end until the next one."""
        self.lease = lease
        self._started = dict(started)
        self._store = HostStore(config.database_url)
        self._changed = threading.Condition()
        """Guards what other threads change, and is notified of the changes."""
        self.outbox = Outbox(self._changed)
        self._hinted = False
        self._is_ended = False
        """Whether the registration has ended."""
        self._is_draining = False
        self._is_closing = False
        self._batches = 0
        """Number of batches written in this registration."""
        self._unconfirmed = UnconfirmedBatches()
        self._is_uncertain = False
        """Whether a connection broke, so that it is not known what the database has stored."""
        self._outage = ""
        """Why the database cannot be used, as logged last."""
        self._ended: dict[str, float] = {}
        """{claim: monotonic time} of ends that were written."""
        self._beat_at = 0.0
        self._looked_at = 0.0
        """When it looked last for work whose message was lost."""
        self._messages = LossDetector()
        self._clock = DatabaseClock()
        self._hints = HostHints(config, self._on_hint, self._on_away)
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def register(self) -> None:
        """Register, as soon as the database is there, and start the thread."""
        self._register()
        self._thread.start()

    def report(self, reports: Sequence[Report]) -> None:
        """Have the thread write these reports."""
        if reports:
            # Times in the database follow its own clock, because this machine's clock may be set at any moment.
            wire.shift(reports, -self._clock.ahead())
            self.outbox.add(reports)

    def drain(self) -> None:
        """Tell the scheduler that this host takes no more work."""
        with self._changed:
            self._is_draining = True
            self._beat_at = 0.0
            self._changed.notify()

    def end_registration(self) -> None:
        """Forget what was not written, and register again. Called when the lease has expired."""
        with self._changed:
            self._is_ended = True
            # Nothing more can be taken in this registration.
            self.host_id = 0
            # What began and could not be reported counts as lost, and is not taken for work that never began.
            self._started |= self.outbox.started()
            self.outbox.clear()
            self.lease.renew(time.monotonic())
            self._changed.notify()

    def interrupt(self) -> None:
        """Make a statement that waits for the database fail."""
        self._store.interrupt()

    def close(self) -> None:
        """Write the reports that are left and end the registration."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(10.0)

    def has_reported_end(self, claim: str) -> bool:
        """Return whether the end of this attempt was written or is about to be."""
        return claim in self._ended or self.outbox.has_end_of(claim)

    def on_message(self) -> None:
        """Note that a message has brought work."""
        self._messages.arrived()

    def _on_hint(self) -> None:
        with self._changed:
            self._hinted = True
            self._changed.notify()

    def _on_away(self, is_away: bool) -> None:
        self._messages.set_away(is_away, time.monotonic())
        self._on_hint()

    # On the reporter's thread.

    def _run(self) -> None:
        try:
            self._work()
        except BaseException:
            log.exception("host_reporter_failed")
            logging.shutdown()
            os._exit(EXIT_FAILED)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, max(0.0, self._due_at() - time.monotonic()))
                is_closing = self._is_closing
            try:
                if self._is_ended:
                    self._register()
                if self._is_uncertain and not self._is_ended:
                    self._reconcile()
                self._write()
                if is_closing and self.outbox.is_empty:
                    self._unregister()
                    return
                self._synchronize()
                self._take_overdue()
                if self._outage:
                    self._outage = ""
                    log.info("database_back")
            except psycopg2.Error as error:
                self._is_uncertain = True
                self._wait_for_database(error)
                if is_closing and (self._is_ended or self.lease.is_expired):
                    return

    def _is_due(self) -> bool:
        return (
            self.outbox.is_urgent
            or self._hinted
            or self._is_ended
            or self._is_closing
            or time.monotonic() >= self._due_at()
        )

    def _due_at(self) -> float:
        return min(self._beat_at, self._look_at(), self.outbox.due_at)

    def _look_at(self) -> float:
        return self._looked_at + self._messages.pause(self._looked_at, BEAT_SECONDS)

    def _wait_for_database(self, error: psycopg2.Error) -> None:
        if not self.lease.is_expired and is_outage(error):
            # The scheduler ends no lease during an outage and restarts all leases after it, so this one is renewed.
            # An expired one is not: the scheduler may have ended it before the outage, while this host was paused.
            self.lease.renew(time.monotonic())
        reason = postgres.first_line(error)
        if reason != self._outage:
            self._outage = reason
            log.warning("database_away: %s", reason)
        time.sleep(RETRY_SECONDS)

    def _register(self) -> None:
        host = self.host
        while True:
            asked_at = time.monotonic()
            try:
                # A host that a person asked to drain still drains: only the registration is a new one.
                draining = host.drain_reason == HostReason.DRAIN_REQUESTED
                host_id = self._store.register(host.name, host.queues, host.capacity, self._started, draining)
                break
            except psycopg2.Error as error:
                if self._is_closing or isinstance(error, psycopg2.ProgrammingError):
                    raise
                self._wait_for_database(error)
        with self._changed:
            self._started = {}
            self.host_id, self._batches, self._is_ended = host_id, 0, False
            self._is_uncertain = False
            self._unconfirmed.clear()
            self.outbox.clear()
            self._ended.clear()
            self.lease.renew(asked_at)
            self._beat_at = asked_at
        self._hints.listen(host_id)
        self._hints.publish()

    def _unregister(self) -> None:
        self._store.set_state(self.host_id, "gone", HostReason.STOPPED)
        self._store.close()
        self._hints.publish()
        self._hints.close()

    def _write(self) -> None:
        """Write batches until there is none left, or something else is due."""
        while not self.outbox.is_empty:
            if (
                self.outbox.wrote_large_batch
                and not self._is_closing
                and self._store.count_unread_batches(self.host_id) > UNREAD_BATCHES_MAX
            ):
                time.sleep(UNREAD_POLL_SECONDS)
                return
            host_id, number = self.host_id, self._batches + 1
            reports, text = self.outbox.batch()
            asked_at = time.monotonic()
            faults.point("host.before_batch")
            try:
                is_written = self._store.write_batch(host_id, number, text)
            except DiskFull as error:
                # Nothing was stored. A heartbeat needs no room on the disk, so running attempts go on.
                self._wait_for_database(error)
                return
            if not is_written:
                self._end_registration(host_id)
                return
            faults.point("host.batch_written")
            with self._changed:
                if self._is_ended:
                    return
                self._batches = number
                self.outbox.confirm()
                self.lease.renew(asked_at)
            now = time.monotonic()
            self._unconfirmed.add(number, len(text), reports)
            for report in reports:
                if isinstance(report, (Ended, Returned)):
                    self._ended.update(dict.fromkeys(claims_of(report), now))
                    self._messages.expect(now)
            self._hints.publish()
            if self._hinted or now >= self._beat_at:
                break
        with self._changed:
            self.outbox.is_urgent = not self.outbox.is_empty

    def _reconcile(self) -> None:
        """Restore what the database may have lost. Called after an error.

        A crash of the database may have undone the last commits. Then this takes the work again and writes the reports
        again, except for reports about work that another host has taken since. If more was undone than is remembered
        here, it ends the registration.
        """
        host_id = self.host_id
        last = self._store.last_batch(host_id)
        missing = [] if last is None else self._unconfirmed.after(last)
        if last is None or last + len(missing) < self._batches:
            self._end_registration(host_id)
            return
        claims = {claim for _, reports in missing for report in reports for claim in claims_of(report)}
        claims.update(list(self.host.claims))
        ours = set(self._store.take_again(host_id, claims))
        for number, reports in missing:
            log.warning("report_batch_rewritten number=%s", number)
            text = wire.reports_text(report for report in reports if ours.issuperset(claims_of(report)))
            if not self._store.write_batch(host_id, number, text):
                self._end_registration(host_id)
                return
        self._is_uncertain = False

    def _end_registration(self, host_id: int) -> None:
        """Have the supervisor's thread end all attempts and the registration, and wait until that is done."""
        self.host.call_soon(lambda: self.host.end_registration(host_id))
        with self._changed:
            self._changed.wait_for(lambda: self._is_ended)

    def _synchronize(self) -> None:
        """Renew the lease if that is due. Then, or after a hint, read the scheduler's requests."""
        now = time.monotonic()
        beats = now >= self._beat_at
        if self._is_ended or (not beats and not self._hinted):
            return
        host = self.host
        self._hinted = False
        if beats and not self._beat(now):
            return
        claims = list(host.claims)
        requests = self._store.requests(self.host_id)
        host.call_soon(lambda: host.apply_requests(requests, claims))
        if beats:
            self._ended = {
                claim: at for claim, at in self._ended.items() if at > now - ENDED_SECONDS or claim in requests
            }
            host.call_soon(lambda: host.return_unknown_claims(requests))

    def _beat(self, now: float) -> bool:
        """Renew the lease; return False when the registration has ended."""
        if self._is_draining:
            self._store.set_state(self.host_id, "draining", HostReason.STOPPING)
        faults.point("host.before_beat")
        before = time.monotonic()
        renewed = self._store.renew_lease(self.host_id, self.host.load, self._batches)
        if renewed is None:
            self._end_registration(self.host_id)
            return False
        if self._is_ended:
            return False
        database_time, drain_reason = renewed
        self._clock.synchronize(database_time, before, time.monotonic())
        self.lease.renew(now)
        self._beat_at = now + BEAT_SECONDS
        if self._is_draining:
            self._hints.publish()
        else:
            self.host.set_drain_reason(drain_reason)
        return True

    def _take_overdue(self) -> None:
        """Take work whose message was lost, if it is time to look for it and there is room."""
        host, now = self.host, time.monotonic()
        if now < self._look_at() or self._is_ended:
            return
        self._looked_at = now
        if self._is_draining or host.drain_reason or not host.has_room.is_set():
            return
        are_lost = self._messages.are_lost(now)
        age = overdue.OVERDUE_SECONDS
        if are_lost:
            # Unless Redis is away, a message may be on its way.
            age = 0.0 if self._messages.is_away else overdue.MESSAGE_SECONDS
        found = self._store.overdue(host.queues, age, overdue.LOOK_MAX)
        claims = overdue.choose(found, host.capacity, len(host.claims))
        if claims and (taken := host.take_from(self._store, claims)):
            if not are_lost:
                log.warning("messages_lost: took %s works for which no message came", taken)
            self._messages.found_without(now)
