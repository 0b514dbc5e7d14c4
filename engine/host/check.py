"""Checks whether a worker can use the database that DATABASE_URL names.

`engine.database.schema` checks the same for the other processes; this module loads no Django.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2

from engine.database import postgres

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"


def find_problem(url: str) -> str | None:
    """Return for people why the database cannot be used; None if it can. Waits a few seconds at most."""
    parts = urlsplit(url)
    where = f"The database {unquote(parts.path.strip('/'))} on {parts.hostname or 'localhost'}:{parts.port or 5432}"
    try:
        connection = psycopg2.connect(url, connect_timeout=5, application_name="interlock-worker")
        with contextlib.closing(connection):
            return _schema_problem(where, connection)
    except psycopg2.Error as error:
        return f"{where} cannot be reached: {postgres.first_line(error)}. {postgres.advice(error)}"


def _schema_problem(where: str, connection: Any) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return _not_set_up(where)
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'engine'")
        applied = [name for (name,) in cursor.fetchall()]
    if not applied:
        return _not_set_up(where)
    return _release_problem(where, applied)


def _not_set_up(where: str) -> str:
    return f"{where} has no Interlock tables. Correct DATABASE_URL, or run `interlock migrate` once for all hosts."


def _release_problem(where: str, applied: Sequence[str]) -> str | None:
    migrations = {file.stem for file in MIGRATIONS.glob("[0-9]*.py")}
    if not migrations <= set(applied):
        return f"{where} is not up to date. Run `interlock migrate` once for all hosts."
    for name in sorted(set(applied) - migrations):
        if not postgres.EXPANDING_NAME.match(name):
            return (
                f"{where} was written by a newer Interlock (it has engine.{name}). Start the workers of that release, "
                "or correct DATABASE_URL."
            )
    return None
