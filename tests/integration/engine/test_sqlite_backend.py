"""How transactions wait for SQLite's write lock."""

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
    """A connection that holds the lock."""
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    yield db
    db.close()


def begin(other: base.DatabaseWrapper) -> None:
    other.ensure_connection()
    other._start_transaction_under_autocommit()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_begins_when_the_lock_is_released(file, holder, monkeypatch):
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(base, "sleep", wait)
    other = wrapper(file, 20)
    thread = threading.Thread(target=begin, args=(other,))
    thread.start()
    wait_until(lambda: len(waits) > 3)
    holder.execute("COMMIT")
    thread.join(20)
    assert not thread.is_alive()
    # It never sleeps longer than the gap that a busy scheduler leaves.
    assert set(waits) == {write_queue.POLL_SECONDS}
    other.connection.execute("INSERT INTO t VALUES (1)")
    other.connection.execute("COMMIT")
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_waits_too_long_fails_and_the_next_one_waits_as_long(file, holder):
    other = wrapper(file, 0.05)
    with pytest.raises(OperationalError, match="locked"):
        begin(other)
    assert other.connection.execute("PRAGMA busy_timeout").fetchone() == (50,)
    assert write_queue.write_queue_of(str(file)).is_free
    holder.execute("COMMIT")
    begin(other)
    other.connection.execute("ROLLBACK")
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_waited_leaves_no_cursor_to_the_garbage_collector(file, holder):
    """Any thread may run the collector, also while another closes its connection."""
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
def test_the_products_own_connection_uses_this_backend():
    assert isinstance(connections[DEFAULT_DB_ALIAS], base.DatabaseWrapper)
    with transaction.atomic():
        assert write_queue.write_queue_of(str(connection.settings_dict["NAME"])).is_free


def cursors() -> set[int]:
    return {id(one) for one in gc.get_objects() if type(one) is SQLiteCursorWrapper}


class OtherProcess(threading.Thread):
    """Has the turn like another process would: locks are between open files."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.queue = write_queue.WriteQueue(str(folder))
        self.has_turn, self.release = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self.queue.turn(20):
            self.has_turn.set()
            self.release.wait(20)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_does_not_begin_before_one_that_waits(file, monkeypatch):
    other = OtherProcess(file.parent)
    assert other.has_turn.wait(20)
    is_waiting = threading.Event()

    def wait(seconds: float) -> None:
        is_waiting.set()
        time.sleep(seconds)

    monkeypatch.setattr(write_queue, "sleep", wait)
    mine = wrapper(file, 20)
    thread = threading.Thread(target=begin, args=(mine,))
    thread.start()
    # SQLite's lock is free all the time.
    assert is_waiting.wait(20)
    assert not mine.connection.in_transaction
    other.release.set()
    thread.join(20)
    assert mine.connection.in_transaction
    other.join()
    # It has the lock but not the turn, which the next one takes.
    assert write_queue.write_queue_of(str(file)).is_free
    mine.connection.execute("ROLLBACK")
    mine.close()


@pytest.mark.django_db(transaction=True)
def test_a_tick_lets_waiting_transactions_begin_but_does_not_wait_for_a_stopped_process(file, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(write_queue, "sleep", waits.append)
    now = iter(range(1000))
    monkeypatch.setattr(write_queue, "monotonic", lambda: next(now) * TURN_SECONDS / 10)
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript("CREATE TABLE engine_leader (id INTEGER, epoch INTEGER, beat_at TEXT);"
                     "INSERT INTO engine_leader VALUES (1, 1, NULL)")  # fmt: skip
    tick = SQLite(db, write_queue.WriteQueue(str(file.parent)))
    tick.write(None, 1, 0, True)
    assert waits == []
    # A process that was stopped while it has the turn.
    other = OtherProcess(file.parent)
    assert other.has_turn.wait(20)
    tick.write(None, 1, 0, True)
    assert 0 < len(waits) <= 10
    other.release.set()
    other.join()
    db.close()


def test_transactions_begin_where_folders_cannot_be_locked(tmp_path):
    with write_queue.WriteQueue(str(tmp_path / "gone")).turn(0):
        pass
