"""A host's reports are written once and in order, whatever becomes of the statements; on a PostgreSQL server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import DiskFull

from engine.config import from_environment
from engine.executors import wire
from engine.executors.base import Lines, Progress, Report, Started
from engine.host import reporter, unconfirmed
from engine.host.database import LEASE_SECONDS, Records
from engine.host.reporter import LETTER_CHARACTERS, UNREAD_MAX, Postman
from tests.integration.engine.test_host_database import dispatch
from tests.integration.engine.test_host_database import url as url
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres


class Breaking(Records):
    """Its connection breaks as often as it is told, before or after the statement has done its work; or the disk is
    full."""

    breaks: list[str]

    def tell(self, host: int, number: int, body: str) -> bool:
        how = self.breaks.pop(0) if self.breaks else ""
        if how == "before":
            raise psycopg2.OperationalError("the connection is gone")
        if how == "full":
            raise DiskFull("no space left on device")
        told = super().tell(host, number, body)
        if how == "after":
            self.broke()
            raise psycopg2.OperationalError("the connection is gone")
        return told

    def broke(self) -> None: ...


class Host:
    """What a postman knows of its host; orders are done at once."""

    def __init__(self, url: str, home: Any) -> None:
        self.given = from_environment({"INTERLOCK_HOME": str(home), "REDIS_URL": "redis://127.0.0.1:1/0"})
        self.name, self.queues, self.capacity, self.url = "one", ["default"], 2, url
        self.held: set[str] = set()
        self.load: dict[str, Any] = {}
        self.has_room = threading.Event()
        self.lost = 0
        self.resting = ""
        self.guard = SimpleNamespace(until=lambda moment: None)
        self.postman = Postman(self, {})  # type: ignore[arg-type]

    def order(self, action: Callable[[], None]) -> None:
        action()

    def wishes(self, mine: Any, asked: Any) -> None: ...

    def rest(self, resting: str) -> None: ...

    def see_to_strange(self, mine: Any) -> None: ...

    def lose(self, host: int) -> None:
        assert host == self.postman.host
        self.lost += 1
        self.postman.lost()


@pytest.fixture
def made(url: str, tmp_path: Any) -> Iterator[SimpleNamespace]:
    other = Records(url)
    other._do("TRUNCATE engine_host, engine_dispatch, engine_hostreport; SELECT 1", ())
    host = Host(url, tmp_path)
    records = host.postman._records = Breaking(url)
    records.breaks = []
    host.postman.register()
    yield SimpleNamespace(host=host, postman=host.postman, records=records, other=other)
    host.postman.close()
    other.close()


def told(made: SimpleNamespace) -> list[Report]:
    rows = made.other._do("SELECT body FROM engine_hostreport ORDER BY id", ())
    return [report for (body,) in rows for report in wire.read_reports(body)]


def report(number: int) -> Report:
    if number % 3:
        return Progress(f"c{number}", None, None, float(number))
    return Started(f"c{number}", 1, "1", "one/1", float(number))


@pytest.mark.parametrize("breaks", [[], ["before"], ["after"], ["after", "before", "after"], ["before", "", "after"]])
def test_reports_are_written_once_and_in_order_also_those_that_came_meanwhile(
    made: SimpleNamespace, breaks: list[str]
) -> None:
    made.records.breaks = list(breaks)
    later = iter(range(3, 100))

    def broke() -> None:
        # They wait behind those whose fate is unknown.
        made.postman.post([report(next(later)), report(next(later))])

    made.records.broke = broke
    made.postman.post([report(0), report(1), report(2)])
    wait_until(lambda: not made.postman._outbox)
    broke()
    wait_until(lambda: not made.postman._outbox)
    assert told(made) == [report(number) for number in range(next(later))]


def test_a_life_that_is_over_ends_everything_and_tells_nothing_of_before(made: SimpleNamespace) -> None:
    before = made.postman.host

    def tell(host: int, number: int, body: str) -> bool:
        if host == before:
            # Not sooner: a beat would find it over, and what is posted then be told in the next life.
            made.other.set_state(before, "gone")
        return Breaking.tell(made.records, host, number, body)

    made.records.tell = tell
    made.postman.post([report(0)])
    wait_until(lambda: made.postman.host not in (0, before))
    assert made.host.lost == 1
    made.postman.post([report(3)])
    wait_until(lambda: told(made) == [report(3)])
    assert made.other._do("SELECT state FROM engine_host ORDER BY id", ()) == [("gone",), ("active",)]


@pytest.fixture
def no_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the first one: a beat would find what is gone before the connection breaks, as it does in a crash."""
    monkeypatch.setattr(reporter, "BEAT_SECONDS", 3600.0)


def forget(made: SimpleNamespace, letters: int) -> None:
    """As a crash of the database does with what is not on its disk yet."""
    made.other._do("UPDATE engine_dispatch SET host_id = NULL RETURNING 1", ())
    made.other._do("UPDATE engine_host SET told = told - %s RETURNING 1", (letters,))
    last = "SELECT id FROM engine_hostreport ORDER BY id DESC LIMIT %s"
    made.other._do(f"DELETE FROM engine_hostreport WHERE id IN ({last}) RETURNING 1", (letters,))


def write(made: SimpleNamespace, number: int) -> None:
    """A letter of its own."""
    made.postman.post([Started(f"c{number}", 1, "1", "one/1", float(number))])
    wait_until(lambda: not made.postman._outbox)


@pytest.mark.usefixtures("no_beats")
@pytest.mark.parametrize("letters", [0, 1, 3])
def test_what_the_database_forgets_in_a_crash_is_taken_and_told_again(made: SimpleNamespace, letters: int) -> None:
    claims = [f"c{number}" for number in range(5)]
    dispatch(made.other, *claims)
    made.other.take(made.postman.host, claims)
    made.host.held.update(claims)
    for number in range(4):
        write(made, number)
    before = told(made)
    forget(made, letters)
    made.records.breaks = ["before"]
    write(made, 4)
    assert told(made)[:-1] == before
    assert sorted(made.other.mine(made.postman.host)) == claims
    assert not made.host.lost


@pytest.mark.usefixtures("no_beats")
def test_nothing_is_told_again_of_what_another_has_taken_meanwhile(made: SimpleNamespace) -> None:
    dispatch(made.other, "c0", "c1")
    made.other.take(made.postman.host, ["c0", "c1"])
    for number in range(2):
        write(made, number)
    forget(made, 2)
    another = made.other.register("two", ["default"], 2, {})
    made.other.take(another, ["c0"])
    made.records.breaks = ["before"]
    write(made, 9)
    assert [one.claim for one in told(made)] == ["c1", "c9"]  # type: ignore[union-attr]


def test_a_life_of_which_more_was_forgotten_than_it_remembers_is_over(
    made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unconfirmed, "KEPT_BYTES", 0)
    before = made.postman.host
    write(made, 0)
    forget(made, 1)
    made.records.breaks = ["before"]
    made.postman.post([report(3)])
    wait_until(lambda: made.postman.host not in (0, before))
    assert made.host.lost == 1


def test_the_lease_is_renewed_each_second(made: SimpleNamespace) -> None:
    beat = "SELECT beat_at FROM engine_host"
    first = made.other._do(beat, ())
    until = made.postman.lease_until
    wait_until(lambda: made.other._do(beat, ()) != first)
    wait_until(lambda: made.postman.lease_until > until)


@pytest.mark.parametrize("over", [False, True])
def test_a_lease_is_kept_while_the_database_is_away_for_all_unless_it_was_over_before(
    url: str, tmp_path: Any, over: bool
) -> None:
    reporter = Host(url, tmp_path).postman
    # When it is over this host was paused, and others may have begun what it has.
    reporter.lease_until = until = time.monotonic() + (-1 if over else 1)
    reporter._wait_for_database(psycopg2.OperationalError("connection refused: the database system is shutting down"))
    assert (reporter.lease_until == until) is over


def test_a_host_whose_reports_find_no_room_keeps_its_lease_and_writes_them_when_there_is(made: SimpleNamespace) -> None:
    before, until = made.postman.host, made.postman.lease_until
    made.records.breaks = ["full"] * 1000
    made.postman.post([report(0)])
    wait_until(lambda: made.postman.lease_until > until + LEASE_SECONDS)
    assert told(made) == []
    made.records.breaks = []
    wait_until(lambda: told(made) == [report(0)])
    assert (made.postman.host, made.host.lost) == (before, 0)


def test_a_flood_of_lines_waits_for_the_scheduler_in_letters_of_bounded_size(made: SimpleNamespace) -> None:
    text = "x" * 1000
    flood = [Lines(f"c{number}", [(1.0, "info", text)] * 100) for number in range(30)]
    made.postman.post(flood)
    assert made.postman.is_full
    letters = "SELECT count(*), max(length(body)) FROM engine_hostreport"
    wait_until(lambda: made.other._do(letters, ())[0][0] > UNREAD_MAX)
    # Each is written when it may be, and the lease renewed meanwhile.
    until = made.postman.lease_until
    wait_until(lambda: made.postman.lease_until > until)
    count, longest = made.other._do(letters, ())[0]
    assert count == UNREAD_MAX + 1
    assert longest < 2.5 * LETTER_CHARACTERS
    found: list[Report] = []

    def taken_up() -> bool:
        taken = "DELETE FROM engine_hostreport WHERE id = (SELECT min(id) FROM engine_hostreport) RETURNING body"
        for (body,) in made.other._do(taken, ()):
            found.extend(wire.read_reports(body))
        return len(found) == len(flood)

    wait_until(taken_up)
    assert found == flood
    assert not made.postman.is_full
