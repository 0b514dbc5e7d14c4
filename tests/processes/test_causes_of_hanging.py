"""Real node processes that hang, each in its own way: what the rules say about their stacks."""

import contextlib
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from engine import clock
from engine.diagnosis.causes import cause
from engine.diagnosis.facts import RunningFacts
from engine.diagnosis.looks import cause as look_cause
from engine.diagnosis.threads import Activity, activity_of
from tests.processes.test_stacks import ask, run_until
from tests.support import postgres
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
        running = RunningFacts("n", "n", "python", 1, None, clock.now(), 9.0)
        said = str(look_cause(running, found) or cause("n", found)) if found.code != "not_determined" else ""
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


def test_a_loop_that_looks_for_a_file_says_which_and_whether_it_is_there(node: Supervised, tmp_path: Path) -> None:
    path = str(tmp_path / "x.csv")
    lines = (f"path = {path!r}", "while not os.path.exists(path):", "    time.sleep(0.5)")
    found, said = hangs(node, *lines, code="looks_for")
    assert found.look is not None
    assert (found.look["what"], found.look["every"], found.look["there"]) == (path, 0.5, False)
    assert f"looks for {path} every 0.5 s since" in said
    assert "it is not there" in said


def test_a_shell_loop_that_looks_for_a_file_is_recognised(node: Supervised) -> None:
    work = node.shell("echo here; until [ -e x.csv ]; do sleep 0.5; done")
    run_until(node, work)
    _, said = activity(node, work, "looks_for")
    assert "looks for x.csv every 0.5 s" in said
    assert "it is not there" in said


RESOLVE = """import ctypes, ctypes.util, socket, struct
def main(inputs, ctx):
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    libc.__res_state.restype = ctypes.c_void_p
    libc.__res_init()
    # struct __res_state: retrans, retry, options, nscount, then the addresses of the servers.
    state = libc.__res_state()
    ctypes.c_int.from_address(state + 16).value = 1
    server = struct.pack("=H", socket.AF_INET) + struct.pack("!H", {port}) + socket.inet_aton("127.0.0.1") + bytes(8)
    ctypes.memmove(state + 20, server, 16)
    print("here")
    while True:
        try:
            socket.getaddrinfo("warehouse.example", 5432)
        except OSError:
            pass
"""


def test_a_name_server_that_does_not_answer_is_named_with_the_name(node: Supervised) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        work = node.python(RESOLVE.format(port=port))
        run_until(node, work)
        _, said = activity(node, work, "name_lookup")
        assert f"looks up the name warehouse.example, and the name server 127.0.0.1:{port} does not answer" in said


def test_a_query_of_duckdb_shows_its_statement_and_progress(node: Supervised) -> None:
    sql = "select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 11"
    work = node.work("table.sql", sql=sql)
    node.send(work)
    node.started(work)
    found, said = activity(node, work, "query")
    assert found.query is not None
    assert found.query["percent"] is not None
    assert sql in said
    assert "% done" in said


def test_a_connection_that_nobody_makes_is_not_a_missing_answer(node: Supervised) -> None:
    found, _ = hangs(node, "server = socket.create_server(('127.0.0.1', 0))", "server.accept()", code="listening")
    assert found.address.startswith("127.0.0.1:")


@pytest.mark.postgres
def test_a_row_that_another_client_of_postgresql_has_locked_is_a_lock(node: Supervised) -> None:
    with postgres.database() as url, contextlib.closing(psycopg2.connect(url)) as holder:
        with holder.cursor() as cursor:
            cursor.execute("create table t(a int); insert into t values(1)")
            holder.commit()
            cursor.execute("update t set a = 2")
        lines = (f"con = __import__('psycopg2').connect({url!r})", "con.cursor().execute('update t set a = 3')")
        found, _ = hangs(node, *lines, code="database_lock")
        assert found.backend is not None
        assert found.backend["does"] == "UPDATE waiting"
        assert found.holder == os.getpid()


def test_a_coroutine_that_waits_is_shown_with_its_line(node: Supervised) -> None:
    work = node.python(
        "import asyncio\nasync def never():\n    await asyncio.Event().wait()  # nobody sets it\n"
        "def main(inputs, ctx):\n    print('here')\n    asyncio.run(never())\n"
    )
    run_until(node, work)
    _, said = activity(node, work, "polling")
    assert "in line 3: await asyncio.Event().wait()  # nobody sets it" in said


def test_a_follower_of_a_file_is_no_deadlock(node: Supervised, tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    work = node.shell(f"echo here; tail -f {tmp_path}/log | cat")
    run_until(node, work)
    found, _ = activity(node, work, "child_hangs")
    assert found.circle == ()


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (
            ("lock = threading.Lock()", "lock.acquire()", "lock.acquire()"),
            "deadlock",
            "no other thread could release it",
        ),
        (("r, w = os.pipe()", "os.read(r, 1)"), "blocked_on_pipe", "that only its own process can write to"),
        (("os.mkfifo('f')", "open('f')"), "blocked_on_pipe", "the named pipe f to be opened at its other end"),
        (
            ("t = threading.Thread(target=time.sleep, args=(600,), daemon=True)", "t.start()", "t.join()"),
            "sleeping",
            "sleeps",
        ),
        (
            (
                "pool = __import__('concurrent.futures').futures.ThreadPoolExecutor(1)",
                "outer = lambda: pool.submit(len, 'x').result()",
                "pool.submit(outer).result()",
            ),
            "deadlock",
            "wait for each other",
        ),
        (("signal.pause()",), "blocked", "waits for a signal"),
    ],
    ids=["lock", "pipe", "named pipe", "thread", "pool", "signal"],
)
def test_what_nobody_can_end_is_said(node: Supervised, lines: tuple[str, ...], code: str, said: str) -> None:
    assert said in hangs(node, *lines, code=code)[1]
