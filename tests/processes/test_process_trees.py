"""Whatever a node leaves running is gone within two seconds of its end, with a receipt and no slot held."""

from __future__ import annotations

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

IGNORES_SIGTERM = """
import os, signal, subprocess, sys, time
def main(inputs, ctx):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
    open({pids!r}, "a").write(f"{{child.pid}}\\n")
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""
DOUBLE_FORK = """
import os, time
def main(inputs, ctx):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open({pids!r}, "a") as file:
                file.write(f"{{os.getpid()}}\\n")
            time.sleep(600)
        os._exit(0)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""
BLOCKED_IN_C = """
import ctypes, os, signal, subprocess
def main(inputs, ctx):
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}})
    child = subprocess.Popen(["setsid", "sleep", "600"])
    open({pids!r}, "a").write(f"{{child.pid}}\\n")
    libc = ctypes.PyDLL(None)   # keeps the interpreter lock: no Python code runs until it returns
    while True:
        libc.sleep(600)
"""
SHELL = """
setsid sleep 600 & echo $! >> {pids}
(trap '' TERM; sleep 600) & echo $! >> {pids}
trap '' TERM; sleep 600; sleep 600
"""

TREES = {"ignores_sigterm": IGNORES_SIGTERM, "double_fork": DOUBLE_FORK, "blocked_in_c": BLOCKED_IN_C, "shell": SHELL}


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


def start(product: Product, tmp_path: Path, tree: str, **policy: Any) -> tuple[str, list[int]]:
    """A run with one node that makes such a tree; (run, pids that the node wrote down). The tree is there, and shown as
    running, unless a limit ends it."""
    pids = tmp_path / "pids"
    text = TREES[tree].format(pids=str(pids))
    node = {"id": "tree", "policy": {"pool": "scarce", "slots": 2, **policy}}
    node |= (
        {"type": "shell", "config": {"command": text}}
        if tree == "shell"
        else {"type": "python", "config": {"code": text}}
    )
    slug = f"{tree.replace('_', '-')}-{tmp_path.name[-40:].replace('_', '-').strip('-').lower()}"
    product.publish(slug, [node], [])
    run = product.api("POST", f"workflows/{slug}/runs/", {})["id"]
    expected = 2 if tree == "shell" else 1
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == expected)
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


@pytest.mark.parametrize("tree", list(TREES))
def test_cancel_ends_the_whole_tree(product: Product, tmp_path: Path, tree: str) -> None:
    run, pids = start(product, tmp_path, tree)
    product.api("POST", f"runs/{run}/cancel/", {})
    assert product.ended(run)["state"] == "cancelled"
    assert_gone(product, run, pids, len(pids) + 1)


@pytest.mark.parametrize("tree", list(TREES))
def test_the_hard_limit_ends_the_whole_tree(product: Product, tmp_path: Path, tree: str) -> None:
    run, pids = start(product, tmp_path, tree, soft_timeout=1.5, hard_timeout=3)
    ended = product.ended(run)
    assert ended["state"] == "failed"
    last = attempt(product, run)
    assert (last["state"], last["error"]["class"]) == ("timed_out", "HardTimeout")
    assert_gone(product, run, pids, len(pids) + 1)


@pytest.mark.parametrize("tree", list(TREES))
def test_a_killed_node_process_takes_its_tree_along_and_names_the_signal(
    product: Product, tmp_path: Path, tree: str
) -> None:
    run, pids = start(product, tmp_path, tree, lost_retries=0)
    os.kill(attempt(product, run)["pid"], signal.SIGKILL)
    assert product.ended(run)["state"] == "failed"
    last = attempt(product, run)
    assert (last["state"], last["error"]["class"]) == ("lost", "WorkerLost")
    assert "SIGKILL" in last["error"]["message"]
    assert_gone(product, run, pids, len(pids))
