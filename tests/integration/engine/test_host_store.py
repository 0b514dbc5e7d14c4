"""What a host writes is fenced by its registration, by the claim and by the numbers of its batches; on PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.errors import DiskFull

from engine.executors.base import Work
from engine.executors.wire import PROTOCOL, work_text
from engine.host.store import HostStore, is_outage
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
            "INTERLOCK_HOME": str(tmp_path_factory.mktemp("host")),
        }
        command = [sys.executable, "manage.py", "migrate", "-v0", "--skip-checks"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
        yield made


@pytest.fixture
def store(url: str) -> Iterator[HostStore]:
    made = HostStore(url)
    made._fetch("TRUNCATE engine_host, engine_dispatch, engine_hostreport; SELECT 1", ())
    yield made
    made.close()


def dispatch(store: HostStore, *claims: str, queue: str = "default", short: bool = False) -> None:
    work = Work("", {}, None, None, None, python="", expected=None, short=short)
    for claim in claims:
        store._fetch(
            "INSERT INTO engine_dispatch (claim, queue, protocol, work, envelope, sent_at) "
            "VALUES (%s, %s, %s, %s, '{}', now() - interval '1 minute') RETURNING 1",
            (claim, queue, PROTOCOL, work_text(work)),
        )


def batches(store: HostStore) -> list[tuple[int, str]]:
    return [(host, body) for host, body in store._fetch("SELECT host_id, body FROM engine_hostreport ORDER BY id", ())]


def register(store: HostStore, name: str = "one", **started: float) -> int:
    return store.register(name, ["default"], 2, started)


def test_each_claim_is_taken_by_one_of_two_hosts_in_the_given_order(store: HostStore) -> None:
    one, two = register(store, "one"), register(store, "two")
    dispatch(store, "a", "b", "c")
    assert [claim for claim, _, _ in store.take(one, ["b", "none", "a"])] == ["b", "a"]
    assert [claim for claim, _, _ in store.take(two, ["a", "b", "c"])] == ["c"]
    assert store.take(one, ["a", "b", "c"]) == []
    assert set(store.requests(one)) == {"a", "b"}


def test_work_of_another_protocol_is_not_taken_whatever_the_message_says(store: HostStore) -> None:
    one = register(store)
    dispatch(store, "a", "b", "c")
    store._fetch("UPDATE engine_dispatch SET protocol = protocol + 1 WHERE claim = 'a' RETURNING 1", ())
    store._fetch("UPDATE engine_dispatch SET protocol = protocol - 1 WHERE claim = 'b' RETURNING 1", ())
    assert [claim for claim, _, _ in store.take(one, ["a", "b", "c"])] == ["c"]
    assert store.overdue(["default"], 3.0, 10) == []


def test_recalled_work_cannot_be_taken_any_more(store: HostStore) -> None:
    one = register(store)
    dispatch(store, "a")
    store._fetch("UPDATE engine_dispatch SET wish = 'back' RETURNING 1", ())
    assert store.take(one, ["a"]) == []


@pytest.mark.parametrize("state", ["draining", "gone"])
def test_a_host_that_drains_or_is_gone_takes_nothing(store: HostStore, state: str) -> None:
    one = register(store)
    dispatch(store, "a")
    store.set_state(one, state)
    assert store.take(one, ["a"]) == []


def test_a_host_whose_registration_ended_writes_nothing_more(store: HostStore) -> None:
    one = register(store)
    assert store.write_batch(one, 1, "first")
    store.set_state(one, "gone")
    assert not store.write_batch(one, 2, "second")
    assert not store.renew_lease(one, {})
    store.set_state(one, "active")
    assert not store.renew_lease(one, {})
    assert batches(store) == [(one, "first")]


def test_a_batch_is_written_once_however_often_it_is_tried(store: HostStore) -> None:
    one = register(store)
    for _ in range(3):
        assert store.write_batch(one, 1, "first")
    store._fetch("DELETE FROM engine_hostreport RETURNING 1", ())
    assert store.write_batch(one, 1, "first"), "the scheduler has taken it up meanwhile"
    assert store.write_batch(one, 2, "second")
    assert batches(store) == [(one, "second")]


def test_a_registration_whose_batches_the_database_lost_in_a_crash_has_ended(store: HostStore) -> None:
    one = register(store)
    assert store.write_batch(one, 1, "first")
    assert store.write_batch(one, 2, "second")
    assert store.renew_lease(one, {}, 2)
    store._fetch("UPDATE engine_host SET told = 1 RETURNING 1", ())
    assert store.renew_lease(one, {}, 2) is None
    assert not store.write_batch(one, 3, "third")


def test_a_registration_ends_the_one_before_and_stores_what_had_started_there(store: HostStore) -> None:
    before, other = register(store, "one"), register(store, "two")
    now = register(store, "one", c1=5.0)
    assert not store.renew_lease(before, {})
    assert store.renew_lease(other, {})
    assert store.renew_lease(now, {})
    rows = store._fetch("SELECT id, begun FROM engine_host WHERE state = 'gone'", ())
    assert rows == [(before, '{"c1": 5.0}')]


def test_registrations_that_ended_long_ago_are_deleted_unless_they_have_dispatches(store: HostStore) -> None:
    register(store, "old")
    busy = register(store, "busy")
    dispatch(store, "a")
    store.take(busy, ["a"])
    store._fetch("UPDATE engine_host SET state = 'gone', beat_at = now() - interval '8 days' RETURNING 1", ())
    register(store, "new")
    left = {name for (name,) in store._fetch("SELECT name FROM engine_host", ())}
    assert left == {"busy", "new"}


def test_only_work_of_its_queues_that_nobody_took_for_long_is_overdue(store: HostStore) -> None:
    one = register(store)
    dispatch(store, "a", "b", "taken")
    dispatch(store, "other", queue="gpu")
    store.take(one, ["taken"])
    store._fetch("UPDATE engine_dispatch SET sent_at = now() WHERE claim = 'b' RETURNING 1", ())
    assert [one.claim for one in store.overdue(["default"], 30.0, 10)] == ["a"]


def test_a_refused_connection_is_an_outage_and_a_missing_database_is_none(url: str) -> None:
    closed = HostStore("postgresql://postgres@127.0.0.1:1/x")
    with pytest.raises(psycopg2.OperationalError) as refused:
        closed.requests(1)
    assert is_outage(refused.value)
    missing = HostStore(url + "_none")
    with pytest.raises(psycopg2.OperationalError) as found:
        missing.requests(1)
    assert not is_outage(found.value)


def test_a_host_learns_with_its_heartbeat_that_it_is_to_drain_and_may_register_draining(store: HostStore) -> None:
    one = register(store)
    assert drain_reason(store, one) == HostReason.NONE
    store.set_state(one, "draining", HostReason.DRAIN_REQUESTED)
    assert drain_reason(store, one) == HostReason.DRAIN_REQUESTED
    again = store.register("one", ["default"], 2, {}, True)
    rows = store._fetch("SELECT id, state, reason FROM engine_host WHERE state <> 'gone'", ())
    assert rows == [(again, "draining", HostReason.DRAIN_REQUESTED)]
    assert drain_reason(store, again) == HostReason.DRAIN_REQUESTED


def drain_reason(store: HostStore, host: int) -> str:
    """Return why the host is to drain, as it learns with its heartbeat."""
    renewed = store.renew_lease(host, {})
    assert renewed is not None
    return renewed[1]


def test_a_full_disk_does_not_close_the_connection(store: HostStore) -> None:
    before = store._fetch("SELECT pg_backend_pid()", ())
    with pytest.raises(DiskFull):
        store._fetch("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", ())
    assert store._fetch("SELECT pg_backend_pid()", ()) == before
