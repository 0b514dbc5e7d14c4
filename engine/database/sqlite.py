"""Chooses the SQLite library before Django loads it.

SQLite before 3.51.3 (fixed also in 3.50.7 and 3.44.6) can corrupt a WAL database when one connection commits while
another checkpoints, and common systems have such a version. The `pysqlite3` wheel brings a newer one.
"""

import sqlite3
import sys

FIXED_VERSION = (3, 51, 3)


def is_safe(version: tuple[int, int, int]) -> bool:
    """Return whether this version has the fix for the WAL-reset bug."""
    return version >= FIXED_VERSION or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def use_safe_sqlite() -> str:
    """Replace `sqlite3` by `pysqlite3` if it is unsafe; return the version in use.

    Without the wheel the unsafe version stays, and only the scheduler makes checkpoints (see `pragmas`).
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
    """Return the pragmas of every connection, as one script."""
    # SQLite's default is 1000 pages: then checkpoints took an eighth of a wide run's time. With rarer ones, a page that
    # many ticks change is copied back once.
    auto = 4000 if is_safe(tuple(int(part) for part in version.split("."))) else 0  # type: ignore[arg-type]
    return (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0;"
        f"PRAGMA wal_autocheckpoint={auto}; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384;"
    )
