"""Workers, schedulers and Redis are killed, stopped and emptied at random during runs: each node is committed once,
nothing is left, and every run ends when the faults stop."""

import itertools
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import count
from tests.support import effort
from tests.support.factories import document, python
from tests.support.ledger import Ledger
from tests.support.wait import wait_until
from tests.support.withworkers import WithWorkers, installation
from tests.support.workers import Worker

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.long]

RUNS, WIDTH, DEPTH = 3, 4, 4


def workload(ledger: Ledger) -> dict[str, Any]:
    """Chains of nodes that take from nothing to half a second."""
    nodes = [
        python(f"n{a}x{b}", ledger.code(0.1 * ((a + b) % 6), beats=True), lost_retries=20)
        for a in range(WIDTH)
        for b in range(DEPTH)
    ]
    return document(nodes, *(f"n{a}x{b}>n{a}x{b + 1}" for a in range(WIDTH) for b in range(DEPTH - 1)))


def kill_scheduler(made: WithWorkers, rng: random.Random) -> None:
    ((epoch, pid),) = made.rows("SELECT epoch, pid FROM engine_leader")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: made.rows("SELECT epoch FROM engine_leader")[0][0] > epoch)


def kill_worker(made: WithWorkers, rng: random.Random) -> None:
    one = rng.choice(made.started)
    one.kill()
    one.start()


def kill_node_process(made: WithWorkers, rng: random.Random) -> None:
    found = [pid for one in made.started for pid in one.node_processes()]
    if found:
        try:
            os.kill(rng.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            pass


def stop_worker(made: WithWorkers, rng: random.Random) -> None:
    one = rng.choice(made.started)
    assert one.stop() == 0
    one.start()


def empty_redis(made: WithWorkers, rng: random.Random) -> None:
    made.broker.client().flushall()


def restart_redis(made: WithWorkers, rng: random.Random) -> None:
    made.broker.kill()
    made.broker.start()


def cut_connections(made: WithWorkers, rng: random.Random) -> None:
    made.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND (application_name = 'interlock-worker' "
        "OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))"
    )


FAULTS: tuple[Callable[[WithWorkers, random.Random], None], ...] = (
    kill_scheduler, kill_worker, kill_node_process, stop_worker, empty_redis, restart_redis, cut_connections,
)  # fmt: skip


def test_each_node_is_committed_once_whatever_is_killed(tmp_path: Path) -> None:
    rng = random.Random(effort.seed("workers"))
    ledger = Ledger(tmp_path / "told")
    with installation(tmp_path) as made:
        made.worker("one")
        made.worker("two")
        made.product.publish("load", **{key: workload(ledger)[key] for key in ("nodes", "edges")})
        for _ in range(effort.rounds(2, 40)):
            runs = [str(made.product.api("POST", "workflows/load/runs/", {})["id"]) for _ in range(RUNS)]
            for fault in rng.sample(FAULTS, 3):
                fault(made, rng)
                count.injected(fault.__name__)
            for run in runs:
                assert made.product.ended(run)["state"] == "succeeded"
        wrong = made.rows(
            "SELECT run_id, node, count(*) FROM engine_attempt WHERE state = 'succeeded' GROUP BY 1, 2 "
            "HAVING count(*) <> 1"
        )
        assert not wrong
        made.wait_until_empty()
        workers: list[Worker] = made.started
        assert made.rows("SELECT count(*) FROM engine_noderun WHERE claim <> ''") == [(0,)]
        _no_overlap(ledger)
        for one in workers:
            assert one.stop() == 0
            assert not one.node_processes()


def _no_overlap(ledger: Ledger) -> None:
    """No node ran twice at once: an attempt starts after the last line of the one before."""
    by_node: dict[tuple[str, str], list[Any]] = {}
    for execution in ledger.executions():
        by_node.setdefault((execution.start.run, execution.start.node), []).append(execution)
    for found in by_node.values():
        found.sort(key=lambda one: one.start.at)
        assert all(one.last.at < other.start.at for one, other in itertools.pairwise(found)), found
