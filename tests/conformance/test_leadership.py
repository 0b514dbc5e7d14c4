"""A leading scheduler continues after database errors, its drain and signals, and ends when another leads."""

import os
import signal
import time

import pytest
from django.db import connection

from engine import faults
from engine.actions import runs
from engine.database.heartbeat import SILENT_SECONDS
from engine.models import Attempt, Leader, Run
from engine.reads import queries
from tests.support.engine import Engine, fold
from tests.support.factories import chain, chains, document, python

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_drain_loses_nothing(engine: Engine, tmp_path):
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60 if ctx.attempt == 1 else 0)\n")
    run = engine.start(document([slow, "b"], "a>b"))
    engine.reaches(run, "a", "running")
    engine.stop(0.2)
    row = engine.node(run, "a")
    if engine.remote:
        # The scheduler does not end it; the next one may.
        assert (row.state, row.retries, row.losses) == ("running", 0, 0)
        again = Engine(engine.config.home, **engine.environment)
    else:
        assert (row.state, row.claim, row.retries, row.losses) == ("ready", "", 0, 0)
        again = Engine(tmp_path / "home")
    try:
        if engine.remote:
            runs.retry_node(run, "a", by="me")
        assert again.finish(run).state == "succeeded"
        states = ["cancelled", "succeeded"]
        assert [attempt["state"] for attempt in queries.attempts(run, "a")] == states
    finally:
        again.stop()
    # The fixture stops the first engine once more.
    engine.scheduler, engine.executor = again.scheduler, again.executor
    engine.stop = lambda grace=0: None  # type: ignore[method-assign]


@pytest.mark.parametrize("point", ["tick.before_write", "tick.after_commit"])
def test_database_errors_lose_and_repeat_nothing(engine: Engine, point: str, tmp_path):
    """Before the commit nothing was written, after it the outcome is unknown: memory is read again in both cases."""
    from django.db import OperationalError

    ledger = tmp_path / "ledger"
    code = f"def main(inputs, ctx):\n    open({str(ledger)!r}, 'a').write(ctx.node + chr(10))\n"
    passed = 0

    def fail() -> None:
        nonlocal passed
        passed += 1
        if passed % 5 == 0:
            raise OperationalError("the connection is gone")

    faults.arm(point, fail)
    run = engine.run(chains(3, 5, lambda name: python(name, code)), timeout=60)
    assert run.state == "succeeded"
    assert passed > 5
    started = ledger.read_text().split()
    assert sorted(started) == sorted(set(started)), "nothing started twice"
    assert Attempt.objects.filter(run=run).count() == 15
    assert fold(run)[2] == list(range(1, run.seq + 1))


def test_an_epoch_that_was_raised_stops_the_old_leader(engine: Engine):
    from engine.errors import LostLeadership

    engine.run(chain(1))
    Leader.objects.filter(pk=1).update(epoch=10_000)
    engine.start(chain(1))
    with pytest.raises(LostLeadership):
        engine.until(lambda: False, 5)
    engine.scheduler.leadership.epoch = 10_000


TAKEN_OVER = {
    "nobody": {},
    "ourselves, by a commit whose answer was lost": {"epoch": 10_000},
    "another": {"epoch": 10_000, "pid": 1},
}


@pytest.mark.parametrize("who", TAKEN_OVER)
def test_a_lock_that_is_still_held_after_an_error_ends_a_leader_only_when_another_leads(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, who: str
):
    from django.db import OperationalError

    from engine.errors import LostLeadership

    lock = engine.scheduler.leadership.lock
    acquire, held = lock.acquire, [True, True, True]

    def fail() -> None:
        faults.disarm()
        if changed := TAKEN_OVER[who]:
            Leader.objects.filter(pk=1).update(**changed)
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(lock, "acquire", lambda: not (held and held.pop()) and acquire())
    faults.arm("tick.after_commit", fail)
    run = engine.start(chain(3))
    if who == "another":
        with pytest.raises(LostLeadership):
            engine.finish(run)
        engine.scheduler.leadership.epoch = 10_000
    else:
        engine.finish(run)
        assert run.state == "succeeded"
        assert not held


def test_the_heartbeat_continues_while_nothing_happens(engine: Engine):
    engine.run(chain(1))
    before = Leader.objects.get(pk=1).beat_at
    assert before is not None
    engine.until(lambda: Leader.objects.filter(pk=1, beat_at__gt=before).exists(), SILENT_SECONDS)
    assert queries.scheduler_alive()


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="advisory locks are PostgreSQL's")
def test_a_killed_lock_connection_is_taken_over_without_a_loss(engine: Engine):
    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(1)\n")
    run = engine.start(document([slow, "b"], "a>b"))
    engine.reaches(run, "a", "running")
    raw = engine.scheduler.store.dialect.db  # type: ignore[union-attr]
    backend = raw.get_backend_pid()
    import psycopg2

    other = psycopg2.connect(raw.dsn)
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
        end = time.monotonic() + 20
        state = ""
        # The test's own connection is the scheduler's, so it uses another one.
        while state != "succeeded":
            engine.scheduler.tick(0.02)
            cursor.execute("SELECT state FROM engine_run WHERE id = %s", [run.pk])
            (state,) = cursor.fetchone() or ("",)
            assert time.monotonic() < end
    other.close()
    assert [attempt["state"] for attempt in queries.attempts(run, "a")] == ["succeeded"]


def test_signals_do_not_reach_a_commit(engine: Engine):
    """Handlers only set a flag: work continues undisturbed."""
    caught = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        run = engine.start(chains(4, 20))
        end = time.monotonic() + 30
        while Run.objects.get(pk=run.pk).state != "succeeded":
            os.kill(os.getpid(), signal.SIGUSR1)
            engine.scheduler.tick(0.01)
            assert time.monotonic() < end
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert caught


def test_a_drain_whose_last_tick_meets_a_database_error_is_still_written(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """The lock of the lost connection is held for a moment more, and the executor is stopped by then."""
    from django.db import OperationalError

    slow = python("a", "import time\ndef main(inputs, ctx):\n    time.sleep(60)\n")
    run = engine.start(document([slow]))
    engine.reaches(run, "a", "running")
    lock, stop = engine.scheduler.leadership.lock, engine.executor.stop
    acquire, held = lock.acquire, [True, True, True]

    def fail() -> None:
        faults.disarm()
        raise OperationalError("the connection is gone")

    def stop_and_fail(grace: float):
        faults.arm("tick.before_write" if not engine.remote else "tick.before_beat", fail)
        # A remote executor has nothing to report, and writes only its heartbeat in its last tick.
        engine.scheduler.next_beat = 0.0
        return stop(grace)

    monkeypatch.setattr(lock, "acquire", lambda: not (held and held.pop()) and acquire())
    monkeypatch.setattr(engine.executor, "stop", stop_and_fail)
    engine.scheduler.drain(0)
    assert not held
    row = engine.node(run, "a")
    assert (row.state, row.retries, row.losses) == ("running" if engine.remote else "ready", 0, 0)
    # The fixture stops it once more.
    monkeypatch.setattr(engine.executor, "stop", lambda grace: [])
