"""Database reads of the live layer: on a few threads of its own, each with one lasting connection.

Django's `sync_to_async` has one thread for all: a slow query would hold every socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

THREADS = 3

P = ParamSpec("P")
T = TypeVar("T")

threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="live-database")


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` on one of the threads; what it raises comes back."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, partial(_call, partial(function, *args, **kwargs)))


def _call(function: Callable[[], T]) -> T:
    # These threads know no requests, after which Django would look at its connection.
    close_old_connections()
    try:
        return function()
    except (OperationalError, InterfaceError):
        connection.close()
        raise


@contextmanager
def one_moment() -> Iterator[None]:
    """All reads inside see the database at one moment, and no writer waits for them.

    `atomic()` would not do: on SQLite it takes the write lock (transaction_mode IMMEDIATE), and on PostgreSQL each
    statement sees a newer state.
    """
    if connection.in_atomic_block:
        yield
        return
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else "BEGIN DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(begin)
    try:
        yield
    finally:
        try:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
        except DatabaseError:
            # Whatever state it is in, the next reader gets a new one.
            connection.close()
