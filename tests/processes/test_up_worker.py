"""`up` where nodes run on Celery workers: it starts one, so that it works as without, on one host."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.test_up import TREE, alive, child, python_node, start_run
from tests.support import redis, templates
from tests.support.product import Product
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


class WithWorker(Product):
    has_worker = True


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with templates.database() as database, redis.server(tmp_path) as server:
        environment = {"DATABASE_URL": database, "REDIS_URL": server.url, "INTERLOCK_EXECUTOR": "celery"}
        with templates.running(tmp_path / "home", WithWorker, **environment) as started:
            yield started


def tree(product: Product) -> list[int]:
    """Return the process tree of `up` that runs the node of TREE, when it is complete."""
    return wait_until(lambda: pids if names(pids := product.tree()).count("sleep") == 2 else [])


def names(pids: list[int]) -> list[str]:
    """Return the program names of those that still exist."""
    found = []
    for pid in alive(pids):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def test_nodes_run_without_a_separately_started_worker(product: Product) -> None:
    product.publish("work", python_node(0.1), [])
    run = product.api("POST", "workflows/work/runs/", {})["id"]
    assert product.ended(run)["state"] == "succeeded"
    (worker,) = product.api("GET", "workers/")["results"]
    assert worker["name"].startswith("up@")
    assert "Start at least one" not in product.log.read_text()


@pytest.mark.long
def test_a_killed_worker_is_started_again_and_its_run_goes_on(product: Product) -> None:
    run = start_run(product, python_node(3))
    os.kill(child(product, "worker"), signal.SIGKILL)
    assert product.ended(run)["state"] == "succeeded"
    assert "The worker process was killed by SIGKILL. Restarting it." in product.log.read_text()


@pytest.mark.long
def test_ctrl_c_lets_a_node_that_a_worker_runs_end(product: Product) -> None:
    run = start_run(product, python_node(3))
    assert product.process is not None
    everything = product.tree()
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(timeout=20) == 0
    wait_until(lambda: not alive(everything))
    # The scheduler has its end, so no other worker runs it again.
    product.start()
    assert product.api("GET", f"runs/{run}/")["state"] == "succeeded"
    assert product.api("GET", f"runs/{run}/nodes/sleep/")["attempt"] == 1


@pytest.mark.long
def test_a_second_ctrl_c_ends_also_the_worker_at_once(product: Product) -> None:
    start_run(product, [{"id": "tree", "type": "python", "config": {"code": TREE}}])
    everything = tree(product)
    assert product.process is not None
    product.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in product.log.read_text())
    time.sleep(0.1)  # Two signals at the same moment count as one.
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(timeout=10) == 128 + signal.SIGINT
    wait_until(lambda: not alive(everything))
    assert "Traceback" not in product.log.read_text()


@pytest.mark.long
def test_no_worker_outlives_a_killed_parent(product: Product) -> None:
    start_run(product, [{"id": "tree", "type": "python", "config": {"code": TREE}}])
    everything = tree(product)
    assert product.process is not None
    product.process.kill()
    product.process.wait()
    wait_until(lambda: not alive(everything))
    product.start()
