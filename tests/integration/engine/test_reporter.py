"""A host's reports are written once and in order, even if statements fail; on a PostgreSQL server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import DiskFull

from engine.config import from_environment
from engine.database.heartbeat import LEASE_SECONDS
from engine.executors import wire
from engine.executors.base import Lines, Progress, Report, Started
from engine.host import overdue, reporter, unconfirmed
from engine.host.lease import HostLease
from engine.host.outbox import BATCH_CHARACTERS
from engine.host.reporter import UNREAD_BATCHES_MAX, HostReporter
from engine.host.store import HostStore
from tests.integration.engine.test_host_store import dispatch
from tests.integration.engine.test_host_store import url as url
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres


class BreakingStore(HostStore):
    """A store whose writes fail as listed in `failures`: before or after the statement, or because the disk is full."""

    failures: list[str]

    def write_batch(self, host: int, number: int, body: str) -> bool:
        how = self.failures.pop(0) if self.failures else ""
        if how == "before":
            raise psycopg2.OperationalError("the connection is gone")
        if how == "full":
            raise DiskFull("no space left on device")
        is_written = super().write_batch(host, number, body)
        if how == "after":
            self.on_failure()
            raise psycopg2.OperationalError("the connection is gone")
        return is_written

    def on_failure(self) -> None: ...


class Host:
    """What a reporter knows of its host. Calls are made at once."""

    def __init__(self, url: str, home: Any) -> None:
        config = from_environment(
            {"INTERLOCK_HOME": str(home), "REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": url}
        )
        self.name, self.queues, self.capacity = "one", ["default"], 2
        self.claims: set[str] = set()
        self.load: dict[str, Any] = {}
        self.has_room = threading.Event()
        self.drain_reason = ""
        self.ended_registrations = 0
        self.reporter = HostReporter(self, config, HostLease(SimpleNamespace(until=lambda at: None)), {})  # type: ignore[arg-type]

    def call_soon(self, action: Callable[[], None]) -> None:
        action()

    def take_from(self, store: HostStore, claims: Any) -> int:
        return 0

    def apply_requests(self, requests: Any, claims: Any) -> None: ...

    def set_drain_reason(self, reason: str) -> None: ...

    def return_unknown_claims(self, claims: Any) -> None: ...

    def end_registration(self, host_id: int) -> None:
        assert host_id == self.reporter.host_id
        self.ended_registrations += 1
        self.reporter.end_registration()


@pytest.fixture
def made(url: str, tmp_path: Any) -> Iterator[SimpleNamespace]:
    other = HostStore(url)
    other._fetch("TRUNCATE engine_host, engine_dispatch, engine_hostreport; SELECT 1", ())
    host = Host(url, tmp_path)
    store = host.reporter._store = BreakingStore(url)
    store.failures = []
    host.reporter.register()
    yield SimpleNamespace(host=host, reporter=host.reporter, store=store, other=other)
    host.reporter.close()
    other.close()


def written(made: SimpleNamespace) -> list[Report]:
    rows = made.other._fetch("SELECT body FROM engine_hostreport ORDER BY id", ())
    return [report for (body,) in rows for report in wire.read_reports(body)]


def report(number: int) -> Report:
    if number % 3:
        return Progress(f"c{number}", None, None, float(number))
    return Started(f"c{number}", 1, "1", "one/1", float(number))


@pytest.mark.parametrize("failures", [[], ["before"], ["after"], ["after", "before", "after"], ["before", "", "after"]])
def test_reports_are_written_once_and_in_order_with_those_that_arrive_meanwhile(
    made: SimpleNamespace, failures: list[str]
) -> None:
    made.store.failures = list(failures)
    later = iter(range(3, 100))

    def on_failure() -> None:
        # They wait behind those of which it is unknown whether they were written.
        made.reporter.report([report(next(later)), report(next(later))])

    made.store.on_failure = on_failure
    made.reporter.report([report(0), report(1), report(2)])
    wait_until(lambda: made.reporter.outbox.is_empty)
    on_failure()
    wait_until(lambda: made.reporter.outbox.is_empty)
    assert written(made) == [report(number) for number in range(next(later))]


def test_starts_that_were_not_written_are_stored_with_the_registration_that_ended(made: SimpleNamespace) -> None:
    made.store.failures = ["before"] * 1000
    before = made.reporter.host_id
    made.reporter.report([report(0), report(1)])
    made.host.end_registration(before)
    wait_until(lambda: made.reporter.host_id not in (0, before))
    ((begun,),) = made.other._fetch("SELECT begun FROM engine_host WHERE id = %s", (before,))
    assert list(json.loads(begun)) == ["c0"]


def test_the_end_of_a_registration_ends_all_attempts_and_their_reports(made: SimpleNamespace) -> None:
    before = made.reporter.host_id

    def write_batch(host: int, number: int, body: str) -> bool:
        if host == before:
            # Not sooner: a heartbeat would find the end, and the report would be written in the next registration.
            made.other.set_state(before, "gone")
        return BreakingStore.write_batch(made.store, host, number, body)

    made.store.write_batch = write_batch
    made.reporter.report([report(0)])
    wait_until(lambda: made.reporter.host_id not in (0, before))
    assert made.host.ended_registrations == 1
    made.reporter.report([report(3)])
    wait_until(lambda: written(made) == [report(3)])
    assert made.other._fetch("SELECT state FROM engine_host ORDER BY id", ()) == [("gone",), ("active",)]


@pytest.fixture
def no_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first heartbeat: another would find out before the connection breaks, as it does in a crash."""
    monkeypatch.setattr(reporter, "BEAT_SECONDS", 3600.0)


def undo(made: SimpleNamespace, batches: int) -> None:
    """Undo what a crash of the database may undo, with so many batches."""
    made.other._fetch("UPDATE engine_dispatch SET host_id = NULL RETURNING 1", ())
    made.other._fetch("UPDATE engine_host SET told = told - %s RETURNING 1", (batches,))
    last = "SELECT id FROM engine_hostreport ORDER BY id DESC LIMIT %s"
    made.other._fetch(f"DELETE FROM engine_hostreport WHERE id IN ({last}) RETURNING 1", (batches,))


def write(made: SimpleNamespace, number: int) -> None:
    """Write a batch of one report."""
    made.reporter.report([Started(f"c{number}", 1, "1", "one/1", float(number))])
    wait_until(lambda: made.reporter.outbox.is_empty)


@pytest.mark.usefixtures("no_heartbeats")
@pytest.mark.parametrize("batches", [0, 1, 3])
def test_what_the_database_loses_in_a_crash_is_taken_and_written_again(made: SimpleNamespace, batches: int) -> None:
    claims = [f"c{number}" for number in range(5)]
    dispatch(made.other, *claims)
    made.other.take(made.reporter.host_id, claims)
    made.host.claims.update(claims)
    for number in range(4):
        write(made, number)
    before = written(made)
    undo(made, batches)
    made.store.failures = ["before"]
    write(made, 4)
    assert written(made)[:-1] == before
    assert sorted(made.other.requests(made.reporter.host_id)) == claims
    assert not made.host.ended_registrations


@pytest.mark.usefixtures("no_heartbeats")
def test_nothing_is_reported_again_of_work_that_another_host_took_meanwhile(made: SimpleNamespace) -> None:
    dispatch(made.other, "c0", "c1")
    made.other.take(made.reporter.host_id, ["c0", "c1"])
    for number in range(2):
        write(made, number)
    undo(made, 2)
    another = made.other.register("two", ["default"], 2, {})
    made.other.take(another, ["c0"])
    made.store.failures = ["before"]
    write(made, 9)
    assert [one.claim for one in written(made)] == ["c1", "c9"]  # type: ignore[union-attr]


def test_a_registration_ends_when_more_was_lost_than_it_can_write_again(
    made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unconfirmed, "BYTES_MAX", 0)
    before = made.reporter.host_id
    write(made, 0)
    undo(made, 1)
    made.store.failures = ["before"]
    made.reporter.report([report(3)])
    wait_until(lambda: made.reporter.host_id not in (0, before))
    assert made.host.ended_registrations == 1


def test_the_lease_is_renewed_each_second(made: SimpleNamespace) -> None:
    beat = "SELECT beat_at FROM engine_host"
    first = made.other._fetch(beat, ())
    until = made.reporter.lease.until
    wait_until(lambda: made.other._fetch(beat, ()) != first)
    wait_until(lambda: made.reporter.lease.until > until)


@pytest.mark.parametrize("expired", [False, True])
def test_a_lease_is_renewed_during_an_outage_unless_it_had_expired_before(
    url: str, tmp_path: Any, expired: bool
) -> None:
    reporter = Host(url, tmp_path).reporter
    # If it has expired, this host was paused, and others may have started what it has.
    reporter.lease.renew(time.monotonic() - (LEASE_SECONDS if expired else 1))
    until = reporter.lease.until
    reporter._wait_for_database(psycopg2.OperationalError("connection refused: the database system is shutting down"))
    assert (reporter.lease.until == until) is expired


def test_a_host_whose_reports_find_no_disk_space_keeps_its_lease_and_writes_them_later(made: SimpleNamespace) -> None:
    before, until = made.reporter.host_id, made.reporter.lease.until
    made.store.failures = ["full"] * 1000
    made.reporter.report([report(0)])
    wait_until(lambda: made.reporter.lease.until > until + LEASE_SECONDS)
    assert written(made) == []
    made.store.failures = []
    wait_until(lambda: written(made) == [report(0)])
    assert (made.reporter.host_id, made.host.ended_registrations) == (before, 0)


def test_a_flood_of_lines_waits_for_the_scheduler_in_batches_of_bounded_size(made: SimpleNamespace) -> None:
    text = "x" * 1000
    flood = [Lines(f"c{number}", [(1.0, "info", text)] * 100) for number in range(30)]
    made.reporter.report(flood)
    assert made.reporter.outbox.is_full
    sizes = "SELECT count(*), max(length(body)) FROM engine_hostreport"
    wait_until(lambda: made.other._fetch(sizes, ())[0][0] > UNREAD_BATCHES_MAX)
    # The next one waits, and the lease is renewed meanwhile.
    until = made.reporter.lease.until
    wait_until(lambda: made.reporter.lease.until > until)
    count, longest = made.other._fetch(sizes, ())[0]
    assert count == UNREAD_BATCHES_MAX + 1
    assert longest < 2.5 * BATCH_CHARACTERS
    found: list[Report] = []

    def take_up() -> bool:
        oldest = "DELETE FROM engine_hostreport WHERE id = (SELECT min(id) FROM engine_hostreport) RETURNING body"
        for (body,) in made.other._fetch(oldest, ()):
            found.extend(wire.read_reports(body))
        return len(found) == len(flood)

    wait_until(take_up)
    assert found == flood
    assert not made.reporter.outbox.is_full


def test_while_redis_is_away_a_host_takes_new_work_before_its_message_counts_as_lost(
    made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "OVERDUE_SECONDS", 3600.0)
    monkeypatch.setattr(overdue, "MESSAGE_SECONDS", 3600.0)
    taken: list[str] = []

    def take_from(store: HostStore, claims: list[str]) -> int:
        taken.extend(claims)
        return len(claims)

    monkeypatch.setattr(made.host, "take_from", take_from)
    made.host.has_room.set()
    dispatch(made.other, "c0")
    wait_until(lambda: "c0" in taken)
