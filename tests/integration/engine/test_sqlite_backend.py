"""How a transaction waits for SQLite's lock."""

from __future__ import annotations

import gc
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.utils import OperationalError

from engine.database.sqlite_backend import base, write_queue
from engine.scheduler.dialects import TURN_SECONDS, SQLite
from tests.support.wait import wait_until

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no such lock")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.sqlite3"
    with sqlite3.connect(path) as db:
        db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (n INTEGER)")
    db.close()
    return path


def wrapper(path: Path, seconds: float) -> base.DatabaseWrapper:
    found = connection.copy().settings_dict
    settings = {**found, "NAME": str(path), "OPTIONS": {**found["OPTIONS"], "timeout": seconds}}
    made = base.DatabaseWrapper(settings, "other")
    made.inc_thread_sharing()
    return made


@pytest.fixture
def holder(file: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else, who holds the lock."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    yield db
    db.close()


def begin(other: base.DatabaseWrapper) -> None:
    other.ensure_connection()
    other._start_transaction_under_autocommit()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_begins_when_the_lock_is_let_go(file, holder, monkeypatch):
    looks: list[float] = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(base, "sleep", look)
    other = wrapper(file, 20)
    thread = threading.Thread(target=begin, args=(other,))
    thread.start()
    wait_until(lambda: len(looks) > 3)
    holder.execute("COMMIT")
    thread.join(20)
    assert not thread.is_alive()
    # It never slept longer than the gap that a busy scheduler leaves.
    assert set(looks) == {write_queue.LOOK_SECONDS}
    other.connection.execute("INSERT INTO t VALUES (1)")
    other.connection.execute("COMMIT")
    other.close()


@pytest.mark.django_db(transaction=True)
def test_one_that_waits_too_long_says_so_and_waits_as_long_the_next_time(file, holder):
    other = wrapper(file, 0.05)
    with pytest.raises(OperationalError, match="locked"):
        begin(other)
    assert other.connection.execute("PRAGMA busy_timeout").fetchone() == (50,)
    assert write_queue.turn_at(str(file)).free
    holder.execute("COMMIT")
    begin(other)
    other.connection.execute("ROLLBACK")
    other.close()


@pytest.mark.django_db(transaction=True)
def test_one_that_waits_leaves_no_cursor_to_the_collector(file, holder):
    """Which any thread may call, also while this one closes its connection."""
    other = wrapper(file, 0.05)
    gc.disable()
    before = cursors()
    try:
        with pytest.raises(OperationalError, match="locked"):
            begin(other)
        assert cursors() <= before
    finally:
        gc.enable()
    other.close()


@pytest.mark.django_db(transaction=True)
def test_the_products_own_connection_is_one_of_these():
    assert isinstance(connections[DEFAULT_DB_ALIAS], base.DatabaseWrapper)
    with transaction.atomic():
        assert write_queue.turn_at(str(connection.settings_dict["NAME"])).free


def cursors() -> set[int]:
    return {id(one) for one in gc.get_objects() if type(one) is SQLiteCursorWrapper}


class Folder(threading.Thread):
    """Another process, as far as turns go: locks are between open files."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.turn = write_queue.Turn(str(folder))
        self.has_it, self.let_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self.turn.taken(20):
            self.has_it.set()
            self.let_go.wait(20)


@pytest.mark.django_db(transaction=True)
def test_nobody_begins_before_one_who_has_waited(file, monkeypatch):
    other = Folder(file.parent)
    assert other.has_it.wait(20)
    waits = threading.Event()

    def look(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    monkeypatch.setattr(write_queue, "sleep", look)
    mine = wrapper(file, 20)
    thread = threading.Thread(target=begin, args=(mine,))
    thread.start()
    # SQLite's lock is free all the time.
    assert waits.wait(20)
    assert not mine.connection.in_transaction
    other.let_go.set()
    thread.join(20)
    assert mine.connection.in_transaction
    other.join()
    # It holds the lock, and no turn: who comes next takes that.
    assert write_queue.turn_at(str(file)).free
    mine.connection.execute("ROLLBACK")
    mine.close()


@pytest.mark.django_db(transaction=True)
def test_a_tick_lets_the_one_who_waits_begin_but_waits_for_nobody_who_does_not(file, monkeypatch):
    looks: list[float] = []
    monkeypatch.setattr(write_queue, "sleep", looks.append)
    now = iter(range(1000))
    monkeypatch.setattr(write_queue, "monotonic", lambda: next(now) * TURN_SECONDS / 10)
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript("CREATE TABLE engine_leader (id INTEGER, epoch INTEGER, beat_at TEXT);"
                     "INSERT INTO engine_leader VALUES (1, 1, NULL)")  # fmt: skip
    tick = SQLite(db, write_queue.Turn(str(file.parent)))
    tick.write(None, 1, 0, True)
    assert looks == []
    # A process that has the turn and stands still.
    other = Folder(file.parent)
    assert other.has_it.wait(20)
    tick.write(None, 1, 0, True)
    assert 0 < len(looks) <= 10
    other.let_go.set()
    other.join()
    db.close()


def test_where_folders_cannot_be_locked_transactions_begin_all_the_same(tmp_path):
    with write_queue.Turn(str(tmp_path / "gone")).taken(0):
        pass
