"""A host's letters: reports to the scheduler, the renewed lease, and the wishes that come back.

One thread with one connection. Reports are kept until they are written, each once, in order: while one batch is being
written the next one gathers.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.errors import DiskFull

from engine import faults
from engine.database.clock import DatabaseClock
from engine.executors import wire
from engine.executors.base import Ended, Lines, Report, Returned, Started
from engine.hints import host_hints
from engine.host.database import LEASE_SECONDS, Records, is_away_for_all
from engine.host.unconfirmed import Sent, claims_of
from engine.states import HostReason

if TYPE_CHECKING:
    from engine.host.host import Host

log = logging.getLogger("interlock.host")

BROKEN = 70
"""Exit code of a worker one of whose threads ended by an error (EX_SOFTWARE)."""
BEAT_SECONDS = 1.0
GATHER_SECONDS = 0.05
"""How long lines, progress and samples wait for more; starts and ends do not."""
KILL_SECONDS = 0.5
"""What ending all attempts may take, and so the time before the lease's end at which it begins."""
RUN_SECONDS = LEASE_SECONDS - KILL_SECONDS
"""How long what a host has may run after the lease was renewed."""
RETRY_SECONDS = 0.25
BATCH_WEIGHT = 400
"""Of what is written at once: a report counts 1, of lines one more for each 10."""
LETTER_CHARACTERS = 128 * 1024
"""Of lines in what is written at once, when there is more than one report of them: a letter that takes long keeps the
lease from being renewed."""
OUTBOX_CHARACTERS = 1 << 20
"""Of lines that may wait to be written: beyond it nodes wait with what they print."""
UNREAD_MAX = 4
"""Letters full of lines that may wait for the scheduler: behind them waits what else this host tells."""
UNREAD_SECONDS = 0.02
FORGOTTEN_SECONDS = 3.0
"""Work whose message was lost is taken without one."""
FORGOTTEN_MAX = 16
TOLD_SECONDS = 10.0
"""For how long the ends that were told are remembered: the scheduler takes them up within that time, or it is away."""


class Postman:
    """See the module. `register` starts it; all but `register` and the thread's own may be called by any thread."""

    def __init__(self, host: Host, begun: Mapping[str, float]) -> None:
        self.owner = host
        self.host = 0
        """Number of this life; 0: it is over, and the next one has not begun."""
        self._lease_until = 0.0
        self._begun = begun
        self._records = Records(host.url)
        self._outbox: list[Report] = []
        self._characters = 0
        """Of the lines in the outbox."""
        self._floods = False
        """The last letter was full of lines."""
        self._urgent = False
        self._since = 0.0
        self._news = threading.Condition()
        self._hinted = False
        self._lost = False
        self._draining = False
        self._closing = False
        self._letter: tuple[list[Report], str] | None = None
        """The reports at the head of the outbox that are being written, and their text."""
        self._told = 0
        """Letters written in this life."""
        self._sent = Sent()
        self._unsure = False
        """A connection broke: what the database has is not known."""
        self._away = ""
        """Why the database cannot be used, as far as that was logged."""
        self._ended: dict[str, float] = {}
        """{claim: monotonic time} of ends that were told."""
        self._beat_at = 0.0
        self._clock = DatabaseClock()
        self._ear: host_hints.ChannelListener | None = None
        self._redis = host_hints.connect(host.given)
        self._channel = host_hints.report_channel(host.given)
        self._courier = host_hints.PublisherThread("host hints")
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)

    @property
    def lease_until(self) -> float:
        """Monotonic time at which all attempts are to be ended, unless it is renewed before."""
        return self._lease_until

    @lease_until.setter
    def lease_until(self, moment: float) -> None:
        self._lease_until = moment
        self.owner.guard.until(moment)

    def register(self) -> None:
        """Begin the first life, however long the database is away, and start the thread."""
        self._enter()
        self._thread.start()

    def post(self, reports: Sequence[Report]) -> None:
        """Have reports written."""
        if not reports:
            return
        # Times in the database are by its own clock. Ours may be set at any moment: it is still what they were told by.
        wire.shift(reports, -self._clock.ahead())
        urgent = any(isinstance(report, (Started, Ended, Returned)) for report in reports)
        characters = sum(map(_characters, reports))
        with self._news:
            self._characters += characters
            if not self._outbox:
                self._since = time.monotonic()
            self._outbox.extend(reports)
            if urgent or len(self._outbox) >= BATCH_WEIGHT:
                self._urgent = True
            self._news.notify()

    @property
    def is_full(self) -> bool:
        return self._characters > OUTBOX_CHARACTERS

    def drains(self) -> None:
        """Say that this host takes no more."""
        with self._news:
            self._draining = True
            self._beat_at = 0.0
            self._news.notify()

    def lost(self) -> None:
        """The lease is over: what was not written is void, and a new life begins."""
        with self._news:
            self._lost = True
            # Nobody's: in the life that is over nothing more can be taken.
            self.host = 0
            self._outbox.clear()
            self._characters = 0
            self.lease_until = time.monotonic() + RUN_SECONDS
            self._news.notify()

    def interrupt(self) -> None:
        """Wait no longer for what the database was asked."""
        self._records.interrupt()

    def close(self) -> None:
        """Write what is left and unregister."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(10.0)

    def was_told(self, claim: str) -> bool:
        """Whether the end of this attempt was written, or is to be."""
        return claim in self._ended or any(
            claim == report.claim
            if isinstance(report, Ended)
            else isinstance(report, Returned) and claim in report.claims
            for report in list(self._outbox)
        )

    def _hear(self) -> None:
        with self._news:
            self._hinted = True
            self._news.notify()

    # The thread.

    def _run(self) -> None:
        try:
            self._deliver()
        except BaseException:
            log.exception("postman_broke")
            logging.shutdown()
            os._exit(BROKEN)

    def _deliver(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(self._is_due, max(0.0, self._next() - time.monotonic()))
                closing = self._closing
            try:
                if self._lost:
                    self._enter()
                if self._unsure and not self._lost:
                    self._make_sure()
                self._write()
                if closing and not self._outbox:
                    self._records.set_state(self.host, "gone", HostReason.STOPPED)
                    self._records.close()
                    self._hint()
                    self._courier.close()
                    if self._ear is not None:
                        self._ear.close()
                    return
                self._look()
                if self._away:
                    self._away = ""
                    log.info("database_back")
            except psycopg2.Error as error:
                self._unsure = True
                self._wait_for_database(error)
                if closing and (self._lost or self.lease_until < time.monotonic()):
                    return

    def _is_due(self) -> bool:
        return self._urgent or self._hinted or self._lost or self._closing or time.monotonic() >= self._next()

    def _next(self) -> float:
        return min(self._beat_at, self._since + GATHER_SECONDS) if self._outbox else self._beat_at

    def _wait_for_database(self, error: psycopg2.Error) -> None:
        now = time.monotonic()
        if now < self.lease_until and is_away_for_all(error):
            # Nobody can judge leases meanwhile, and all begin anew when it is back. One that is over may have been
            # judged before: this host may have been paused.
            self.lease_until = now + RUN_SECONDS
        reason = told(error)
        if reason != self._away:
            self._away = reason
            log.warning("database_away: %s", reason)
        time.sleep(RETRY_SECONDS)

    def _enter(self) -> None:
        owner = self.owner
        while True:
            begun = time.monotonic()
            try:
                # Whom a person asked to take no more still is: only its process is the same, not its life.
                drains = owner.resting == HostReason.DRAIN_REQUESTED
                host = self._records.register(owner.name, owner.queues, owner.capacity, self._begun, drains)
                break
            except psycopg2.Error as error:
                if self._closing or isinstance(error, psycopg2.ProgrammingError):
                    raise
                self._wait_for_database(error)
        with self._news:
            self._begun = {}
            self.host, self._told, self._lost = host, 0, False
            self._letter, self._unsure = None, False
            self._sent.clear()
            self._outbox.clear()
            self._characters = 0
            self._ended.clear()
            self.lease_until = begun + RUN_SECONDS
            self._beat_at = begun
        if self._ear is not None:
            self._ear.close()
        self._ear = host_hints.ChannelListener(owner.given, host_hints.host_channel(owner.given, host), self._hear)
        self._hint()

    def _hint(self) -> None:
        self._courier.submit(lambda: self._redis.publish(self._channel, b"1"))

    def _write(self) -> None:
        """Write letters until there is none, or it is time to look."""
        while self._outbox:
            if self._floods and not self._closing and self._records.unread(self.host) > UNREAD_MAX:
                time.sleep(UNREAD_SECONDS)
                return
            host, number = self.host, self._told + 1
            batch, body = self._letter or self._write_letter()
            begun = time.monotonic()
            faults.point("host.before_tell")
            try:
                is_written = self._records.tell(host, number, body)
            except DiskFull as error:
                # Nothing was stored, and a beat needs no room: what runs here goes on.
                self._wait_for_database(error)
                return
            if not is_written:
                self._end_of_life(host)
                return
            faults.point("host.told")
            with self._news:
                if self._lost:
                    return
                self._told, self._letter = number, None
                del self._outbox[: len(batch)]
                characters = sum(map(_characters, batch))
                self._characters -= characters
                self._floods = characters >= LETTER_CHARACTERS
                self._since = time.monotonic()
                self.lease_until = begun + RUN_SECONDS
            now = time.monotonic()
            self._sent.keep(number, len(body), batch)
            for report in batch:
                if isinstance(report, Ended):
                    self._ended[report.claim] = now
                elif isinstance(report, Returned):
                    self._ended.update(dict.fromkeys(report.claims, now))
            self._hint()
            if self._hinted or now >= self._beat_at:
                break
        with self._news:
            self._urgent = bool(self._outbox)

    def _write_letter(self) -> tuple[list[Report], str]:
        """The next reports as they are written under the next number, however often that has to be tried."""
        with self._news:
            batch = list(_batch(self._outbox))
            self._urgent = False
        self._letter = batch, wire.reports_text(batch)
        return self._letter

    def _make_sure(self) -> None:
        """After an error: that the database has what was told and taken. A crash may have taken the last of it back;
        then it is taken and told again. What somebody else has taken since is void, and nothing is told of it; where
        the letters are not kept any more, this life is over."""
        host = self.host
        known = self._records.told(host)
        again = [] if known is None else self._sent.after(known)
        if known is None or known + len(again) < self._told:
            self._end_of_life(host)
            return
        claims = {claim for _, reports in again for report in reports for claim in claims_of(report)}
        claims.update(list(self.owner.held))
        mine = set(self._records.take_again(host, claims))
        for number, reports in again:
            log.warning("told_again number=%s", number)
            kept = [report for report in reports if mine.issuperset(claims_of(report))]
            if not self._records.tell(host, number, wire.reports_text(kept)):
                self._end_of_life(host)
                return
        self._unsure = False

    def _end_of_life(self, host: int) -> None:
        """Have the supervisor's thread end everything, and wait until it has."""
        self.owner.order(lambda: self.owner.lose(host))
        with self._news:
            self._news.wait_for(lambda: self._lost)

    def _look(self) -> None:
        """Renew the lease when it is time, and see to wishes."""
        now = time.monotonic()
        beats = now >= self._beat_at
        if self._lost or (not beats and not self._hinted):
            return
        owner = self.owner
        self._hinted = False
        if beats:
            if self._draining:
                self._records.set_state(self.host, "draining", HostReason.STOPPING)
            faults.point("host.before_beat")
            before = time.monotonic()
            beat = self._records.beat(self.host, owner.load, self._told)
            if beat is None:
                self._end_of_life(self.host)
                return
            if self._lost:
                return
            database, resting = beat
            self._clock.heard(database, before, time.monotonic())
            self.lease_until = now + RUN_SECONDS
            self._beat_at = now + BEAT_SECONDS
            if self._draining:
                self._hint()
            else:
                owner.rest(resting)
        asked = list(owner.held)
        mine = self._records.mine(self.host)
        owner.order(lambda: owner.wishes(mine, asked))
        if beats:
            self._ended = {claim: at for claim, at in self._ended.items() if at > now - TOLD_SECONDS or claim in mine}
            owner.order(lambda: owner.see_to_strange(mine))
            self._see_to_lost_messages()

    def _see_to_lost_messages(self) -> None:
        owner = self.owner
        if not owner.has_room.is_set() or self._draining or owner.resting:
            return
        claims = self._records.forgotten(owner.queues, FORGOTTEN_SECONDS, FORGOTTEN_MAX)
        if claims and (taken := owner.take_by(self._records, claims)):
            log.warning("message_lost: took %s works that no message came for", taken)


def told(error: psycopg2.Error) -> str:
    """Its first line."""
    return next(iter(str(error).strip().splitlines()), repr(error))


def _batch(reports: Sequence[Report]) -> Iterator[Report]:
    """The first of them, as many as are written at once."""
    weight = characters = 0
    for report in reports:
        yield report
        weight += 1 + (len(report.lines) // 10 if isinstance(report, Lines) else 0)
        characters += _characters(report)
        if weight >= BATCH_WEIGHT or characters >= LETTER_CHARACTERS:
            return


def _characters(report: Report) -> int:
    return sum(len(message) for _, _, message in report.lines) if isinstance(report, Lines) else 0
