"""Real node processes that hang, each in its own way: what the rules say about their stacks."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.diagnosis.causes import cause
from engine.diagnosis.threads import Activity, activity_of
from tests.processes.test_stacks import ask, run_until
from tests.support.supervised import Supervised
from tests.support.wait import wait_until

HEAD = "import os, signal, socket, sqlite3, subprocess, sys, threading, time\ndef main(inputs, ctx):\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as supervised:
        yield supervised


def hangs(node: Supervised, *lines: str, code: str) -> tuple[Activity, str]:
    """Return what a node with these lines does, as soon as it is `code`, and that in words."""
    work = node.python(HEAD + "".join(f"    {line}\n" for line in ("print('here')", *lines)))
    run_until(node, work)
    return activity(node, work, code)


def activity(node: Supervised, work: Any, code: str) -> tuple[Activity, str]:
    def seen() -> tuple[Activity, str] | None:
        found = activity_of(ask(node, work))
        said = str(cause("n", found)) if found.code != "not_determined" else ""
        print(found.code, said)
        return (found, said) if found.code == code else None

    return wait_until(seen)


def test_a_process_and_its_child_that_wait_for_each_other_are_in_a_deadlock(node: Supervised) -> None:
    _, said = hangs(
        node,
        "p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)",
        "p.stdin.write(b'x' * 10_000_000)",
        code="deadlock",
    )
    assert "in a deadlock with its child process" in said
    assert "p.stdin.write" in said


def test_a_child_whose_output_nobody_reads_is_in_a_deadlock_with_who_waits_for_its_end(node: Supervised) -> None:
    _, said = hangs(
        node,
        "p = subprocess.Popen(['head', '-c', '1000000', '/dev/zero'], stdout=subprocess.PIPE)",
        "p.wait()",
        code="deadlock",
    )
    assert "to take data from a pipe" in said


def test_a_stopped_child_is_recognised(node: Supervised) -> None:
    found, said = hangs(
        node,
        "p = subprocess.Popen(['sleep', '600'])",
        "p.send_signal(signal.SIGSTOP)",
        "p.wait()",
        code="child_stopped",
    )
    assert "is stopped (SIGSTOP): sleep 600" in said
    assert found.child is not None


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_locked_sqlite_database_is_a_lock_with_its_holder(node: Supervised, tmp_path: Path, journal: str) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute(f"pragma journal_mode={journal}")
        holder.execute("create table t(a)")
        holder.execute("begin immediate")
        found, _ = hangs(
            node,
            f"con = sqlite3.connect({str(path)!r}, timeout=600)",
            "con.execute('begin immediate')",
            code="file_lock",
        )
        assert found.path == str(path)
        assert found.holder is not None
        holder.execute("rollback")


def test_a_lock_whose_taker_has_ended_is_held_by_who_has_the_file_open(node: Supervised, tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    keeper = node.shell(f"exec 9>{path}; flock 9; echo held; sleep 600", node="keeper")
    waiter = node.shell(f"echo here; flock {path} true", node="waiter")
    node.send(keeper)
    node.until(lambda: "held" in node.lines(keeper))
    run_until(node, waiter)
    found, _ = activity(node, waiter, "file_lock")
    wait = found.child["waits_on"] if found.child else {}
    assert wait["holder"]["node"] == "keeper"
    assert found.holder == wait["pid"]
