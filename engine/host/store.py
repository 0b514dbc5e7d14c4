"""What a host reads and writes in the database."""

import json
import os
import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2.errors import DiskFull

from engine.database import postgres
from engine.executors.wire import PROTOCOL, HostRequest, is_short
from engine.host.overdue import OverdueWork
from engine.states import HostReason

_OUTAGE_WORDS = (
    "Connection refused",
    "starting up",
    "shutting down",
    "in recovery mode",
    "not yet accepting connections",
)


def is_outage(error: BaseException) -> bool:
    """Return whether the error means that the database is away for everybody, and not only for this host.

    During such an outage the scheduler ends no lease, and all leases restart when the database is back.
    """
    return any(words in str(error) for words in _OUTAGE_WORDS)


class HostStore:
    """The statements of a host. Each method is one transaction and raises psycopg2.Error.

    It has one connection, opened on first use and again after an error. All methods except `interrupt` must be called
    on one thread.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None
        self._socket: socket.socket | None = None
        """A second descriptor of the connection's socket, for `interrupt`."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        connection, self._connection = self._connection, None
        with self._lock:
            line, self._socket = self._socket, None
            if line is not None:
                line.close()
        if connection is not None:
            try:
                connection.close()
            except psycopg2.Error:
                pass

    def interrupt(self) -> None:
        """Make a statement that waits for its answer fail: the answer may never arrive.

        The server may hang, or a firewall in between may have dropped the connection. May be called from any thread.
        """
        with self._lock:
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The connection has just ended.
                    pass

    def _fetch(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(
                    self.url,
                    connect_timeout=2,
                    **postgres.KEEPALIVE,
                    application_name="interlock-worker",
                    # A crash of the database may undo the commits of the last half second. The host then takes the work
                    # and writes the reports again. The scheduler's commit makes durable what the scheduler has read.
                    options=f"-c synchronous_commit=off {postgres.startup_options()}",
                )
                self._connection.autocommit = True
                with self._lock:
                    self._socket = socket.socket(fileno=os.dup(self._connection.fileno()))
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        except DiskFull:
            # The connection is intact and stays open: if it breaks later, that shows a crash, which may undo reports.
            raise
        except psycopg2.Error:
            self.close()
            raise

    def register(
        self, name: str, queues: Sequence[str], capacity: int, started: Mapping[str, float], draining: bool = False
    ) -> int:
        """Register a host and return its id. `draining`: it drains from the start, because a person asked for that.

        This ends the earlier registration of the same name and stores `started` there: {claim: unix time} of the
        attempts that its node processes started last.
        """
        statement = (
            "WITH before AS (UPDATE engine_host SET state = 'gone', begun = %s, reason = %s "
            "WHERE name = %s AND state <> 'gone'), "
            "long_gone AS (DELETE FROM engine_host h WHERE state = 'gone' AND beat_at < clock_timestamp() "
            "- interval '7 days' AND NOT EXISTS (SELECT 1 FROM engine_dispatch d WHERE d.host_id = h.id) "
            "AND NOT EXISTS (SELECT 1 FROM engine_hostreport r WHERE r.host_id = h.id)) "
            "INSERT INTO engine_host (name, queues, capacity, protocol, state, reason, started_at, beat_at, told, "
            "load, begun) VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp(), clock_timestamp(), 0, '{}', '{}') "
            "RETURNING id"
        )
        state, reason = ("draining", HostReason.DRAIN_REQUESTED) if draining else ("active", HostReason.NONE)
        values = (
            json.dumps(dict(started)), HostReason.RESTARTED, name,
            name, json.dumps(list(queues)), capacity, PROTOCOL, state, reason,
        )  # fmt: skip
        return int(self._fetch(statement, values)[0][0])

    def renew_lease(self, host: int, load: Mapping[str, Any], batches: int = 0) -> tuple[float, str] | None:
        """Renew the lease. Return the database's time and why the host is to drain (a HostReason), or None when the
        registration has ended.

        It also counts as ended when the database has lost some of the `batches` written, in a crash.
        """
        statement = (
            "UPDATE engine_host SET beat_at = clock_timestamp(), load = %s "
            "WHERE id = %s AND state <> 'gone' AND told >= %s RETURNING EXTRACT(EPOCH FROM beat_at)::float, "
            "CASE state WHEN 'draining' THEN reason ELSE '' END"
        )
        rows = self._fetch(statement, (json.dumps(load), host, batches))
        return (float(rows[0][0]), str(rows[0][1])) if rows else None

    def set_state(self, host: int, state: str, reason: str = HostReason.NONE) -> None:
        self._fetch(
            "UPDATE engine_host SET state = %s, reason = %s WHERE id = %s AND state <> 'gone' RETURNING 1",
            (state, reason, host),
        )

    def write_batch(self, host: int, number: int, body: str) -> bool:
        """Write the report batch with this number, from 1, and renew the lease. Return False when the registration has
        ended. It is written once, however often this is called."""
        statement = (
            "WITH me AS (UPDATE engine_host SET told = %s, beat_at = clock_timestamp() "
            "WHERE id = %s AND state <> 'gone' AND told = %s - 1 RETURNING id) "
            "INSERT INTO engine_hostreport (host_id, body) SELECT id, %s FROM me RETURNING 1"
        )
        if self._fetch(statement, (number, host, number, body)):
            return True
        # An earlier call may have committed although its connection broke.
        return bool(self._fetch("SELECT 1 FROM engine_host WHERE id = %s AND told >= %s", (host, number)))

    def count_unread_batches(self, host: int) -> int:
        """Return how many report batches of this host the scheduler has not applied."""
        return int(self._fetch("SELECT count(*) FROM engine_hostreport WHERE host_id = %s", (host,))[0][0])

    def last_batch(self, host: int) -> int | None:
        """Return the number of the host's last report batch; None when the registration has ended."""
        rows = self._fetch("SELECT told FROM engine_host WHERE id = %s AND state <> 'gone'", (host,))
        return int(rows[0][0]) if rows else None

    def take(self, host: int, claims: Collection[str]) -> list[tuple[str, str, str]]:
        """Take those of `claims` that no host has and whose protocol this host knows. Return (claim, work, envelope) of
        each, in the order of `claims`."""
        order = list(claims)
        statement = (
            "WITH me AS (SELECT id FROM engine_host WHERE id = %s AND state = 'active' FOR SHARE) "
            "UPDATE engine_dispatch d SET host_id = me.id, taken_at = clock_timestamp() FROM me "
            "WHERE d.claim = ANY(%s) AND d.protocol = %s AND d.host_id IS NULL AND d.wish IS NULL "
            "RETURNING d.claim, d.work, d.envelope"
        )
        found = {row[0]: row for row in self._fetch(statement, (host, order, PROTOCOL))}
        return [found[claim] for claim in order if claim in found]

    def take_again(self, host: int, claims: Collection[str]) -> list[str]:
        """Take again those of `claims` that this host has lost by a crash of the database, unless another host has them
        or they were recalled. Return all claims that the host then has."""
        statement = (
            "WITH me AS (SELECT id FROM engine_host WHERE id = %s AND state <> 'gone' FOR SHARE), "
            "again AS (UPDATE engine_dispatch d SET host_id = me.id, taken_at = clock_timestamp() FROM me "
            "WHERE d.claim = ANY(%s) AND d.host_id IS NULL AND d.wish IS NULL RETURNING d.claim) "
            "SELECT claim FROM again UNION ALL SELECT claim FROM engine_dispatch WHERE host_id = %s"
        )
        return [claim for (claim,) in self._fetch(statement, (host, list(claims), host))]

    def requests(self, host: int) -> dict[str, HostRequest | None]:
        """Return the claims that the host has, each with the scheduler's request."""
        rows = self._fetch("SELECT claim, wish FROM engine_dispatch WHERE host_id = %s", (host,))
        return {claim: HostRequest.parse(text) if text else None for claim, text in rows}

    def overdue(self, queues: Sequence[str], seconds: float, limit: int) -> list[OverdueWork]:
        """Return at most `limit` works in these queues that no host has taken and whose messages were sent more than
        `seconds` ago, the oldest first."""
        statement = (
            "SELECT claim, work, EXTRACT(EPOCH FROM clock_timestamp() - sent_at)::float FROM engine_dispatch "
            "WHERE host_id IS NULL AND wish IS NULL AND queue = ANY(%s) "
            "AND protocol = %s AND sent_at < clock_timestamp() - make_interval(secs => %s) ORDER BY sent_at LIMIT %s"
        )
        rows = self._fetch(statement, (list(queues), PROTOCOL, seconds, limit))
        return [OverdueWork(claim, is_short(text), age) for claim, text, age in rows]
