"""Stacks of real node processes: what their threads do and wait on, whatever state they are in."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.executors.base import Ended, Stacks, Work
from engine.inspect import procfs
from tests.support.effort import in_time
from tests.support.supervised import Supervised, alive

HEAD = "def main(inputs, ctx):\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Supervised]:
    with Supervised(tmp_path) as supervised:
        yield supervised


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Yield a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def run_until(node: Supervised, work: Work, line: str = "here") -> None:
    """Start `work` and wait until it has printed `line`."""
    node.send(work)
    node.until(lambda: line in node.lines(work))


def ask(node: Supervised, work: Work, timeout: float = 10.0) -> dict[str, Any]:
    before = len(node.of(Stacks, work.claim))
    node.supervisor.take_stacks(work.claim)
    return node.until(lambda: node.of(Stacks, work.claim)[before:], timeout)[0].body


def look(node: Supervised, code: str, python: str = "") -> dict[str, Any]:
    """Return the stacks of a node with this code, captured after it printed "here" and continued."""
    work = node.python(code, python=python)
    run_until(node, work)
    return settled(node, work)


def settled(node: Supervised, work: Work) -> dict[str, Any]:
    """Return its stacks after it has continued from where it prints. The line may arrive before that."""
    while is_printing(body := ask(node, work)):
        pass
    return body


def is_printing(body: dict[str, Any]) -> bool:
    """Return whether a thread was printing in one of the samples."""
    threads = [thread for sample in body["samples"] for thread in sample["threads"]]
    return any("print(" in (frame["source"] or "") for thread in threads for frame in thread["frames"])


def main_thread(body: dict[str, Any], sample: int = -1) -> dict[str, Any]:
    threads = body["samples"][sample]["threads"]
    assert threads[0]["id"] == body["pid"]
    assert threads[0]["name"] == "MainThread"
    return threads[0]  # type: ignore[no-any-return]


def frame_of_author(thread: dict[str, Any]) -> dict[str, Any]:
    return next(frame for frame in thread["frames"] if frame["author"])


@pytest.mark.smoke
def test_a_sleep_is_shown_with_its_rest_and_the_authors_line(node: Supervised) -> None:
    body = look(node, f"import time\n{HEAD}    print('here')\n    time.sleep(600)  # waiting\n")
    thread = main_thread(body)
    assert thread["frames"] == [
        {"file": "<n>", "line": 4, "function": "main", "source": "time.sleep(600)  # waiting", "author": True}
    ]
    assert thread["waits_on"]["kind"] == "sleep"
    assert 550 < thread["waits_on"]["seconds"] <= 600
    assert 2 <= len(body["samples"]) <= 5
    assert (body["moves"], body["message"], body["children"]) == (False, None, [])
    assert body["cpu_percent"] < 10


def test_a_python_loop_is_shown_as_running_and_waiting_on_nothing(node: Supervised) -> None:
    body = look(node, f"{HEAD}    print('here')\n    n = 0\n    while True:\n        n += 1\n")
    thread = main_thread(body)
    assert thread["waits_on"] is None
    assert frame_of_author(thread)["line"] in (4, 5)
    assert body["moves"] is True
    assert body["cpu_percent"] > 1


@pytest.mark.parametrize("line", ["sum(range(10**12))", "re.match(r'(a+)+$', 'a' * 60 + 'b')"])
def test_c_code_that_holds_the_interpreters_lock_is_still_shown(node: Supervised, line: str) -> None:
    body = look(node, f"import re\n{HEAD}    print('here')\n    {line}\n")
    assert body["message"] is None
    assert frame_of_author(main_thread(body))["source"] == line
    assert body["moves"] is True


def test_a_busy_native_library_does_not_hide_the_line_that_called_it(node: Supervised) -> None:
    pytest.importorskip("duckdb")
    sql = "select count(*) from range(10000000) a, range(10000000) b"
    body = look(node, f"import duckdb\n{HEAD}    print('here')\n    duckdb.sql({sql!r}).fetchall()\n")
    assert frame_of_author(main_thread(body))["line"] == 4


@pytest.mark.parametrize("timeout", [None, 300])
def test_a_blocked_read_names_the_address(node: Supervised, server: socket.socket, timeout: int | None) -> None:
    port = server.getsockname()[1]
    body = look(
        node,
        f"import socket\n{HEAD}    link = socket.create_connection(('127.0.0.1', {port}), timeout={timeout})\n"
        "    print('here')\n    link.recv(10)\n",
    )
    waits = main_thread(body)["waits_on"]
    assert (waits["kind"], waits["address"]) == ("socket", f"127.0.0.1:{port}")
    assert waits["message"] == f"data from 127.0.0.1:{port}"
    assert waits.get("seconds") == timeout


def test_a_wait_for_ipv6_and_for_a_unix_socket_names_the_address(node: Supervised, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    code = (
        f"import socket\n{HEAD}    link = socket.socket(socket.{{family}})\n    link.connect({{address!r}})\n"
        "    print('here')\n    link.recv(10)\n"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        work = node.python(code.format(family="AF_UNIX", address=path))
        run_until(node, work)
        with listening.accept()[0]:
            assert main_thread(settled(node, work))["waits_on"]["address"] == path
    try:
        six = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with six:
        body = look(node, code.format(family="AF_INET6", address=("::1", six.getsockname()[1])))
        assert main_thread(body)["waits_on"]["address"] == f"[::1]:{six.getsockname()[1]}"


def test_an_event_loop_shows_the_socket_that_it_waits_for(node: Supervised, server: socket.socket) -> None:
    port = server.getsockname()[1]
    body = look(
        node,
        f"import asyncio\nasync def go():\n    r, w = await asyncio.open_connection('127.0.0.1', {port})\n"
        f"    print('here')\n    await r.read(10)\n{HEAD}    asyncio.run(go())\n",
    )
    waits = main_thread(body)["waits_on"]
    assert (waits["kind"], waits["address"]) == ("socket", f"127.0.0.1:{port}")
    body = look(node, f"import asyncio\n{HEAD}    print('here')\n    asyncio.run(asyncio.sleep(500))\n")
    assert main_thread(body)["waits_on"]["kind"] == "sleep"


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("subprocess.run(['sleep', '600'])", "child"),
        ("subprocess.run(['sleep', '600'], capture_output=True)", "pipe"),
        ("subprocess.check_output(['sleep', '600'])", "pipe"),
    ],
)
def test_a_child_that_hangs_is_named_with_what_it_waits_on(node: Supervised, call: str, kind: str) -> None:
    body = look(node, f"import subprocess\n{HEAD}    print('here')\n    {call}\n")
    (child,) = body["children"]
    assert child["command"] == "sleep 600"
    assert child["state"] == "sleeping"
    assert child["parent"] == body["pid"]
    assert child["cpu_seconds"] < 1
    assert child["since"].startswith("20")
    assert child["waits_on"]["kind"] == "sleep"
    waits = main_thread(body)["waits_on"]
    assert (waits["kind"], waits["pid"]) == (kind, child["pid"])
    assert "sleep 600" in waits["message"]


def test_a_shell_node_shows_the_processes_of_its_command(node: Supervised) -> None:
    work = node.shell("echo here; sleep 600; true")
    run_until(node, work)
    body = ask(node, work)
    waits = main_thread(body)["waits_on"]
    commands = {child["command"]: child for child in body["children"]}
    shell = next(child for command, child in commands.items() if command.startswith("/bin/sh -c"))
    assert (waits["kind"], waits["pid"]) == ("child", shell["pid"])
    assert commands["sleep 600"]["parent"] == shell["pid"]
    assert not any(frame["author"] for frame in main_thread(body)["frames"])
    assert all("/engine/worker/" not in frame["file"] for frame in main_thread(body)["frames"])


def test_two_threads_in_deadlock_both_wait_on_locks(node: Supervised) -> None:
    code = (
        "import threading\na, b = threading.Lock(), threading.Lock()\nmet = threading.Barrier(2)\n"
        "def take(first, second):\n    with first:\n        met.wait()\n        print('here')\n        with second:\n"
        "            pass\n"
        f"{HEAD}    both = [threading.Thread(target=take, args=pair, name=f'taker {{n}}')\n"
        "            for n, pair in enumerate([(a, b), (b, a)])]\n"
        "    for one in both:\n        one.start()\n    for one in both:\n        one.join()\n"
    )
    work = node.python(code)
    node.send(work)
    node.until(lambda: node.lines(work).count("here") == 2)
    body = settled(node, work)
    takers = [one for one in body["samples"][-1]["threads"] if (one["name"] or "").startswith("taker")]
    assert len(takers) == 2
    for one in takers:
        assert one["id"] != body["pid"]
        assert one["waits_on"]["kind"] == "lock"
        assert "seconds" not in one["waits_on"]
        assert frame_of_author(one)["source"] == "with second:"
    assert len({one["waits_on"]["lock"] for one in takers}) == 2
    waits = main_thread(body)["waits_on"]
    assert (waits["kind"], waits["function"]) == ("lock", "join")
    assert body["moves"] is False


def test_a_lock_on_a_file_names_the_file_and_who_holds_it(node: Supervised, tmp_path: Path) -> None:
    path = tmp_path / "ledger.lock"
    with open(path, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        body = look(
            node,
            f"import fcntl\n{HEAD}    file = open({str(path)!r})\n    print('here')\n"
            "    fcntl.flock(file, fcntl.LOCK_EX)\n",
        )
        waits = main_thread(body)["waits_on"]
        assert (waits["kind"], waits["path"], waits["pid"]) == ("file", str(path), os.getpid())
        fcntl.flock(held, fcntl.LOCK_UN)
        fcntl.lockf(held, fcntl.LOCK_EX)
        body = look(
            node,
            f"import fcntl\n{HEAD}    file = open({str(path)!r}, 'r+')\n    print('here')\n"
            "    fcntl.lockf(file, fcntl.LOCK_EX)\n",
        )
        assert main_thread(body)["waits_on"]["pid"] == os.getpid()


def test_a_named_pipe_without_a_writer_is_named(node: Supervised, tmp_path: Path) -> None:
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    body = look(node, f"{HEAD}    print('here')\n    open({path!r})\n")
    waits = main_thread(body)["waits_on"]
    assert (waits["kind"], waits["path"]) == ("pipe", path)


def test_a_pool_of_threads_shows_each_with_its_name(node: Supervised) -> None:
    code = (
        f"import time\nfrom concurrent.futures import ThreadPoolExecutor\n{HEAD}    print('here')\n"
        "    with ThreadPoolExecutor(3, 'reader') as pool:\n        list(pool.map(time.sleep, [600] * 3))\n"
    )
    body = look(node, code)
    threads = {one["name"]: one for one in body["samples"][-1]["threads"]}
    assert {"MainThread", "reader_0", "reader_1", "reader_2"} <= threads.keys()
    assert {threads[f"reader_{n}"]["waits_on"]["kind"] for n in range(3)} == {"sleep"}


@pytest.mark.long
def test_repeated_captures_do_not_disturb_a_node_with_busy_threads(node: Supervised) -> None:
    code = (
        f"import json, time\nfrom concurrent.futures import ThreadPoolExecutor\n{HEAD}    print('here')\n"
        "    text = json.dumps({str(n): list(range(20)) for n in range(50)})\n    end = time.time() + 8\n"
        "    while time.time() < end:\n        with ThreadPoolExecutor(8) as pool:\n"
        "            list(pool.map(json.loads, [text] * 50))\n    return 'whole'\n"
    )
    work = node.python(code)
    run_until(node, work)
    while not node.of(Ended, work.claim):
        node.supervisor.take_stacks(work.claim)
        node.poll()
    assert node.of(Ended, work.claim)[0].state == "succeeded"
    assert len(node.of(Stacks, work.claim)) > 2


def test_a_stopped_process_is_shown_as_such_and_nothing_waits_for_it(node: Supervised) -> None:
    work = node.python(f"import os, signal\n{HEAD}    print('here')\n    os.kill(os.getpid(), signal.SIGSTOP)\n")
    run_until(node, work)
    pid = node.started(work).pid
    node.until(lambda: (one := procfs.process(pid)) is not None and one.state == "T")
    began = time.monotonic()
    body = ask(node, work)
    in_time(time.monotonic() - began, 2.0)
    assert "SIGSTOP" in body["message"]
    assert main_thread(body)["frames"] == []
    os.kill(pid, signal.SIGCONT)
    assert node.ended(work).state == "succeeded"


def test_a_process_stopped_during_a_capture_does_not_block_the_supervisor(node: Supervised) -> None:
    work = node.python(f"import time\n{HEAD}    print('here')\n    time.sleep(600)\n")
    run_until(node, work)
    node.supervisor.take_stacks(work.claim)
    node.poll(0)
    os.kill(node.started(work).pid, signal.SIGSTOP)
    turns = []
    while not node.of(Stacks, work.claim):
        before = time.monotonic()
        node.poll(0.01)
        turns.append(time.monotonic() - before)
    # Except in a busy moment of the machine: each capture would wait.
    assert sorted(turns)[-3] < 0.5
    # Earlier stacks are better than none.
    body = node.of(Stacks, work.claim)[0].body
    assert all(sample["threads"][0]["frames"] for sample in body["samples"]) == (body["message"] is None)


@pytest.mark.parametrize("handler", ["signal.SIG_DFL", "signal.SIG_IGN", "lambda *_: print('called')"])
def test_code_that_handles_the_signal_itself_is_not_ended_by_it(node: Supervised, handler: str) -> None:
    code = f"import signal\n{HEAD}    signal.signal(signal.SIGUSR2, {handler})\n    print('here')\n    {{line}}\n"
    body = look(node, "import time\n" + code.format(line="time.sleep(600)"))
    assert body["message"] is None
    assert frame_of_author(main_thread(body))["source"] == "time.sleep(600)"
    work = node.python(code.format(line="sum(range(10**12))"))
    run_until(node, work)
    body = ask(node, work)
    assert "SIGUSR2" in body["message"]
    assert main_thread(body)["frames"] == []
    assert alive(node.started(work).pid)


def test_stacks_of_the_next_attempt_in_such_a_process_can_be_captured(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1) as node:
        for taken in (
            "signal.signal(signal.SIGUSR2, signal.SIG_DFL)",
            "faulthandler.unregister(signal.SIGUSR2)",
            "faulthandler.register(signal.SIGUSR2, file=open('/dev/null', 'w'))",
        ):
            first = node.python(f"import faulthandler, signal\n{HEAD}    {taken}\n")
            assert node.run(first).state == "succeeded"
            second = node.python(f"{HEAD}    print('here')\n    sum(range(10**12))\n")
            run_until(node, second)
            assert node.started(second).pid == node.started(first).pid
            assert frame_of_author(main_thread(settled(node, second)))["line"] == 3
            node.supervisor.kill(second.claim, "cancelled")
            node.ended(second)


def test_code_that_closes_all_descriptors_hangs_nothing(node: Supervised, tmp_path: Path) -> None:
    work = node.python(f"import os, time\n{HEAD}    os.closerange(3, 4096)\n    time.sleep(600)\n")
    node.send(work)
    node.started(work)
    node.supervisor.take_stacks(work.claim)
    assert node.ended(work).state == "lost"


def test_nothing_is_written_to_descriptors_that_the_code_took_over(node: Supervised, tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.write_bytes(b"")
    code = (
        f"import os, sys\n{HEAD}    words = open('/proc/self/cmdline').read().split('\\0')\n"
        f"    mine = os.open({str(path)!r}, os.O_RDWR | os.O_APPEND)\n"
        "    for name in ('--ask', '--stack'):\n        os.dup2(mine, int(words[words.index(name) + 1]))\n"
        "    print('here')\n    sum(range(10**12))\n"
    )
    work = node.python(code)
    run_until(node, work)
    for _ in range(2):
        body = ask(node, work)
        assert body["message"] == "The node's code has closed the file that its stacks are written to."
    assert path.read_bytes() == b""
    assert alive(node.started(work).pid)


def test_an_attempt_that_ends_in_the_middle_hangs_nothing(node: Supervised, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        f"import os, time\n{HEAD}    print('here')\n    while not os.path.exists({str(go)!r}):\n"
        "        time.sleep(0.01)\n    return 1\n"
    )
    work = node.python(code)
    run_until(node, work)
    attempt = node.supervisor._pool.by_claim[work.claim].attempts[work.claim]
    node.supervisor.take_stacks(work.claim)
    node.until(lambda: attempt.stacks.sampler is not None and attempt.stacks.sampler.samples)
    go.touch()
    assert node.ended(work).state == "succeeded"
    kinds = [type(one) for one in node.reports if getattr(one, "claim", None) == work.claim]
    assert Stacks in kinds
    assert kinds.index(Stacks) < kinds.index(Ended)
    node.supervisor.take_stacks(work.claim)
    again = node.python(f"import time\n{HEAD}    print('here')\n    time.sleep(600)\n")
    run_until(node, again)
    assert frame_of_author(main_thread(settled(node, again)))["source"] == "time.sleep(600)"


def test_a_killed_attempt_in_the_middle_hangs_nothing(node: Supervised) -> None:
    work = node.python(f"import time\n{HEAD}    print('here')\n    time.sleep(600)\n")
    run_until(node, work)
    node.supervisor.take_stacks(work.claim)
    node.poll(0)
    node.supervisor.kill(work.claim, "cancelled")
    assert node.ended(work).state == "cancelled"


def test_fifty_requests_at_once_capture_stacks_once(node: Supervised) -> None:
    work = node.python(f"import time\n{HEAD}    print('here')\n    time.sleep(600)\n")
    run_until(node, work)
    for _ in range(50):
        node.supervisor.take_stacks(work.claim)
    began = time.monotonic()
    node.until(lambda: node.of(Stacks, work.claim))
    in_time(time.monotonic() - began, 2.0)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        node.poll()
    assert len(node.of(Stacks, work.claim)) == 1


def test_requests_for_what_does_not_run_are_ignored(node: Supervised) -> None:
    node.supervisor.take_stacks("nobody")
    work = node.work()
    node.run(work)
    node.supervisor.take_stacks(work.claim)
    node.poll(0.1)
    assert node.of(Stacks) == []


def test_a_module_beside_the_nodes_code_is_shown_with_its_text(node: Supervised) -> None:
    module = "import time\ndef work():\n    print('here', flush=True)\n    time.sleep(600)\n"
    code = (
        f"import sys\n{HEAD}    sys.path.insert(0, '.')\n    open('beside.py', 'w').write({module!r})\n"
        "    import beside\n    beside.work()\n"
    )
    frames = main_thread(look(node, code))["frames"]
    assert [(one["function"], one["author"]) for one in frames] == [("work", False), ("main", True)]
    assert frames[0]["source"] == "time.sleep(600)"


def interpreter(version: str) -> str:
    """Return a Python of this version. Skips where there is none."""
    found = [shutil.which(f"python{version}"), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    for one in found:
        if one is not None:
            output = subprocess.run([one, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
            if output.returncode == 0:
                return output.stdout.strip()
    pytest.skip(f"no Python {version} here")


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13", "3.14"])
def test_other_interpreters_give_the_same_stacks(node: Supervised, version: str) -> None:
    python = interpreter(version)
    if os.path.realpath(python) == os.path.realpath(sys.executable):
        pytest.skip("it is the product's own")
    body = look(node, f"import time\n{HEAD}    print('here')\n    time.sleep(600)\n", python)
    thread = main_thread(body)
    assert thread["waits_on"]["kind"] == "sleep"
    assert frame_of_author(thread)["source"] == "time.sleep(600)"
    body = look(node, f"{HEAD}    print('here')\n    sum(range(10**12))\n", python)
    assert frame_of_author(main_thread(body))["line"] == 3


def test_a_process_in_an_uninterruptible_wait_is_shown_as_such(node: Supervised) -> None:
    # A process that called vfork waits like this until its child, which shares its memory, is done.
    code = (
        f"import ctypes\n{HEAD}    libc = ctypes.PyDLL(None)\n    print('here')\n"
        "    if libc.vfork() == 0:\n        libc.sleep(600)\n"
    )
    work = node.python(code)
    run_until(node, work)
    pid = node.started(work).pid
    # Any read from a disk is such a wait for a moment. This one has a child.
    node.until(lambda: (one := procfs.process(pid)) is not None and one.state == "D" and procfs.children(pid))
    body = ask(node, work)
    assert "uninterruptible" in body["message"]
    assert main_thread(body)["waits_on"]["kind"] == "io"
    assert [child["state"] for child in body["children"]] == ["sleeping"]
    node.supervisor.kill(work.claim, "cancelled")
    assert node.ended(work).state == "cancelled"


def test_a_thread_that_holds_the_interpreters_lock_is_found_beside_the_main_one(node: Supervised) -> None:
    code = (
        f"import threading\ndef work():\n    print('here')\n    sum(range(10**12))\n{HEAD}"
        "    one = threading.Thread(target=work)\n    one.start()\n    one.join()\n"
    )
    body = look(node, code)
    lines = {frame["source"] for one in body["samples"][-1]["threads"] for frame in one["frames"] if frame["author"]}
    assert "sum(range(10**12))" in lines
    assert lines & {"one.start()", "one.join()"}
