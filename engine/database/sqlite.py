"""Chooses the SQLite library before Django loads it.

SQLite before 3.51.3 (backported: 3.50.7, 3.44.6) can corrupt a WAL database when one connection commits while
another checkpoints, and the standard library of common systems carries such a version. The `pysqlite3` wheel
brings its own, newer one.
"""

from __future__ import annotations

import sqlite3
import sys

FIXED = (3, 51, 3)


def is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix for the WAL-reset bug."""
    return version >= FIXED or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def use_safe_sqlite() -> str:
    """Put `pysqlite3` in the place of `sqlite3` where the standard one is unsafe; the version now in use.

    Where there is no wheel the old one stays, and checkpoints are then made only by the scheduler (see
    `engine.db.connection_options`).
    """
    if not is_safe(sqlite3.sqlite_version_info):
        try:
            import pysqlite3
            from pysqlite3 import dbapi2
        except ImportError:
            return sqlite3.sqlite_version
        sys.modules["sqlite3"] = pysqlite3
        sys.modules["sqlite3.dbapi2"] = dbapi2
        return str(dbapi2.sqlite_version)
    return sqlite3.sqlite_version


def pragmas(version: str) -> str:
    """Pragmas of every connection, as one script."""
    # Pages that many ticks change are copied back once: at 1000 pages checkpoints took an eighth of a wide run's time.
    auto = 4000 if is_safe(tuple(int(part) for part in version.split("."))) else 0  # type: ignore[arg-type]
    return (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0;"
        f"PRAGMA wal_autocheckpoint={auto}; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384;"
    )
