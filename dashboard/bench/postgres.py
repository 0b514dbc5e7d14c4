"""Databases of a measurement's own on a PostgreSQL server, and a long history in one."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, cursor
from psycopg2.extras import execute_values

from dashboard.bench.past import OF_A_RUN, TIMES, spread
from engine.bench.parts import Missing


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """The address of a new database that is dropped at the end. Raises Missing."""
    name = f"interlock_bench_{secrets.token_hex(4)}"
    _do(server, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _do(server, f"DROP DATABASE {name} WITH (FORCE)")


def _do(server: str, statement: str) -> None:
    try:
        connection = psycopg2.connect(server)
    except psycopg2.OperationalError as error:
        raise Missing(f"--database cannot be reached: {str(error).strip().splitlines()[0]}") from None
    with contextlib.closing(connection):
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        try:
            with connection.cursor() as using:
                using.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            raise Missing("The user of --database may not create databases: ALTER ROLE ... CREATEDB.") from None


def multiply(url: str, copies: Sequence[tuple[int, int]]) -> dict[str, float]:
    """As `past.multiply`, on PostgreSQL; what there is then. Nobody else may be there."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as using:
        # A crash costs the measurement, no more.
        using.execute("SET synchronous_commit = off")
        using.execute("SELECT max(id) + 1 FROM engine_run")
        (first,) = using.fetchone() or (1,)
        using.execute("CREATE TEMP TABLE copy (id bigint PRIMARY KEY, source bigint, later interval)")
        rows = [(first + n, run, f"-{ago} seconds") for n, run, ago in spread(copies)]
        execute_values(using, "INSERT INTO copy VALUES %s", rows)
        using.execute("ANALYZE copy")
        _copy(using, "run", "id", key="id")
        for name in OF_A_RUN:
            _copy(using, name, "run_id", key="run_id")
        using.execute("SELECT setval(pg_get_serial_sequence('engine_run', 'id'), (SELECT max(id) FROM engine_run))")
        connection.commit()
        counts = {}
        for name in ("run", "noderun", "attempt", "eventbatch", "logbatch"):
            using.execute(f"ANALYZE engine_{name}")
            using.execute(f"SELECT count(*) FROM engine_{name}")  # noqa: S608 - from the list above
            counts[f"{name}s"] = float((using.fetchone() or (0,))[0])
        using.execute("SELECT pg_database_size(current_database())")
        return {**counts, "database_mb": (using.fetchone() or (0,))[0] / 1e6}


def _copy(using: cursor, name: str, ours: str, *, key: str) -> None:
    """Insert the rows of the sources again, for the copies."""
    using.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = current_schema()",
        [f"engine_{name}"],
    )
    wanted = [column for (column,) in using.fetchall() if column != "id" or key == "id"]
    values = [
        "c.id" if column == key else f"t.{column} + c.later" if column in TIMES else f't."{column}"'
        for column in wanted
    ]
    names = ", ".join(f'"{column}"' for column in wanted)
    using.execute(
        f"INSERT INTO engine_{name} ({names}) SELECT {', '.join(values)} "  # noqa: S608 - from the schema
        f"FROM copy c JOIN engine_{name} t ON t.{ours} = c.source ORDER BY c.id, t.id"
    )
