"""A Celery worker that a user drains and resumes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.host.overdue import OVERDUE_SECONDS
from tests.support.factories import chains, document, node, python
from tests.support.wait import wait_until
from tests.support.withworkers import WithWorkers, installation

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


@pytest.fixture
def scaled(tmp_path: Path) -> Iterator[WithWorkers]:
    with installation(tmp_path) as made:
        yield made


def worker(scaled: WithWorkers, name: str = "one@test") -> Any:
    (found,) = [one for one in scaled.product.api("GET", "workers/")["results"] if one["name"] == name]
    return found


def ask(scaled: WithWorkers, verb: str, name: str = "one@test") -> Any:
    return scaled.product.api("POST", f"workers/{name}/{verb}/", {})


def logged(scaled: WithWorkers, word: str, name: str = "one") -> bool:
    return f"{word} name={name}@test" in (scaled.folder / f"{name}.log").read_text()


def test_a_drained_worker_finishes_its_work_and_takes_more_after_it_is_resumed(scaled: WithWorkers) -> None:
    one = scaled.worker()
    run = scaled.start(scaled.waiting("a"))
    ((_, _, pid),) = scaled.wait_for_starts()
    scaled.running(run)
    found = worker(scaled)
    assert (found["state"], found["queues"], found["capacity"], found["busy"]) == ("active", ["default"], 2, 1)
    (attempt,) = found["running"]
    assert (attempt["run"], attempt["node"], attempt["attempt"], attempt["pid"]) == (run, "a", 1, pid)
    # The first heartbeat announces it.
    wait_until(lambda: worker(scaled)["pid"] == one.process.pid)
    assert found["silent_seconds"] < 3

    assert ask(scaled, "drain")["state"] == "draining"
    # Its next heartbeat, each second, gets the news.
    wait_until(lambda: logged(scaled, "host_drains"))
    waits = scaled.start(document([node("b")]))
    wait_until(lambda: scaled.node(waits, "b")["state"] == "ready")
    (condition,) = scaled.node(waits, "b")["waiting_for"]
    assert condition["code"] == "queue"
    assert "`celery -A engine worker -Q default`" in condition["message"]
    found = scaled.product.api("GET", f"runs/{waits}/diagnostics/")
    assert [(one["code"], one["node_id"]) for one in found["suggestions"]] == [("no_queue_worker", "b")]
    scaled.flag.touch()
    assert scaled.ended(run) == "succeeded"
    assert scaled.states(run) == ["succeeded"]
    assert scaled.states(waits, "b") == []
    assert one.process.poll() is None

    assert ask(scaled, "resume")["state"] == "active"
    assert scaled.ended(waits) == "succeeded"
    # It receives messages again.
    wait_until(lambda: timed_run(scaled) < OVERDUE_SECONDS)
    scaled.wait_until_empty()


def timed_run(scaled: WithWorkers) -> float:
    """Return how long a few nodes in a row take: OVERDUE_SECONDS and more if a message reaches no worker that
    takes it."""
    wait_for_starts = time.monotonic()
    assert scaled.ended(scaled.start(chains(1, 3))) == "succeeded"
    return time.monotonic() - wait_for_starts


@pytest.mark.long
def test_a_drained_worker_leaves_its_queue_to_the_others_at_once(scaled: WithWorkers) -> None:
    scaled.worker("one")
    scaled.worker("two")
    ask(scaled, "drain")
    wait_until(lambda: logged(scaled, "host_drains"))
    wait_until(lambda: timed_run(scaled) < OVERDUE_SECONDS)
    # The drained one would take every other message. The machine may be busy once or twice.
    assert sorted(timed_run(scaled) for _ in range(8))[5] < OVERDUE_SECONDS
    names = {name for (name,) in scaled.rows("SELECT DISTINCT split_part(worker, '/', 1) FROM engine_attempt")}
    assert names == {"two@test"}


@pytest.mark.long
def test_draining_a_busy_worker_loses_no_attempt(scaled: WithWorkers) -> None:
    scaled.worker("one")
    scaled.worker("two")
    code = "import time\n\ndef main(inputs, ctx):\n    time.sleep(0.1)\n"
    names, behind = [f"n{number}" for number in range(80)], [f"b{number}" for number in range(20)]
    gate = scaled.waiting("gate")["nodes"]
    nodes = [*gate, *(python(name, code) for name in (*names, *behind))]
    run = scaled.start(document(nodes, *(f"gate>{name}" for name in behind)))
    wait_for_starts = "SELECT count(*) FROM engine_attempt WHERE worker LIKE 'one@test/%%'"
    wait_until(lambda: scaled.rows(wait_for_starts)[0][0] >= 4)
    ask(scaled, "drain")
    ((drained,),) = scaled.rows("SELECT clock_timestamp()")
    scaled.flag.touch()
    assert scaled.ended(run) == "succeeded"
    late = scaled.rows(
        "SELECT node FROM engine_attempt WHERE worker LIKE 'one@test/%%' AND started_at > %s + interval '2 seconds'",
        drained,
    )
    assert late == []
    assert scaled.rows("SELECT count(*), max(number) FROM engine_attempt") == [(len(nodes), 1)]
    by = "SELECT DISTINCT split_part(worker, '/', 1) FROM engine_attempt WHERE node LIKE 'b%%'"
    assert scaled.rows(by) == [("two@test",)]
    scaled.wait_until_empty()


@pytest.mark.long
def test_a_drained_worker_stays_drained_after_a_lost_lease_but_not_after_a_restart(scaled: WithWorkers) -> None:
    one = scaled.worker()
    ask(scaled, "drain")
    wait_until(lambda: logged(scaled, "host_drains"))
    with one.frozen():
        wait_until(lambda: worker(scaled)["state"] == "lost")
        refused = scaled.product.call("POST", "/api/v1/workers/one@test/resume/", {})
        assert refused.status == 409
    wait_until(lambda: worker(scaled)["state"] == "draining")
    assert one.stop() == 0
    assert [found["name"] for found in scaled.product.api("GET", "workers/")["results"]] == []
    one.start()
    assert worker(scaled)["state"] == "active"
    assert scaled.ended(scaled.start(chains(1, 2))) == "succeeded"
