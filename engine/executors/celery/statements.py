"""Runs statements on the scheduler's database connection."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def fetch(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute a statement and return its rows. Raises Django's database errors."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
