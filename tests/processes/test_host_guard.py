"""A host's guard ends what runs there if its lease was not renewed, and only then."""

import math
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.executors.base import Started
from engine.host.guard import LATE_SECONDS, Guard
from engine.supervisor import cgroup, supervisor
from engine.supervisor.cleanup import mark_prefix, own_mark
from tests.support.product import processes_with
from tests.support.supervised import Supervised
from tests.support.wait import wait_until


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    made = Guard(mark_prefix(tmp_path))
    yield made
    made.close()


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """Return the mark of two processes of the host, one of which has left the process group of the other."""
    mark = own_mark(mark_prefix(tmp_path)) + "-1"
    environment = {"PATH": os.environ["PATH"], "INTERLOCK_MARK": mark}
    process = subprocess.Popen(["sh", "-c", "setsid sleep 300 & exec sleep 300"], env=environment)
    wait_until(lambda: len(processes_with(mark)) == 2)
    yield mark
    for pid in processes_with(mark):
        os.kill(pid, 9)
    process.wait()


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process without its mark, in the control group of a node process of the host."""
    group = cgroup.create(own_mark(mark_prefix(tmp_path)) + "-2")
    if group is None:
        pytest.skip("no control group can be made here")
    enter = "".join(f"echo 0 > {door}; " for door in group.entry_files())
    process = subprocess.Popen(["sh", "-c", f"{enter}exec sleep 300"], env={"PATH": os.environ["PATH"]})
    wait_until(lambda: process.pid in group.members())
    yield process
    process.kill()
    process.wait()
    wait_until(group.remove)


def sleeps(pid: int) -> int:
    """Return how often the process has gone to sleep so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


@pytest.mark.smoke
def test_what_runs_past_the_lease_is_ended_with_all_that_it_started(guard: Guard, mark: str) -> None:
    guard.until(math.inf)
    guard.busy(True)
    until = time.monotonic() + 1
    guard.until(until)
    wait_until(lambda: not processes_with(mark))
    assert time.monotonic() >= until + LATE_SECONDS


def test_what_only_its_control_group_reveals_is_ended_too(
    tmp_path: Path, guard: Guard, hidden: subprocess.Popen[bytes]
) -> None:
    guard.until(time.monotonic())
    guard.busy(True)
    assert hidden.wait(10) == -9


@pytest.mark.parametrize("held", ["lease", "starts"])
def test_a_node_process_starts_nothing_past_the_lease_or_while_its_worker_cannot_report(
    tmp_path: Path, guard: Guard, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a host that was paused as a whole all processes continue at once, also node processes before the guard that
    ends them."""
    monkeypatch.setattr(supervisor, "UNRESPONSIVE_SECONDS", 1.0)
    guard.until(time.monotonic() if held == "lease" else math.inf)
    guard.starts_until(time.monotonic() if held == "starts" else math.inf)
    begun = tmp_path / "begun"
    with Supervised(tmp_path / "home", lease=guard.lease) as node:
        node.settle()
        slept = {one.pid: sleeps(one.pid) for one in node.supervisor.node_processes()}
        work = node.shell(f"touch {begun}")
        node.send(work)

        def has_checked_for_long() -> bool:
            """One has woken up, and has checked for longer than a process may hang whether it may start."""
            node.supervisor.starts_are_held()
            return any(sleeps(pid) > before + 300 for pid, before in slept.items())

        node.until(has_checked_for_long)
        assert not begun.exists()
        assert not node.of(Started)
        guard.until(math.inf)
        guard.starts_until(math.inf)
        assert node.ended(work).state == "succeeded"
        assert begun.exists()


def test_a_guard_that_was_killed_is_replaced(guard: Guard, mark: str) -> None:
    guard.process.kill()
    guard.process.wait()
    guard.keep()
    guard.busy(True)
    wait_until(lambda: not processes_with(mark))


def test_what_a_worker_leaves_is_ended_while_the_worker_is_still_exiting(
    tmp_path: Path, mark: str, hidden: subprocess.Popen[bytes]
) -> None:
    """The kernel closes what a process has open before the process counts as dead. Here that takes a while."""
    Guard(mark_prefix(tmp_path)).close()
    assert not processes_with(mark)
    assert hidden.wait(0) == -9
