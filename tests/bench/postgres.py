"""Databases on a PostgreSQL server for measurements, and a long history in one."""

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, cursor
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from tests.bench.long_history import EVEN, OF_A_RUN, TIMES, Distribution, spread
from tests.bench.parts import Missing

AT_ONCE = 20_000
"""Runs that are copied in one transaction."""


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """Create a database, yield its URL, and drop it at the end. Raises Missing."""
    name = f"interlock_bench_{secrets.token_hex(4)}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _connect(server: str) -> Connection:
    try:
        return psycopg2.connect(server)
    except psycopg2.OperationalError as error:
        raise Missing(f"--database cannot be reached: {str(error).strip().splitlines()[0]}") from None


def _execute(server: str, statement: str) -> None:
    with contextlib.closing(_connect(server)) as connection:
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        try:
            with connection.cursor() as using:
                using.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            raise Missing("The user of --database may not create databases: ALTER ROLE ... CREATEDB.") from None


@contextlib.contextmanager
def kept_database(server: str, name: str) -> Iterator[tuple[str, bool]]:
    """Yield the URL of a database that is kept, and whether it was created now.

    A created one is dropped if the block fails. Raises Missing.
    """
    with contextlib.closing(_connect(server)) as connection, connection.cursor() as using:
        using.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        exists = using.fetchone() is not None
    if not exists:
        _execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}")), not exists
    except BaseException:
        if not exists:
            _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')
        raise


def multiply(url: str, copies: Sequence[tuple[int, int]], distribution: Distribution = EVEN) -> dict[str, float]:
    """Like `long_history.multiply`, on PostgreSQL without other clients. Return the numbers of rows."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as using:
        # A crash only ends the measurement.
        using.execute("SET synchronous_commit = off")
        for _ in copy_runs(using, copies, distribution):
            connection.commit()
        # As the server itself does after a while.
        connection.autocommit = True
        for name in ("run", *OF_A_RUN):
            using.execute(f"VACUUM (ANALYZE) engine_{name}")
    return counts(url)


def copy_runs(using: cursor, copies: Sequence[tuple[int, int]], distribution: Distribution) -> Iterator[None]:
    """Copy AT_ONCE runs at a time. The caller may commit after each yield."""
    using.execute("SELECT max(id) + 1 FROM engine_run")
    (first,) = using.fetchone() or (1,)
    using.execute("CREATE TEMP TABLE copy (id bigint PRIMARY KEY, source bigint, later interval, who text)")
    rows = [(first + n, run, f"-{ago} seconds", who) for n, run, ago, who in spread(copies, distribution)]
    execute_values(using, "INSERT INTO copy VALUES %s", rows, page_size=1000)
    using.execute("ANALYZE copy")
    for start in range(first, first + len(rows), AT_ONCE):
        _copy(using, "run", "id", key="id", start=start)
        for name in OF_A_RUN:
            _copy(using, name, "run_id", key="run_id", start=start)
        yield
    using.execute("DROP TABLE copy")
    using.execute("SELECT setval(pg_get_serial_sequence('engine_run', 'id'), (SELECT max(id) FROM engine_run))")
    yield


def counts(url: str) -> dict[str, float]:
    """Return the number of rows of each kind, and megabytes."""
    found = {}
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as using:
        for name in ("run", *OF_A_RUN):
            using.execute(f"SELECT count(*) FROM engine_{name}")
            found[f"{name}s"] = float((using.fetchone() or (0,))[0])
        using.execute("SELECT pg_database_size(current_database())")
        return {**found, "database_mb": (using.fetchone() or (0,))[0] / 1e6}


def _copy(using: cursor, name: str, ours: str, *, key: str, start: int) -> None:
    """Insert the rows of the sources again for the copies."""
    using.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = current_schema()",
        [f"engine_{name}"],
    )
    wanted = [column for (column,) in using.fetchall() if column != "id" or key == "id"]
    values = [
        "c.id"
        if column == key
        else f"t.{column} + c.later"
        if column in TIMES
        else "coalesce(c.who, t.created_by)"
        if column == "created_by"
        else f't."{column}"'
        for column in wanted
    ]
    names = ", ".join(f'"{column}"' for column in wanted)
    using.execute(
        f"INSERT INTO engine_{name} ({names}) SELECT {', '.join(values)} "
        f"FROM copy c JOIN engine_{name} t ON t.{ours} = c.source "
        f"WHERE c.id >= {start} AND c.id < {start + AT_ONCE} ORDER BY c.id, t.id"
    )
