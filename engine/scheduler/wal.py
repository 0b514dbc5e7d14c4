"""Keeps SQLite's write-ahead log short.

A reader that stays open would let the log grow without limit. So would a version of SQLite in which automatic
checkpoints are turned off because they are unsafe. Only the scheduler truncates the log, between ticks and without
waiting for readers.
"""

import os
from typing import Any

from django.db import connection

from engine.database import sqlite

BUSY_MS = 20
IDLE_BYTES = 1 << 20
"""While nothing runs, a log larger than this is truncated."""
LOADED_BYTES = 64 << 20
"""Under load, a log larger than this is truncated: automatic checkpoints have not kept it smaller."""
UNSAFE_BYTES = 8 << 20
"""The same for a version of SQLite in which automatic checkpoints are turned off."""


class WriteAheadLog:
    """The log of one database file."""

    def __init__(self, raw: Any, path: str, version: str) -> None:
        self.db = raw
        self.path = path + "-wal"
        safe = sqlite.is_safe(tuple(int(part) for part in version.split(".")))  # type: ignore[arg-type]
        self.loaded_bytes = LOADED_BYTES if safe else UNSAFE_BYTES

    def checkpoint(self, idle: bool) -> bool:
        """Truncate the log if it is too large; return whether that was tried. Raises database errors."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            return False
        if size <= (IDLE_BYTES if idle else self.loaded_bytes):
            return False
        # While readers or writers use the log, the checkpoint gives up soon and is tried again a second later.
        self.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        try:
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self.db.execute(f"PRAGMA busy_timeout = {connection.settings_dict['OPTIONS'].get('timeout', 5) * 1000}")
        return True


def of_connection() -> WriteAheadLog | None:
    """Return the log of Django's connection in this thread; None on other databases."""
    if connection.vendor != "sqlite":
        return None
    version = connection.connection.execute("SELECT sqlite_version()").fetchone()[0]
    return WriteAheadLog(connection.connection, str(connection.settings_dict["NAME"]), version)
