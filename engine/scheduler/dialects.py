"""Writes the rows of a tick in one transaction, on SQLite and on PostgreSQL.

It uses the raw drivers, because the ORM would cost ten times as much as the statements.
"""

import functools
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from django import db as django_db

from engine.database.sqlite_backend.write_queue import WriteQueue
from engine.errors import LostLeadership, RunFault
from engine.scheduler import rows as tables
from engine.scheduler.rows import Rows, Times

BEAT = "UPDATE engine_leader SET beat_at = {now} WHERE id = 1 AND epoch = {mark}"
"""The heartbeat, which also checks the epoch."""
FENCE = "SELECT 1 FROM engine_leader WHERE id = 1 AND epoch = {mark}"
"""The check of the epoch in a tick without heartbeat. On SQLite no other process can write once the transaction has
begun; on PostgreSQL the row is locked."""
INSERTS = ("nodes", "attempts", "events", "logs", "samples", "stacks", "durations")
INDEXED_COLUMNS = ("state", "finished_at")
"""Columns of runs that are in indexes. SQLite writes the index of every column that an UPDATE names, even if its value
does not change."""
RUN_COLUMNS = ("state", "reason", "altered", "counts", "seq", "stopping", "started_at", "resumed_at", "finished_at")

TURN_SECONDS = 0.05
"""How long a tick waits for another process that is already waiting for SQLite's lock."""


class Diverged(Exception):
    """A run's row differs from memory: another process wrote it, or the outcome of a commit was not what it seemed."""

    def __init__(self) -> None:
        super().__init__("A run's row has another seq than this scheduler stored.")


COMPUTING_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@functools.cache
def _drivers() -> tuple[Any, ...]:
    """Return the modules whose errors a tick's database access may raise: Django's and those of the raw drivers."""
    import sqlite3

    try:
        import psycopg2
    except ImportError:
        return django_db, sqlite3
    return django_db, sqlite3, psycopg2


@functools.cache
def data_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a bad value raises: it cannot be computed, or does not fit its column.

    Every tick with the same data raises them again. A database that is away raises others.
    """
    names = ("DataError", "IntegrityError", "ProgrammingError")
    return (*COMPUTING_ERRORS, *(getattr(driver, name) for driver in _drivers() for name in names))


@functools.cache
def driver_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a tick's access to the database may raise, including Diverged."""
    return (Diverged, *(driver.Error for driver in _drivers()))


@functools.cache
def tick_errors() -> tuple[type[Exception], ...]:
    """Return the errors after which the scheduler goes on: those of the database, and those that one run's data
    causes."""
    return (*driver_errors(), *COMPUTING_ERRORS, RunFault)


class Dialect(Protocol):
    """Writes ticks to one kind of database."""

    times: Times

    def write(self, rows: Rows | None, epoch: int, now_us: int, beat: bool, *, rehearse: bool = False) -> None:
        """Write the rows of a tick, and the heartbeat if `beat`. `rehearse`: execute the statements, then roll back.

        Raises the driver's errors, LostLeadership and Diverged; nothing is written then.
        """


class SQLite:
    """sqlite3: executemany of prepared statements."""

    def __init__(self, connection: Any, queue: WriteQueue) -> None:
        self.db, self.queue = connection, queue
        self.times = Times("")
        marks = {name: f"({', '.join('?' * len(columns))})" for name, (_, columns, _) in tables.TABLES.items()}
        self.inserts = {name: tables.insert(name, marks[name]) for name in INSERTS}
        self.thin = tables.thin_stacks("?")
        self.update_indexed_run, self.update_run = _update_run(()), _update_run(INDEXED_COLUMNS)
        self.beat, self.fence = BEAT.format(now="?", mark="?"), FENCE.format(mark="?")

    def write(self, rows: Rows | None, epoch: int, now_us: int, beat: bool, *, rehearse: bool = False) -> None:
        db = self.db
        now = self.times(now_us)
        with self.queue.turn(TURN_SECONDS):
            db.execute("BEGIN IMMEDIATE")
        try:
            if beat:
                leads = db.execute(self.beat, (now, epoch)).rowcount == 1
            else:
                leads = db.execute(self.fence, (epoch,)).fetchone() is not None
            if not leads:
                raise LostLeadership(epoch)
            if rows is not None:
                self._write(rows, now)
            db.execute("ROLLBACK" if rehearse else "COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _write(self, rows: Rows, now: str | None) -> None:
        db = self.db
        for statement, runs in ((self.update_indexed_run, rows.indexed_runs), (self.update_run, rows.unindexed_runs)):
            if runs and db.executemany(statement, runs).rowcount != len(runs):
                raise Diverged
        if rows.claims:
            db.executemany(
                "UPDATE engine_noderun SET claim = ? WHERE run_id = ? AND node = ? AND item = -1", rows.claims
            )
        for name in INSERTS:
            given = getattr(rows, name)
            if given:
                db.executemany(self.inserts[name], given)
        if rows.pending_actions:
            db.executemany(
                "UPDATE engine_noderun SET wish = ? WHERE run_id = ? AND node = ? AND item = -1", rows.pending_actions
            )
        if rows.crowded_attempts:
            db.executemany(self.thin, [(*key, *key, *key) for key in rows.crowded_attempts])
        if rows.pools:
            db.executemany(
                "UPDATE engine_pool SET acquired = acquired + ?, released = released + ?, "
                "longest_wait = MAX(longest_wait, ?) WHERE name = ?",
                rows.pools,
            )
        if rows.commands:
            db.executemany(
                "UPDATE engine_command SET outcome = ?, done_at = ? WHERE id = ?",
                [(outcome, now, command) for outcome, command in rows.commands],
            )


def _update_run(but: Collection[str]) -> str:
    """Return the statement that updates one run's row, except for the columns `but`."""
    places = {column: place for place, column in enumerate((*RUN_COLUMNS, "id", "old"), 1)}
    assignments = ", ".join(f"{column} = ?{places[column]}" for column in RUN_COLUMNS if column not in but)
    return f"UPDATE engine_run SET {assignments} WHERE id = ?{places['id']} AND seq = ?{places['old']}"  # noqa: S608


class PostgreSQL:
    """psycopg2: one statement per table, with all its rows."""

    def __init__(self, connection: Any) -> None:
        self.db = connection
        self.times = Times("+00")
        self.inserts = {name: tables.insert(name, "%s") for name in INSERTS}
        casts = {
            "seq": "bigint",
            "started_at": "timestamptz",
            "resumed_at": "timestamptz",
            "finished_at": "timestamptz",
        }
        assignments = ", ".join(f"{name} = v.{name}::{casts.get(name, 'text')}" for name in RUN_COLUMNS)
        self.update_runs = (
            f"UPDATE engine_run r SET {assignments} FROM (VALUES %s) "  # noqa: S608 - names from this module
            f"AS v ({', '.join(RUN_COLUMNS)}, id, old) WHERE r.id = v.id::bigint AND r.seq = v.old::bigint"
        )
        # Several hosts read the heartbeat, so its time comes from the database's clock.
        self.beat = BEAT.format(now="clock_timestamp()", mark="%s")
        self.fence = FENCE.format(mark="%s") + " FOR UPDATE"

    def write(self, rows: Rows | None, epoch: int, now_us: int, beat: bool, *, rehearse: bool = False) -> None:
        now = self.times(now_us)
        # Three round trips, because two row counts decide whether to go on. Each costs more than its statements.
        with self.db.cursor() as cursor:
            try:
                if beat:
                    cursor.execute("BEGIN;" + self.beat, (epoch,))
                else:
                    cursor.execute("BEGIN;" + self.fence, (epoch,))
                if cursor.rowcount != 1:
                    raise LostLeadership(epoch)
                if rows is not None and (runs := rows.indexed_runs + rows.unindexed_runs):
                    cursor.execute(_values(cursor, self.update_runs, runs))
                    if cursor.rowcount != len(runs):
                        raise Diverged
                rest = [] if rows is None else self._rest(cursor, rows, now)
                cursor.execute(b";".join([*rest, b"ROLLBACK" if rehearse else b"COMMIT"]))
            except BaseException:
                if not self.db.closed:
                    cursor.execute("ROLLBACK")
                raise

    def _rest(self, cursor: Any, rows: Rows, now: str | None) -> list[bytes]:
        statements = []
        if rows.claims:
            statement = (
                "UPDATE engine_noderun n SET claim = v.claim FROM (VALUES %s) AS v (claim, run_id, node) "
                "WHERE n.run_id = v.run_id AND n.node = v.node AND n.item = -1"
            )
            statements.append(_values(cursor, statement, rows.claims))
        for name in INSERTS:
            given = getattr(rows, name)
            if given:
                statements.append(_values(cursor, self.inserts[name], given))
        if rows.dispatches:
            statement = (
                "INSERT INTO engine_dispatch (claim, queue, protocol, work, envelope, sent_at) "
                "SELECT v.*, clock_timestamp() FROM (VALUES %s) AS v ON CONFLICT (claim) DO NOTHING"
            )
            statements.append(_values(cursor, statement, rows.dispatches))
        if rows.closed:
            statement = "DELETE FROM engine_dispatch WHERE claim = ANY(%s)"
            statements.append(bytes(cursor.mogrify(statement, (list(rows.closed),))))
        if rows.read_batches:
            statement = "DELETE FROM engine_hostreport WHERE id = ANY(%s)"
            statements.append(bytes(cursor.mogrify(statement, (list(rows.read_batches),))))
        if rows.pending_actions:
            statement = (
                "UPDATE engine_noderun n SET wish = v.wish FROM (VALUES %s) AS v (wish, run_id, node) "
                "WHERE n.run_id = v.run_id AND n.node = v.node AND n.item = -1"
            )
            statements.append(_values(cursor, statement, rows.pending_actions))
        thin = tables.thin_stacks("%s")
        statements.extend(bytes(cursor.mogrify(thin, (*key, *key, *key))) for key in rows.crowded_attempts)
        if rows.pools:
            statement = (
                "UPDATE engine_pool p SET acquired = p.acquired + v.acquired, released = p.released + v.released, "
                "longest_wait = GREATEST(p.longest_wait, v.longest) "
                "FROM (VALUES %s) AS v (acquired, released, longest, name) WHERE p.name = v.name"
            )
            statements.append(_values(cursor, statement, rows.pools))
        if rows.commands:
            statement = (
                "UPDATE engine_command c SET outcome = v.outcome, done_at = v.done_at::timestamptz "
                "FROM (VALUES %s) AS v (outcome, done_at, id) WHERE c.id = v.id"
            )
            done = [(outcome, now, command) for outcome, command in rows.commands]
            statements.append(_values(cursor, statement, done))
        return statements


def _values(cursor: Any, statement: str, given: Sequence[tuple[Any, ...]]) -> bytes:
    """Return `statement` with all rows in place of its %s, as text for the server."""
    row = f"({', '.join(['%s'] * len(given[0]))})"
    head, tail = statement.split("%s")
    rows = cursor.mogrify(", ".join([row] * len(given)), [value for values in given for value in values])
    return head.encode() + bytes(rows) + tail.encode()
