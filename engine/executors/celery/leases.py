"""The hosts of the scaled form, as the scheduler knows them: which are alive, which get work, and what ended ones had.

Leases are judged by the database's clock alone. Everything here happens on the scheduler's thread and connection.
"""

import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from engine.database.clock import DatabaseClock
from engine.database.heartbeat import LEASE_SECONDS
from engine.executors import wire
from engine.executors.celery.in_flight import HostView
from engine.executors.celery.statements import fetch
from engine.states import HostReason, ended_silently

log = logging.getLogger("interlock.scheduler")

SET_ASIDE = ("draining", HostReason.OTHER_RELEASE)
"""State and reason of a host that speaks another protocol."""


@dataclass(frozen=True, slots=True)
class EndedHost:
    """A host whose registration has ended, and what it had then."""

    name: str
    reason: str
    silent_seconds: float | None
    """How long it had been silent when its lease expired; None: its lease did not expire."""
    is_foreign: bool
    """Whether it speaks another protocol, so that its reports were not read."""
    started: Mapping[str, float]
    """{claim: unix time} of the attempts that its node processes started last, as its successor found them."""
    claims: Sequence[str]
    """The dispatches that it had taken."""

    @property
    def was_silent(self) -> bool:
        """Whether it is unknown what it started last."""
        return ended_silently(self.reason)

    def lost(self, has_started: bool) -> dict[str, Any]:
        """Return the error of an attempt that was lost with this host; it may have started unseen."""
        if self.silent_seconds is not None:
            message = (
                f"The worker {self.name} was not heard from for {self.silent_seconds:.1f} s, "
                "so this attempt counts as lost."
            )
        elif self.reason == HostReason.OTHER_RELEASE:
            message = f"The worker {self.name} is of another release than the scheduler, so this attempt was ended."
        else:
            why = self.reason or "no reason was given"
            message = f"The worker {self.name} ended while this attempt ran ({why})."
        if not has_started:
            message += " Whether it had begun is not known."
        return {"class": "WorkerLost", "message": message, "line": None, "traceback": None}


class HostLeases:
    """The registered hosts, read regularly. Ends registrations whose lease has expired."""

    def __init__(self) -> None:
        self.hosts: dict[int, HostView] = {}
        self.foreign: set[int] = set()
        """Hosts that speak another protocol: their reports are not read."""
        self.clock = DatabaseClock()
        self._logged: set[int] = set()
        """Hosts that were logged as seen: each is logged once, however often memory is read again."""
        self._since = 0.0
        """Monotonic time since when leases are judged: no lease expires before the database was reachable that long."""

    def restart(self, now: float) -> None:
        """Forget the hosts, and judge leases from now on: the database may have been away."""
        self.hosts = {}
        self._since = now

    def look(self, now: float, with_work: AbstractSet[int]) -> Collection[int]:
        """Read the hosts. Return the ids of those that are gone, among the registered ones and `with_work`."""
        before = time.monotonic()
        rows = fetch(
            "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float, id, name, queues, capacity, protocol, state, reason, "
            "EXTRACT(EPOCH FROM clock_timestamp() - beat_at)::float "
            "FROM (SELECT 1) AS one LEFT JOIN engine_host ON state <> 'gone'"
        )
        self.clock.synchronize(rows[0][0], before, time.monotonic())
        seen: dict[int, HostView] = {}
        for _, id, name, queues, capacity, protocol, state, reason, age in rows:
            if id is None:
                # There is no host: the row contains only the database's time.
                continue
            if self._is_expired(age, now) and self._end(id, name, age):
                continue
            if id not in self._logged:
                self._logged.add(id)
                log.info("host_seen name=%s queues=%s processes=%s", name, queues, capacity)
            if protocol != wire.PROTOCOL:
                self._set_aside(id, name, protocol, (state, reason), id in with_work)
            elif (state, reason) == SET_ASIDE and _change(id, SET_ASIDE, ("active", HostReason.NONE)):
                state = "active"
            takes_work = state == "active" and protocol == wire.PROTOCOL
            seen[id] = HostView(id, name, frozenset(json.loads(queues)), capacity, takes_work)
        gone = (self.hosts.keys() | with_work) - seen.keys()
        self.hosts = seen
        return gone

    def ended(self, host: int, now: float) -> EndedHost | None:
        """Return what a host that is gone had; None if that is not known yet, so that the caller asks again."""
        row = fetch(
            "SELECT name, reason, silent_seconds, begun, protocol, "
            "EXTRACT(EPOCH FROM clock_timestamp() - beat_at)::float FROM engine_host WHERE id = %s",
            (host,),
        )
        name, reason, silent, started, protocol, age = row[0] if row else ("?", "", None, "{}", wire.PROTOCOL, 0.0)
        is_foreign = protocol != wire.PROTOCOL
        if is_foreign:
            self.foreign.add(host)
            if reason == HostReason.OTHER_RELEASE and not self._is_expired(age, now):
                # The host has been asked to end what it runs. By the end of its lease it has done so.
                return None
        claims = [claim for (claim,) in fetch("SELECT claim FROM engine_dispatch WHERE host_id = %s", (host,))]
        return EndedHost(name, reason, silent, is_foreign, json.loads(started), claims)

    def _is_expired(self, age: float, now: float) -> bool:
        """Return whether a lease that was renewed `age` seconds ago has expired."""
        return age > LEASE_SECONDS and now - self._since > LEASE_SECONDS

    def _set_aside(self, host: int, name: str, protocol: int, found: tuple[str, str], has_work: bool) -> None:
        """Give no work to a host that speaks another protocol.

        It drains, so other hosts serve its queues. If it has work from an earlier scheduler of its own protocol, its
        registration ends, because this scheduler could not read the reports on that work.
        """
        if host not in self.foreign:
            self.foreign.add(host)
            log.error(
                "other_release host=%s protocol=%s own=%s: it gets no work. Bring all parts to one release.",
                name, protocol, wire.PROTOCOL,
            )  # fmt: skip
        if has_work and _change(host, found, ("gone", HostReason.OTHER_RELEASE)):
            log.warning("host_ended name=%s: what runs there starts again elsewhere", name)
        elif found[0] == "active":
            _change(host, found, SET_ASIDE)

    def _end(self, host: int, name: str, age: float) -> bool:
        """End the registration unless the lease was renewed since. Return whether it ended; after that, the host
        cannot write reports."""
        ended = fetch(
            "UPDATE engine_host SET state = 'gone', reason = %s, silent_seconds = %s WHERE id = %s "
            "AND state <> 'gone' AND clock_timestamp() - beat_at > make_interval(secs => %s) RETURNING id",
            (HostReason.LEASE_EXPIRED, age, host, LEASE_SECONDS),
        )
        if ended:
            log.warning("host_lost name=%s: not heard from for %.1f s", name, age)
        return bool(ended)


def _change(host: int, found: tuple[str, str], to: tuple[str, str]) -> bool:
    """Change the host's state and reason if they are still as found; return whether they were."""
    return bool(
        fetch(
            "UPDATE engine_host SET state = %s, reason = %s WHERE id = %s AND state = %s AND reason = %s RETURNING id",
            (*to, host, *found),
        )
    )
