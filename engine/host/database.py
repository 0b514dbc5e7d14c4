"""What a host reads and writes in the database. Each method is one transaction; all raise psycopg2.Error."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg2
from psycopg2.errors import DiskFull

from engine.database import postgres
from engine.executors.wire import PROTOCOL
from engine.states import HostReason

LEASE_SECONDS = 3.0
"""A host that was not heard from for so long, by the database's clock, is lost with all that runs there."""

_AWAY = ("Connection refused", "starting up", "shutting down", "in recovery mode", "not yet accepting connections")


def is_away_for_all(error: BaseException) -> bool:
    """Whether this error says that nobody reaches the database, rather than that this host does not: then no lease can
    be judged, and all of them begin anew when it is back."""
    return any(text in str(error) for text in _AWAY)


class Records:
    """One connection, opened when it is needed and again when it broke. For one thread, but for `interrupt`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None
        self._line: socket.socket | None = None
        """The connection's socket once more, to end it by."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Also after an error: the next call connects anew."""
        connection, self._connection = self._connection, None
        with self._lock:
            line, self._line = self._line, None
            if line is not None:
                line.close()
        if connection is not None:
            try:
                connection.close()
            except psycopg2.Error:
                pass

    def interrupt(self) -> None:
        """From any thread: whoever waits for an answer gets an error instead, for it may never come (the server stands
        still, or something between forgot the connection)."""
        with self._lock:
            if self._line is not None:
                try:
                    self._line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # It has just ended.
                    pass

    def _do(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(
                    self.url,
                    connect_timeout=2,
                    **postgres.KEPT,
                    application_name="interlock-worker",
                    # What a crash of the database may take back (of the last half second) is taken and told again; what
                    # the scheduler has taken up, its own commit has made durable.
                    options=f"-c synchronous_commit=off {postgres.at_start()}",
                )
                self._connection.autocommit = True
                with self._lock:
                    self._line = socket.socket(fileno=os.dup(self._connection.fileno()))
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        except DiskFull:
            # The connection is whole. On another one a crash of the server, which may take back what was told, would
            # not be seen.
            raise
        except psycopg2.Error:
            self.close()
            raise

    def register(
        self, name: str, queues: Sequence[str], capacity: int, begun: Mapping[str, float], drains: bool = False
    ) -> int:
        """Begin a life, active or (`drains`) draining because a person wants it to; the one before with this name ends,
        and `begun` is told of it. The number of the new one."""
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
        state, reason = ("draining", HostReason.DRAIN_REQUESTED) if drains else ("active", HostReason.NONE)
        values = (
            json.dumps(dict(begun)), HostReason.RESTARTED, name,
            name, json.dumps(list(queues)), capacity, PROTOCOL, state, reason,
        )  # fmt: skip
        return int(self._do(statement, values)[0][0])

    def beat(self, host: int, load: Mapping[str, Any], told: int = 0) -> tuple[float, str] | None:
        """Renew the lease; the database's time and why the host is to drain (engine.states), empty when it is not. None
        when the lease is over: also when the database has forgotten reports in a crash, of which `told` have been
        written."""
        statement = (
            "UPDATE engine_host SET beat_at = clock_timestamp(), load = %s "
            "WHERE id = %s AND state <> 'gone' AND told >= %s RETURNING EXTRACT(EPOCH FROM beat_at)::float, "
            "CASE state WHEN 'draining' THEN reason ELSE '' END"
        )
        rows = self._do(statement, (json.dumps(load), host, told))
        return (float(rows[0][0]), str(rows[0][1])) if rows else None

    def set_state(self, host: int, state: str, reason: str = "") -> None:
        self._do(
            "UPDATE engine_host SET state = %s, reason = %s WHERE id = %s AND state <> 'gone' RETURNING 1",
            (state, reason, host),
        )

    def tell(self, host: int, number: int, body: str) -> bool:
        """Write the host's report with this number, from 1, once however often it is tried; False: the lease is over.
        It renews the lease as well."""
        statement = (
            "WITH me AS (UPDATE engine_host SET told = %s, beat_at = clock_timestamp() "
            "WHERE id = %s AND state <> 'gone' AND told = %s - 1 RETURNING id) "
            "INSERT INTO engine_hostreport (host_id, body) SELECT id, %s FROM me RETURNING 1"
        )
        if self._do(statement, (number, host, number, body)):
            return True
        # An earlier try was committed though its connection broke.
        return bool(self._do("SELECT 1 FROM engine_host WHERE id = %s AND told >= %s", (host, number)))

    def unread(self, host: int) -> int:
        """Reports of this host that the scheduler has not taken up."""
        return int(self._do("SELECT count(*) FROM engine_hostreport WHERE host_id = %s", (host,))[0][0])

    def take(self, host: int, claims: Collection[str]) -> list[tuple[str, str, str]]:
        """Make claims this host's that are nobody's yet, and that it can read: (claim, work, envelope), in the order
        asked for."""
        order = list(claims)
        statement = (
            "WITH me AS (SELECT id FROM engine_host WHERE id = %s AND state = 'active' FOR SHARE) "
            "UPDATE engine_dispatch d SET host_id = me.id, taken_at = clock_timestamp() FROM me "
            "WHERE d.claim = ANY(%s) AND d.protocol = %s AND d.host_id IS NULL AND d.wish IS NULL "
            "RETURNING d.claim, d.work, d.envelope"
        )
        found = {row[0]: row for row in self._do(statement, (host, order, PROTOCOL))}
        return [found[claim] for claim in order if claim in found]

    def told(self, host: int) -> int | None:
        """The number of the host's last report; None when its life is over."""
        rows = self._do("SELECT told FROM engine_host WHERE id = %s AND state <> 'gone'", (host,))
        return int(rows[0][0]) if rows else None

    def take_again(self, host: int, claims: Collection[str]) -> list[str]:
        """Make claims this host's again that it had before a crash of the database, unless another took or somebody
        wants them back; all that are its own then."""
        statement = (
            "WITH me AS (SELECT id FROM engine_host WHERE id = %s AND state <> 'gone' FOR SHARE), "
            "again AS (UPDATE engine_dispatch d SET host_id = me.id, taken_at = clock_timestamp() FROM me "
            "WHERE d.claim = ANY(%s) AND d.host_id IS NULL AND d.wish IS NULL RETURNING d.claim) "
            "SELECT claim FROM again UNION ALL SELECT claim FROM engine_dispatch WHERE host_id = %s"
        )
        return [claim for (claim,) in self._do(statement, (host, list(claims), host))]

    def mine(self, host: int) -> dict[str, str]:
        """{claim: wish, empty without one} of all that is this host's."""
        rows = self._do("SELECT claim, COALESCE(wish, '') FROM engine_dispatch WHERE host_id = %s", (host,))
        return dict(rows)

    def forgotten(self, queues: Sequence[str], seconds: float, limit: int) -> list[str]:
        """Claims in these queues whose message was sent that long ago and that nobody has taken."""
        statement = (
            "SELECT claim FROM engine_dispatch WHERE host_id IS NULL AND wish IS NULL AND queue = ANY(%s) "
            "AND protocol = %s AND sent_at < clock_timestamp() - make_interval(secs => %s) ORDER BY sent_at LIMIT %s"
        )
        return [claim for (claim,) in self._do(statement, (list(queues), PROTOCOL, seconds, limit))]
