"""A PostgreSQL server, where there is one: PGHOST, PGPORT, PGUSER and PGPASSWORD say how to reach it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT


def url(database: str = "postgres") -> str:
    user, password = os.environ.get("PGUSER", "postgres"), os.environ.get("PGPASSWORD", "")
    host, port = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
    return f"postgresql://{quote(user)}:{quote(password)}@{host}:{port}/{database}"


def _do(statement: str) -> None:
    connection = psycopg2.connect(url())
    try:
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@contextlib.contextmanager
def database() -> Iterator[str]:
    """The URL of a new, empty database that is dropped at the end."""
    name = f"interlock_test_{secrets.token_hex(6)}"
    _do(f"create database {name}")
    try:
        yield url(name)
    finally:
        _do(f"drop database {name} with (force)")
