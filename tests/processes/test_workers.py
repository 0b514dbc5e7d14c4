"""The scaled form with killed, stopped and emptied parts: the whole product on PostgreSQL and Redis, and workers."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.states import HostReason
from tests.support import postgres
from tests.support.effort import in_time
from tests.support.factories import chains, document, node, python
from tests.support.ledger import Ledger
from tests.support.product import ROOT, free_port
from tests.support.wait import wait_until
from tests.support.withworkers import WithWorkers, installation, through

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[WithWorkers]:
    with installation(tmp_path) as made:
        yield made


def timed(action: Callable[[], Any]) -> float:
    wait_for_starts = time.monotonic()
    action()
    return time.monotonic() - wait_for_starts


@pytest.mark.long
def test_up_prints_that_a_worker_has_to_be_started(scaled: WithWorkers) -> None:
    wait_until(lambda: "    celery -A engine worker -Q default" in scaled.product.log.read_text())


def test_a_killed_node_process_starts_its_node_again_within_a_second(scaled: WithWorkers) -> None:
    scaled.worker()
    took = []
    for starts in (1, 3, 5):
        run = scaled.start(scaled.waiting(once=True))
        _, _, pid = scaled.wait_for_starts(starts)[-1]
        scaled.running(run)
        os.kill(pid, signal.SIGKILL)
        took.append(timed(partial(scaled.wait_for_starts, starts + 1)))
        assert scaled.ended(run) == "succeeded"
        assert scaled.states(run) == ["lost", "succeeded"]
    in_time(sorted(took)[1], 1.0)
    scaled.wait_until_empty()


def test_what_a_killed_worker_ran_starts_elsewhere_within_five_seconds(scaled: WithWorkers) -> None:
    one = scaled.worker("one")
    run = scaled.start(scaled.waiting("a", "b", once=True))
    scaled.wait_for_starts(2)
    scaled.running(run, "a")
    scaled.running(run, "b")
    scaled.worker("two")
    one.kill()
    in_time(timed(lambda: scaled.wait_for_starts(4)), 5.0)
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["lost", "succeeded"]
    message = scaled.attempts(run)[0]["error"]["message"]
    assert re.search(r"one@test was not heard from for \d+\.\d s", message), message
    assert not one.node_processes()
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_restarted_worker_reports_the_attempts_that_its_end_lost(scaled: WithWorkers) -> None:
    one = scaled.worker()
    run = scaled.start(scaled.waiting(once=True))
    scaled.wait_for_starts()
    scaled.running(run)
    ((leader,),) = scaled.rows("SELECT pid FROM engine_leader")
    one.kill()
    # However long the start takes, its lease is not judged meanwhile.
    os.kill(leader, signal.SIGSTOP)
    one.start()
    os.kill(leader, signal.SIGCONT)
    scaled.wait_for_starts(2)
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["lost", "succeeded"]
    assert "started anew" in scaled.attempts(run)[0]["error"]["message"]


@pytest.mark.long
def test_what_a_worker_had_that_was_killed_with_the_scheduler_starts_again(scaled: WithWorkers) -> None:
    one = scaled.worker("one")
    run = scaled.start(scaled.waiting("a", once=True))
    scaled.wait_for_starts()
    scaled.running(run)
    os.kill(scaled.rows("SELECT pid FROM engine_leader")[0][0], signal.SIGKILL)
    one.kill()
    scaled.worker("two")
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["lost", "succeeded"]
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_killed_scheduler_loses_nothing(scaled: WithWorkers) -> None:
    scaled.worker()
    run = scaled.start(scaled.waiting("a", "b"))
    scaled.wait_for_starts(2)
    scaled.running(run, "a")
    scaled.running(run, "b")
    ((epoch, pid),) = scaled.rows("SELECT epoch, pid FROM engine_leader")
    os.kill(pid, signal.SIGKILL)
    # It ends while no scheduler leads, so its report waits.
    scaled.flag.touch()
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run, "a") == scaled.states(run, "b") == ["succeeded"]
    assert scaled.rows("SELECT epoch FROM engine_leader")[0][0] > epoch
    scaled.wait_until_empty()


@pytest.mark.long
def test_work_continues_without_redis(scaled: WithWorkers) -> None:
    scaled.worker()
    scaled.broker.kill()
    assert scaled.ended(scaled.start(chains(2, 2))) == "succeeded"


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_continues(scaled: WithWorkers) -> None:
    one = scaled.worker("one")
    run = scaled.start(scaled.waiting("a"))
    (start,) = scaled.wait_for_starts()
    scaled.running(run)
    scaled.worker("two")
    with one.frozen():
        scaled.wait_for_starts(2)
        wait_until(lambda: scaled.states(run) == ["lost", "running"])
        # The attempt ends while its worker is stopped, so there is a result that must not count.
        scaled.flag.touch()
        assert scaled.ended(run) == "succeeded"
    wait_until(lambda: len(scaled.rows("SELECT 1 FROM engine_host WHERE name = 'one@test'")) == 2)
    assert scaled.product.api("GET", f"runs/{run}/nodes/a/output/")["value"] == 2
    assert scaled.states(run) == ["lost", "succeeded"]
    ((gone, told),) = scaled.rows("SELECT reason, told FROM engine_host WHERE name = 'one@test' AND state = 'gone'")
    assert gone == HostReason.LEASE_EXPIRED
    before = scaled.rows("SELECT count(*) FROM engine_logbatch WHERE attempt = 1")
    assert scaled.rows("SELECT told FROM engine_host WHERE name = 'one@test' AND state = 'gone'") == [(told,)]
    assert scaled.rows("SELECT count(*) FROM engine_logbatch WHERE attempt = 1") == before
    wait_until(lambda: start[2] not in one.node_processes())
    # It takes part again.
    scaled.started[1].kill()
    assert scaled.ended(scaled.start(chains(2, 2))) == "succeeded"
    scaled.wait_until_empty()


@pytest.mark.parametrize("way", ["stopped", "cut off from the database"])
def test_what_ran_unreported_is_a_lost_attempt_of_its_own(scaled: WithWorkers, way: str) -> None:
    database = {} if way == "stopped" else {"DATABASE_URL": through(scaled.proxy, scaled.url)}
    one = scaled.worker("one", **database)
    ledger = Ledger(scaled.ledger)
    code = ledger.code(0.02)
    names = [f"n{number}" for number in range(150)]
    run = scaled.start(document([python(name, code, expected_duration=0.02) for name in names]))
    wait_until(lambda: len(ledger.entries()) > 40)
    with one.frozen() if way == "stopped" else scaled.proxy.hanging():
        scaled.worker("two")
        assert scaled.ended(run) == "succeeded"
    executions = [(one.start.node, one.start.attempt) for one in ledger.executions()]
    assert len(executions) == len(set(executions))
    stored = scaled.rows("SELECT node, number, state FROM engine_attempt WHERE run_id = %s", int(run))
    assert set(executions) <= {(name, number) for name, number, _ in stored}
    assert {(name, number) for name, number, state in stored if state == "succeeded"} <= set(executions)


@pytest.mark.long
def test_a_stopping_worker_finishes_what_ends_in_time_and_returns_the_rest(scaled: WithWorkers) -> None:
    one = scaled.worker("one")
    run = scaled.start(scaled.waiting("a"))
    scaled.wait_for_starts()
    one.process.terminate()
    wait_until(lambda: scaled.rows("SELECT state FROM engine_host") == [("draining",)])
    scaled.flag.touch()
    assert scaled.ended(run) == "succeeded"
    assert one.process.wait(20) == 0
    scaled.flag.unlink()
    one.start()
    run = scaled.start(scaled.waiting("a", once=True))
    scaled.wait_for_starts(2)
    scaled.running(run)
    assert one.stop() == 0
    assert not one.node_processes()
    # The scheduler learns of it a moment later.
    found = wait_until(lambda: now if (now := scaled.node(run))["state"] != "running" else None)
    assert (found["state"], found["attempt"]) == ("ready", 1)
    assert (found["waiting_for"][0]["code"], found["waiting_for"][0]["params"]) == ("queue", {"queue": "default"})
    scaled.worker("two")
    assert scaled.ended(run) == "succeeded"
    assert scaled.rows("SELECT losses, retries FROM engine_noderun WHERE run_id = %s", int(run)) == [(0, 0)]
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_node_runs_on_a_worker_that_serves_its_queue(scaled: WithWorkers) -> None:
    scaled.worker("one")
    run = scaled.start(document(["a", node("b", queue="gpu"), node("c", queue="gpu")], "a>b"))
    wait_until(lambda: scaled.node(run, "b")["state"] == "ready")
    assert [one["code"] for one in scaled.node(run, "c")["waiting_for"]] == ["queue"]
    assert scaled.node(run, "a")["state"] == "succeeded"
    scaled.worker("two", "gpu,other")
    assert scaled.ended(run) == "succeeded"
    by = {name: scaled.attempts(run, name)[0]["worker"].partition("/")[0] for name in "abc"}
    assert by == {"a": "one@test", "b": "two@test", "c": "two@test"}
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_second_signal_makes_a_worker_return_its_work_at_once(scaled: WithWorkers) -> None:
    one = scaled.worker()
    run = scaled.start(scaled.waiting("a", once=True))
    scaled.wait_for_starts()
    scaled.running(run)
    one.process.terminate()
    wait_until(lambda: scaled.rows("SELECT state FROM engine_host") == [("draining",)])
    one.process.terminate()
    in_time(timed(one.process.wait), 5)
    assert not one.node_processes()
    scaled.worker("two")
    assert scaled.ended(run) == "succeeded"
    assert scaled.rows("SELECT losses, retries FROM engine_noderun WHERE run_id = %s", int(run)) == [(0, 0)]


@pytest.mark.long
def test_a_higher_priority_overtakes_prefetched_work(scaled: WithWorkers) -> None:
    scaled.worker()
    code = "import time\ndef main(inputs, ctx):\n    time.sleep(0.03)\n"
    nodes = [python(f"n{number}", code, expected_duration=0.03) for number in range(200)]
    scaled.product.publish("high", [node("first", priority=1)], [])
    low = scaled.start(document(nodes))
    ahead = "SELECT count(*) FROM engine_dispatch WHERE host_id IS NOT NULL"
    sent = wait_until(lambda: count if (count := scaled.rows(ahead)[0][0]) > 60 else 0)
    high = str(scaled.product.api("POST", "workflows/high/runs/", {})["id"])
    assert scaled.ended(high) == "succeeded"
    ((between,),) = scaled.rows(
        "SELECT count(*) FROM engine_attempt a, engine_attempt h, engine_noderun n WHERE h.run_id = %s "
        "AND n.run_id = h.run_id AND a.run_id = %s AND a.started_at > n.ready_at AND a.started_at < h.started_at",
        int(high),
        int(low),
    )
    # How many start before they are recalled depends on the machine.
    assert between < sent / 2
    assert scaled.ended(low) == "succeeded"
    assert scaled.rows("SELECT max(number) FROM engine_attempt WHERE run_id = %s", int(low)) == [(1,)]
    scaled.wait_until_empty()


@pytest.mark.long
def test_what_an_old_leader_recalled_is_sent_again(scaled: WithWorkers) -> None:
    one = scaled.worker()
    with one.frozen():
        run = scaled.start(chains(1, 1))
        recall = "UPDATE engine_dispatch SET wish = 'back' WHERE host_id IS NULL RETURNING claim"
        ((claim,),) = wait_until(lambda: scaled.rows(recall))
    assert scaled.ended(run) == "succeeded"
    assert scaled.rows("SELECT claim FROM engine_attempt") != [(claim,)]
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_second_worker_of_one_name_is_refused_without_effect(scaled: WithWorkers) -> None:
    one = scaled.worker()
    run = scaled.start(scaled.waiting("a"))
    scaled.wait_for_starts()
    scaled.running(run)
    second = subprocess.run(one.command, cwd=ROOT, env=one.environment, capture_output=True, text=True, timeout=60)
    assert second.returncode != 0
    assert 'A worker named "one@test" runs in' in second.stdout + second.stderr
    scaled.flag.touch()
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["succeeded"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"INTERLOCK_EXECUTOR": "local"}, "a worker needs INTERLOCK_EXECUTOR=celery"),
        ({"REDIS_URL": ""}, "needs REDIS_URL"),
        ({"DATABASE_URL": "{empty}"}, "run `interlock migrate`"),
    ],
)
def test_a_worker_that_cannot_work_prints_the_reason_and_ends(
    scaled: WithWorkers, changed: dict[str, str], message: str
) -> None:
    one = scaled.worker("ready")
    with postgres.database() as empty:
        environment = {**one.environment, **{name: text.format(empty=empty) for name, text in changed.items()}}
        command = [text.replace("ready@", "other@") for text in one.command]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


def test_a_cancel_reaches_a_worker_within_300_ms(scaled: WithWorkers) -> None:
    scaled.worker()

    def gone(run: str, pid: int) -> None:
        scaled.product.api("POST", f"runs/{run}/cancel/", {})
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), interval=0.002)

    took = []
    for starts in range(1, 6):
        run = scaled.start(scaled.waiting("a"))
        _, _, pid = scaled.wait_for_starts(starts)[-1]
        scaled.running(run)
        took.append(timed(partial(gone, run, pid)))
        assert scaled.ended(run) == "cancelled"
        assert scaled.attempts(run)[0]["receipt"]["processes"] >= 1
    # Except in a busy moment of the machine.
    in_time(sorted(took)[2], 0.3)
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_single_worker_that_is_cut_off_ends_its_work_before_another_starts_it(scaled: WithWorkers) -> None:
    scaled.worker("one", DATABASE_URL=through(scaled.proxy, scaled.url))
    run = scaled.start(scaled.waiting("a", once=True))
    (start,) = scaled.wait_for_starts()
    scaled.running(run)
    scaled.worker("two")

    def is_gone() -> bool:
        wait_for_starts, lives = len(scaled.starts()), Path(f"/proc/{start[2]}").exists()
        assert wait_for_starts == 1 or not lives
        return not lives

    with scaled.proxy.hanging():
        wait_until(is_gone)
        scaled.wait_for_starts(2)
        assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["lost", "succeeded"]
    wait_until(lambda: len(scaled.rows("SELECT 1 FROM engine_host WHERE name = 'one@test'")) == 2)


@pytest.mark.long
def test_an_installation_that_returns_to_one_host_runs_what_workers_had(scaled: WithWorkers) -> None:
    scaled.worker()
    run = scaled.start(scaled.waiting("a", once=True))
    (start,) = scaled.wait_for_starts()
    scaled.running(run)
    product = scaled.product
    product.kill()
    product.environment["INTERLOCK_EXECUTOR"] = "local"
    # Meanwhile the old one may have become a connection's.
    product.port = free_port()
    product.start()
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["lost", "succeeded"]
    wait_until(lambda: not Path(f"/proc/{start[2]}").exists())
    scaled.wait_until_empty()


def test_work_goes_on_at_its_rate_while_redis_stands_still(scaled: WithWorkers) -> None:
    """Thirty nodes one after another: each needs a message to a host and a hint to the scheduler, and without them
    took three seconds to be found and one to be reported."""
    scaled.worker()
    assert scaled.ended(scaled.start(chains(1, 2))) == "succeeded"
    with scaled.broker.hanging():
        assert scaled.ended(scaled.start(chains(1, 30))) == "succeeded"
    assert scaled.ended(scaled.start(chains(1, 2))) == "succeeded"
    scaled.wait_until_empty()
