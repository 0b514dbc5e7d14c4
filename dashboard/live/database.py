"""Database reads of the live layer, on a few threads with one persistent connection each.

Django's `sync_to_async` uses one thread for all calls: a slow query would block every socket.
"""

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
    """Call `function` on one of the threads and return its result; its exceptions are raised here."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, partial(on_own_connection, function, *args, **kwargs))


def on_own_connection(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` outside a request, before and after which Django would check this thread's connection."""
    close_old_connections()
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connection.close()
        raise


@contextmanager
def consistent_read() -> Iterator[None]:
    """Let all reads inside see the same state of the database, without blocking writers.

    `atomic()` does not do this: on SQLite it takes the write lock (transaction_mode IMMEDIATE), and on PostgreSQL each
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
            # Its state is unknown: let the next reader open a new connection.
            connection.close()
