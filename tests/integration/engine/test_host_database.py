"""What a host reads and writes is fenced by its life, by the claim and by its reports' numbers; on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.errors import DiskFull

from engine.executors.wire import PROTOCOL
from engine.host.database import Records, is_away_for_all
from engine.states import HostReason
from tests.support import postgres
from tests.support.product import ROOT

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with our tables."""
    with postgres.database() as made:
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": made,
            "INTERLOCK_HOME": str(tmp_path_factory.mktemp("records")),
        }
        command = [sys.executable, "manage.py", "migrate", "-v0", "--skip-checks"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        yield made


@pytest.fixture
def records(url: str) -> Iterator[Records]:
    made = Records(url)
    made._do("TRUNCATE engine_host, engine_dispatch, engine_hostreport; SELECT 1", ())
    yield made
    made.close()


def dispatch(records: Records, *claims: str, queue: str = "default") -> None:
    for claim in claims:
        records._do(
            "INSERT INTO engine_dispatch (claim, queue, protocol, work, envelope, sent_at) "
            "VALUES (%s, %s, %s, '[]', '{}', now() - interval '1 minute') RETURNING 1",
            (claim, queue, PROTOCOL),
        )


def reports(records: Records) -> list[tuple[int, str]]:
    return [(host, body) for host, body in records._do("SELECT host_id, body FROM engine_hostreport ORDER BY id", ())]


def enter(records: Records, name: str = "one", **begun: float) -> int:
    return records.register(name, ["default"], 2, begun)


def test_of_two_who_take_a_claim_one_gets_it_and_in_the_order_asked_for(records: Records) -> None:
    one, two = enter(records, "one"), enter(records, "two")
    dispatch(records, "a", "b", "c")
    assert [claim for claim, _, _ in records.take(one, ["b", "none", "a"])] == ["b", "a"]
    assert [claim for claim, _, _ in records.take(two, ["a", "b", "c"])] == ["c"]
    assert records.take(one, ["a", "b", "c"]) == []
    assert set(records.mine(one)) == {"a", "b"}


def test_work_of_another_protocol_is_not_taken_whatever_the_message_says(records: Records) -> None:
    one = enter(records)
    dispatch(records, "a", "b", "c")
    records._do("UPDATE engine_dispatch SET protocol = protocol + 1 WHERE claim = 'a' RETURNING 1", ())
    records._do("UPDATE engine_dispatch SET protocol = protocol - 1 WHERE claim = 'b' RETURNING 1", ())
    assert [claim for claim, _, _ in records.take(one, ["a", "b", "c"])] == ["c"]
    assert records.forgotten(["default"], 3.0, 10) == []


def test_what_is_wished_back_cannot_be_taken_any_more(records: Records) -> None:
    one = enter(records)
    dispatch(records, "a")
    records._do("UPDATE engine_dispatch SET wish = 'back' RETURNING 1", ())
    assert records.take(one, ["a"]) == []


@pytest.mark.parametrize("state", ["draining", "gone"])
def test_who_drains_or_is_gone_takes_nothing(records: Records, state: str) -> None:
    one = enter(records)
    dispatch(records, "a")
    records.set_state(one, state)
    assert records.take(one, ["a"]) == []


def test_who_is_gone_tells_nothing_and_cannot_come_back_to_life(records: Records) -> None:
    one = enter(records)
    assert records.tell(one, 1, "first")
    records.set_state(one, "gone")
    assert not records.tell(one, 2, "second")
    assert not records.beat(one, {})
    records.set_state(one, "active")
    assert not records.beat(one, {})
    assert reports(records) == [(one, "first")]


def test_a_report_is_written_once_however_often_it_is_tried(records: Records) -> None:
    one = enter(records)
    for _ in range(3):
        assert records.tell(one, 1, "first")
    records._do("DELETE FROM engine_hostreport RETURNING 1", ())
    assert records.tell(one, 1, "first"), "the scheduler has taken it up meanwhile"
    assert records.tell(one, 2, "second")
    assert reports(records) == [(one, "second")]


def test_a_life_whose_reports_the_database_lost_in_a_crash_is_over(records: Records) -> None:
    one = enter(records)
    assert records.tell(one, 1, "first")
    assert records.tell(one, 2, "second")
    assert records.beat(one, {}, 2)
    records._do("UPDATE engine_host SET told = 1 RETURNING 1", ())
    assert records.beat(one, {}, 2) is None
    assert not records.tell(one, 3, "third")


def test_a_new_life_ends_the_one_before_and_says_what_had_begun_there(records: Records) -> None:
    before, other = enter(records, "one"), enter(records, "two")
    now = enter(records, "one", c1=5.0)
    assert not records.beat(before, {})
    assert records.beat(other, {})
    assert records.beat(now, {})
    rows = records._do("SELECT id, begun FROM engine_host WHERE state = 'gone'", ())
    assert rows == [(before, '{"c1": 5.0}')]


def test_lives_that_ended_long_ago_are_forgotten_unless_something_of_theirs_is_left(records: Records) -> None:
    enter(records, "old")
    held = enter(records, "held")
    dispatch(records, "a")
    records.take(held, ["a"])
    records._do("UPDATE engine_host SET state = 'gone', beat_at = now() - interval '8 days' RETURNING 1", ())
    enter(records, "new")
    left = {name for (name,) in records._do("SELECT name FROM engine_host", ())}
    assert left == {"held", "new"}


def test_only_work_of_its_queues_that_nobody_took_for_long_is_found_without_a_message(records: Records) -> None:
    one = enter(records)
    dispatch(records, "a", "b", "taken")
    dispatch(records, "other", queue="gpu")
    records.take(one, ["taken"])
    records._do("UPDATE engine_dispatch SET sent_at = now() WHERE claim = 'b' RETURNING 1", ())
    assert records.forgotten(["default"], 30.0, 10) == ["a"]


def test_a_refused_connection_is_an_outage_for_all_and_a_missing_database_is_none(url: str) -> None:
    closed = Records("postgresql://postgres@127.0.0.1:1/x")
    with pytest.raises(psycopg2.OperationalError) as refused:
        closed.mine(1)
    assert is_away_for_all(refused.value)
    missing = Records(url + "_none")
    with pytest.raises(psycopg2.OperationalError) as found:
        missing.mine(1)
    assert not is_away_for_all(found.value)


def test_a_host_hears_with_its_beat_that_it_is_to_drain_and_a_new_life_may_begin_with_that(records: Records) -> None:
    one = enter(records)
    assert resting(records, one) == ""
    records.set_state(one, "draining", HostReason.DRAIN_REQUESTED)
    assert resting(records, one) == HostReason.DRAIN_REQUESTED
    again = records.register("one", ["default"], 2, {}, True)
    rows = records._do("SELECT id, state, reason FROM engine_host WHERE state <> 'gone'", ())
    assert rows == [(again, "draining", HostReason.DRAIN_REQUESTED)]
    assert resting(records, again) == HostReason.DRAIN_REQUESTED


def resting(records: Records, host: int) -> str:
    """As the host hears it with its beat."""
    beat = records.beat(host, {})
    assert beat is not None
    return beat[1]


def test_a_statement_that_finds_no_room_leaves_the_connection_that_would_tell_of_a_crash(records: Records) -> None:
    before = records._do("SELECT pg_backend_pid()", ())
    with pytest.raises(DiskFull):
        records._do("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", ())
    assert records._do("SELECT pg_backend_pid()", ()) == before
