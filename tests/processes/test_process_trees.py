"""What a node leaves running is ended with it by the whole product, with a receipt and no held slot.

test_supervisor_trees.py has the many shapes of trees.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.effort import in_time
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

CODE = """
import ctypes, os, signal, subprocess
def main(inputs, ctx):
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}})
    child = subprocess.Popen(["setsid", "sleep", "600"])
    open({pids!r}, "a").write(f"{{child.pid}}\\n")
    libc = ctypes.PyDLL(None)   # keeps the interpreter lock: no Python code runs until it returns
    while True:
        libc.sleep(600)
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("trees") / "home", INTERLOCK_WORKERS="3") as product:
        product.api("POST", "pools/", {"name": "scarce", "slots": 2})
        yield product


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def start(product: Product, tmp_path: Path, **policy: Any) -> tuple[str, list[int]]:
    """Start a run of one node and return it with the pids that the node recorded.

    The node is shown as running then, unless a limit ends it.
    """
    pids = tmp_path / "pids"
    policy = {"pool": "scarce", "slots": 2, **policy}
    node = {"id": "tree", "type": "python", "config": {"code": CODE.format(pids=str(pids))}, "policy": policy}
    slug = f"tree-{tmp_path.name[-40:].replace('_', '-').strip('-').lower()}"
    product.publish(slug, [node], [])
    run = product.api("POST", f"workflows/{slug}/runs/", {})["id"]
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    found = [int(pid) for pid in pids.read_text().split()]
    if "hard_timeout" not in policy:
        wait_until(lambda: product.api("GET", f"runs/{run}/nodes/tree/")["state"] == "running")
        assert all(alive(pid) for pid in found)
    return run, found


def attempt(product: Product, run: str) -> Any:
    found = product.api("GET", f"runs/{run}/nodes/tree/attempts/")["results"]
    return max(found, key=lambda attempt: attempt["number"])


def assert_gone(product: Product, run: str, pids: list[int], processes: int) -> None:
    wait_until(lambda: not any(alive(pid) for pid in pids))
    receipt = attempt(product, run)["receipt"]
    assert receipt["processes"] >= processes
    assert receipt["slots"] == 2
    assert receipt["seconds"] >= 0
    in_time(receipt["seconds"], 2)
    pool = product.api("GET", "pools/scarce/")
    assert (pool["in_use"], pool["holders"]) == (0, [])
    assert pool["acquired"] == pool["released"]


def test_cancel_ends_the_whole_tree(product: Product, tmp_path: Path) -> None:
    run, pids = start(product, tmp_path)
    product.api("POST", f"runs/{run}/cancel/", {})
    assert product.ended(run)["state"] == "cancelled"
    assert_gone(product, run, pids, len(pids) + 1)


def test_the_hard_limit_ends_the_whole_tree(product: Product, tmp_path: Path) -> None:
    run, pids = start(product, tmp_path, soft_timeout=1.5, hard_timeout=3)
    ended = product.ended(run)
    assert ended["state"] == "failed"
    last = attempt(product, run)
    assert (last["state"], last["error"]["class"]) == ("timed_out", "HardTimeout")
    assert_gone(product, run, pids, len(pids) + 1)


def test_a_killed_node_process_ends_with_its_tree_and_the_signal_is_named(product: Product, tmp_path: Path) -> None:
    run, pids = start(product, tmp_path, lost_retries=0)
    os.kill(attempt(product, run)["pid"], signal.SIGKILL)
    assert product.ended(run)["state"] == "failed"
    last = attempt(product, run)
    assert (last["state"], last["error"]["class"]) == ("lost", "WorkerLost")
    assert "SIGKILL" in last["error"]["message"]
    assert_gone(product, run, pids, len(pids))
