"""The hosts of the scaled form as the scheduler sees them: who lives, who is given work, and what becomes of the work
of one that is gone. Their leases are judged by the database's clock alone.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from engine.database.clock import DatabaseClock
from engine.executors import wire
from engine.executors.base import Ended, Report, ReportBatch, Started
from engine.executors.dispatches import Flight, HostView
from engine.host.database import LEASE_SECONDS
from engine.states import HostReason, ended_silently
from engine.supervisor.short_work import ShortWork

log = logging.getLogger("interlock.scheduler")

SET_ASIDE = ("draining", HostReason.OTHER_RELEASE)
"""State of a host of another protocol, and its reason."""


class Leases:
    """What `engine.executors.celery` knows of hosts. Everything here happens on the scheduler's thread and
    connection."""

    def __init__(self) -> None:
        self.short_work = ShortWork()
        self._flights: dict[str, Flight] = {}
        self._hosts: dict[int, HostView] = {}
        self._said: set[int] = set()
        """Hosts that the log has: it says so once, however often all is read again."""
        self._foreign: set[int] = set()
        """Hosts of another protocol: what they tell is not read."""
        self._out: list[Report | ReportBatch] = []
        self._clock = DatabaseClock()
        self._since = 0.0
        """Monotonic time from which leases are judged: none is over before it is that old."""
        self._look_at = 0.0

    def _read_reports(self, now: float) -> None:
        """Take what hosts told; `_look_at` is `now` afterwards when there is more."""
        raise NotImplementedError

    def _give_up(self, claims: Iterable[str]) -> None:
        """These have not started, and nobody can start them."""
        raise NotImplementedError

    def now(self) -> float:
        return self._clock.now()

    def _do(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def _watch_hosts(self, now: float) -> None:
        before = time.monotonic()
        rows = self._do(
            "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float, id, name, queues, capacity, protocol, state, reason, "
            "EXTRACT(EPOCH FROM clock_timestamp() - beat_at)::float "
            "FROM (SELECT 1) AS one LEFT JOIN engine_host ON state <> 'gone'"
        )
        self._clock.heard(rows[0][0], before, time.monotonic())
        with_work = {flight.host for flight in self._flights.values() if flight.host is not None}
        seen: dict[int, HostView] = {}
        for _, id, name, queues, capacity, protocol, state, reason, age in rows:
            if id is None:
                # There is no host: the row has the time alone.
                continue
            if self._is_over(age, now) and self._end_lease(id, name, age):
                continue
            if id not in self._said:
                self._said.add(id)
                log.info("host_seen name=%s queues=%s processes=%s", name, queues, capacity)
            if protocol != wire.PROTOCOL:
                self._set_aside(id, name, protocol, (state, reason), id in with_work)
            elif (state, reason) == SET_ASIDE and self._change(id, SET_ASIDE, ("active", "")):
                state = "active"
            takes = state == "active" and protocol == wire.PROTOCOL
            seen[id] = HostView(id, name, frozenset(json.loads(queues)), capacity, takes)
        gone = (self._hosts.keys() | with_work) - seen.keys()
        self._hosts = seen
        for id in gone:
            self._bury(id, now)

    def _is_over(self, age: float, now: float) -> bool:
        """Whether a lease that was renewed so many seconds ago is over: not before the database was there for as
        long."""
        return age > LEASE_SECONDS and now - self._since > LEASE_SECONDS

    def _set_aside(self, host: int, name: str, protocol: int, found: tuple[str, str], has_work: bool) -> None:
        """Give no work to a host of another protocol. It leaves its queues to others; what a scheduler of its own had
        given it ends with its life, for of the end nothing could be read."""
        if host not in self._foreign:
            self._foreign.add(host)
            log.error(
                "other_release host=%s protocol=%s own=%s: it gets no work. Bring all parts to one release.",
                name, protocol, wire.PROTOCOL,
            )  # fmt: skip
        if has_work and self._change(host, found, ("gone", HostReason.OTHER_RELEASE)):
            log.warning("host_ended name=%s: what runs there starts again elsewhere", name)
        elif found[0] == "active":
            self._change(host, found, SET_ASIDE)

    def _change(self, host: int, found: tuple[str, str], to: tuple[str, str]) -> bool:
        """Whether the host's state and its reason were as found, and are changed now."""
        return bool(
            self._do(
                "UPDATE engine_host SET state = %s, reason = %s WHERE id = %s AND state = %s AND reason = %s "
                "RETURNING id",
                (*to, host, *found),
            )
        )

    def _end_lease(self, host: int, name: str, age: float) -> bool:
        """Whether the lease is over now. From then on nothing that the host tells is written."""
        over = self._do(
            "UPDATE engine_host SET state = 'gone', reason = %s, silent_seconds = %s WHERE id = %s "
            "AND state <> 'gone' AND clock_timestamp() - beat_at > make_interval(secs => %s) RETURNING id",
            (HostReason.LEASE_EXPIRED, age, host, LEASE_SECONDS),
        )
        if over:
            log.warning("host_lost name=%s: not heard from for %.1f s", name, age)
        return bool(over)

    def _bury(self, host: int, now: float) -> None:
        """Report what a host that is gone had: lost what had begun there, back what had not.

        What a host began last that was not heard from nobody knows. What would have begun at once counts as lost: or a
        node that ends its host, where hosts start slowly, would do so for ever. What was sent ahead goes back, and is
        not sent ahead again.
        """
        row = self._do(
            "SELECT name, reason, silent_seconds, begun, protocol, "
            "EXTRACT(EPOCH FROM clock_timestamp() - beat_at)::float FROM engine_host WHERE id = %s",
            (host,),
        )
        name, reason, silent, noted, protocol, age = row[0] if row else ("?", "", None, "{}", wire.PROTOCOL, 0.0)
        foreign = protocol != wire.PROTOCOL
        if foreign:
            self._foreign.add(host)
            if reason == HostReason.OTHER_RELEASE and not self._is_over(age, now):
                # It was told to end what it has, and has ended that by then. It is looked at again.
                return
        # What it told before counts, where it can be read.
        while True:
            self._read_reports(now)
            if self._look_at != now:
                break
        begun: dict[str, float] = json.loads(noted)
        unknown = ended_silently(reason)
        claims = [claim for (claim,) in self._do("SELECT claim FROM engine_dispatch WHERE host_id = %s", (host,))]
        back = []
        for claim in claims:
            flight = self._flights.get(claim)
            if flight is None:
                continue
            if flight.began_at is None and claim not in begun and (flight.short or not unknown):
                if unknown:
                    self.short_work.mark_long(flight)
                back.append(claim)
                continue
            del self._flights[claim]
            if flight.began_at is None:
                # The host noted it by a clock of its own.
                self._out.append(Started(claim, 0, "", name, min(begun.get(claim, self.now()), self.now())))
            seconds = 0.0 if flight.began_at is None else now - flight.began_at
            error = _lost(name, reason, silent)
            self._out.append(Ended(claim, "lost", self.now(), seconds, error=error, interrupted=foreign))
        self._give_up(back)


def _lost(name: str, reason: str, silent_seconds: float | None) -> dict[str, Any]:
    if silent_seconds is not None:
        message = f"The worker {name} was not heard from for {silent_seconds:.1f} s, so this attempt counts as lost."
    elif reason == HostReason.OTHER_RELEASE:
        message = f"The worker {name} is of another release than the scheduler, so this attempt was ended."
    else:
        message = f"The worker {name} ended while this attempt ran ({reason or 'no reason was given'})."
    return {"class": "WorkerLost", "message": message, "line": None, "traceback": None}
