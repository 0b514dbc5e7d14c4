"""SQLite's write-ahead log is cut when nothing runs, and nobody waits for it."""

import sqlite3
import time
from pathlib import Path

import pytest
from django.db import connection

from engine.scheduler.wal import IDLE_BYTES, WriteAheadLog

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's log")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite3"


def opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    return db


def grow(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA wal_autocheckpoint=0")
    db.execute("CREATE TABLE IF NOT EXISTS t (x BLOB)")
    db.execute("INSERT INTO t VALUES (zeroblob(?))", (3 * IDLE_BYTES,))


def test_a_large_log_is_cut_while_nothing_runs(path):
    db = opened(path)
    log = WriteAheadLog(db, str(path), "3.53.4")
    grow(db)
    assert not log.checkpoint(idle=False)
    assert log.checkpoint(idle=True)
    assert Path(log.path).stat().st_size == 0
    assert not log.checkpoint(idle=True)
    db.close()


def test_a_checkpoint_does_not_wait_for_a_reader(path):
    db, reader = opened(path), opened(path)
    grow(db)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM t").fetchall()
    grow(db)
    begun = time.monotonic()
    log = WriteAheadLog(db, str(path), "3.53.4")
    log.checkpoint(idle=True)
    # Whoever waited would wait for a minute.
    assert time.monotonic() - begun < 30
    reader.execute("COMMIT")
    log.checkpoint(idle=True)
    assert Path(log.path).stat().st_size == 0
    db.close()
    reader.close()


def test_with_an_sqlite_that_must_not_checkpoint_itself_the_log_is_cut_sooner(path):
    db = opened(path)
    log = WriteAheadLog(db, str(path), "3.46.1")
    for _ in range(3):
        grow(db)
    assert log.checkpoint(idle=False)
    db.close()
