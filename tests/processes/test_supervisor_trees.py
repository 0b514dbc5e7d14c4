"""Whatever an attempt has started is gone when its end is reported, and within two seconds of the reason."""

import os
import signal
import time
from pathlib import Path

import pytest

from engine.executors.base import Ended
from engine.inspect import procfs
from engine.supervisor import cgroup
from engine.supervisor.cleanup import own_mark
from tests.support.effort import in_time
from tests.support.supervised import Supervised, alive, error_of, marked
from tests.support.wait import wait_until

HARD_SECONDS = 2.0
"""In which a tree is up also on a busy machine."""

# Each writes "up" to a file when its tree is complete, and would continue for ten minutes.
TREES = {
    "children that ignore SIGTERM": (
        3,
        """
import subprocess, time
def main(inputs, ctx):
    for _ in range(2):
        subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 100; done"])
    time.sleep(0.2)
    open({up!r}, "w").close()
    time.sleep(600)
""",
    ),
    "double fork": (
        2,
        """
import os, time
def main(inputs, ctx):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open({up!r}, "w").close()
            while True:
                time.sleep(100)
        os._exit(0)
    time.sleep(600)
""",
    ),
    "setsid": (
        3,
        """
import subprocess, time
def main(inputs, ctx):
    subprocess.Popen(["setsid", "sh", "-c", "setsid sleep 600 & exec sleep 600"])
    time.sleep(0.2)
    open({up!r}, "w").close()
    time.sleep(600)
""",
    ),
    "daemon without its environment": (
        2,
        """
import subprocess, time
def main(inputs, ctx):
    subprocess.run(["sh", "-c", "env -i setsid sleep 600 >/dev/null 2>&1 &"])
    time.sleep(0.2)
    open({up!r}, "w").close()
    time.sleep(600)
""",
    ),
    "blocked in C": (
        1,
        """
import ctypes
def main(inputs, ctx):
    open({up!r}, "w").close()
    libc = ctypes.PyDLL(None)
    while True:
        libc.pause()
""",
    ),
    "everything caught": (
        1,
        """
import signal, time
def main(inputs, ctx):
    for number in set(signal.Signals) - {{signal.SIGKILL, signal.SIGSTOP}}:
        signal.signal(number, signal.SIG_IGN)
    open({up!r}, "w").close()
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
""",
    ),
    "stdout kept open": (
        2,
        """
import subprocess, time
def main(inputs, ctx):
    loop = "trap '' PIPE; while :; do echo still here; sleep 0.01; done"
    subprocess.Popen(["sh", "-c", loop], start_new_session=True)
    open({up!r}, "w").close()
    time.sleep(600)
""",
    ),
    "stopped": (
        2,
        """
import os, signal, subprocess, time
def main(inputs, ctx):
    child = subprocess.Popen(["sleep", "600"])
    os.kill(child.pid, signal.SIGSTOP)
    open({up!r}, "w").close()
    time.sleep(600)
""",
    ),
    "growing": (
        2,
        """
import os, time
def main(inputs, ctx):
    if os.fork() == 0:
        time.sleep(600)
    open({up!r}, "w").close()
    while True:
        if os.fork() == 0:
            time.sleep(0.2)
            os._exit(0)
        time.sleep(0.001)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
""",
    ),
}


def start(node: Supervised, name: str, up: Path, **limits: float) -> tuple[str, int, set[int]]:
    """Return (claim, pid of the node process, its tree) of a running attempt."""
    work = node.python(TREES[name][1].format(up=str(up)), **limits)
    node.send(work)
    pid = node.started(work).pid
    node.until(lambda: up.exists())
    node.until(lambda: len(node.tree_of(pid)) >= TREES[name][0] or None)
    return work.claim, pid, node.tree_of(pid)


def check_gone(node: Supervised, claim: str, tree: set[int], began: float, name: str) -> Ended:
    ended = node.ended(node.works[claim])
    seconds = time.monotonic() - began
    left = [pid for pid in tree if alive(pid)]
    # The marks of the other node processes differ in their last number.
    known = {one.pid for one in node.supervisor.node_processes()}
    mine = [pid for pid in marked(own_mark(node.supervisor.mark_prefix)) if pid not in known]
    assert not left, f"{left} live on"
    assert not mine, f"{mine} carry the mark"
    in_time(seconds, 2.0)
    assert ended.receipt is not None
    assert ended.receipt["processes"] >= TREES[name][0] - (ended.state == "lost")
    assert ended.receipt["slots"] is None
    assert ended.receipt["seconds"] >= 0
    in_time(ended.receipt["seconds"], 2.0)
    assert node.run(node.work()).state == "succeeded"
    assert not list((node.home / "scratch").glob("*/*"))
    return ended


def test_a_tree_is_frozen_before_it_has_been_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which would also stop it at once.
    monkeypatch.setattr(cgroup, "create", lambda name: None)
    with Supervised(tmp_path) as node:
        claim, pid, _ = start(node, "double fork", tmp_path / "up")
        node.supervisor.kill(claim, "cancelled")
        wait_until(lambda: (found := procfs.process(pid)) is not None and found.state == "T")


@pytest.mark.parametrize("name", TREES)
def test_a_cancelled_tree_is_gone(tmp_path: Path, name: str) -> None:
    with Supervised(tmp_path) as node:
        claim, _, tree = start(node, name, tmp_path / "up")
        began = time.monotonic()
        node.supervisor.kill(claim, "cancelled")
        ended = check_gone(node, claim, tree, began, name)
        assert (ended.state, ended.error) == ("cancelled", None)


@pytest.mark.parametrize(
    "name", [name if name == "everything caught" else pytest.param(name, marks=pytest.mark.long) for name in TREES]
)
def test_a_tree_past_its_hard_limit_is_gone(tmp_path: Path, name: str) -> None:
    with Supervised(tmp_path) as node:
        claim, _, tree = start(node, name, tmp_path / "up", hard=HARD_SECONDS)
        began = node.supervisor._pool.by_claim[claim].attempts[claim].began
        ended = check_gone(node, claim, tree, began + HARD_SECONDS, name)
        assert ended.state == "timed_out"
        assert error_of(ended)["class"] == "HardTimeout"
        assert ended.seconds >= HARD_SECONDS
        in_time(ended.seconds, HARD_SECONDS + 1.0)


@pytest.mark.parametrize("name", [name for name in TREES if name != "daemon without its environment"])
def test_what_a_killed_node_process_leaves_is_gone_before_it_is_reported_lost(tmp_path: Path, name: str) -> None:
    with Supervised(tmp_path) as node:
        claim, pid, tree = start(node, name, tmp_path / "up")
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        ended = check_gone(node, claim, tree, began, name)
        assert ended.state == "lost"


def test_a_daemon_that_hid_its_environment_is_found_if_it_was_seen_before(tmp_path: Path) -> None:
    name = "daemon without its environment"
    with Supervised(tmp_path) as node:
        claim, pid, tree = start(node, name, tmp_path / "up")
        node.until(lambda: len(node.supervisor._pool.by_claim[claim].attempts[claim].usage.processes) >= TREES[name][0])
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        check_gone(node, claim, tree, began, name)


@pytest.mark.smoke
def test_a_kill_touches_no_other_attempt(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=2) as node:
        other = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(1.5)\n    return 1\n")
        node.send(other)
        claim, _, tree = start(node, "setsid", tmp_path / "up")
        began = time.monotonic()
        node.supervisor.kill(claim, "cancelled")
        check_gone(node, claim, tree, began, "setsid")
        assert node.ended(other).state == "succeeded"


def test_a_signal_never_reaches_another_process_that_got_the_pid() -> None:
    one = procfs.process(os.getpid())
    assert one is not None
    assert procfs.send_signal(one.pid, one.start + 1, signal.SIGKILL) is False


@pytest.mark.parametrize("how", ["cancel", "hard limit", "killed process"])
def test_no_process_of_a_shell_command_survives(tmp_path: Path, how: str) -> None:
    up = tmp_path / "up"
    command = f"trap '' TERM; setsid sleep 600 & (sleep 600 &) ; sleep 600 | cat & echo up; touch {up}; wait"
    with Supervised(tmp_path) as node:
        work = node.shell(command, hard=HARD_SECONDS if how == "hard limit" else None)
        node.send(work)
        pid = node.started(work).pid
        node.until(lambda: up.exists())
        tree = node.tree_of(pid)
        assert len(tree) >= 5
        began = time.monotonic()
        if how == "cancel":
            node.supervisor.kill(work.claim, "cancelled")
        elif how == "killed process":
            os.kill(pid, signal.SIGKILL)
        ended = node.ended(work)
        in_time(time.monotonic() - began, 3.0)
        assert ended.state == {"cancel": "cancelled", "hard limit": "timed_out", "killed process": "lost"}[how]
        assert ended.receipt is not None
        assert ended.receipt["processes"] >= 4
        assert not [one for one in tree if alive(one)]
        assert node.lines(work) == ["up"]


def test_a_shell_may_clean_up_at_its_soft_limit(tmp_path: Path) -> None:
    command = "trap 'echo cleaned; exit 3' TERM; echo begun; while :; do sleep 0.05; done"
    with Supervised(tmp_path) as node:
        work = node.shell(command, soft=2, hard=20)
        ended = node.run(work)
        assert ended.state == "timed_out"
        assert error_of(ended)["class"] == "SoftTimeout"
        assert {"begun", "cleaned"} <= set(node.lines(work))
