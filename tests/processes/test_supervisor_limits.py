"""Limits on time, memory and processes, enforced from outside; samples of what is used."""

import os
import resource
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from engine.executors.base import Sampled
from engine.inspect import procfs
from engine.supervisor import attempt_monitor, cgroup, resource_limits
from engine.supervisor.process import USER_TASKS_MORE, limit_tasks
from tests.support.effort import in_time
from tests.support.supervised import Supervised, error_of


@pytest.mark.smoke
def test_the_soft_limit_is_raised_in_the_code_which_may_clean_up(tmp_path: Path) -> None:
    code = (
        "import time\ndef main(inputs, ctx):\n    try:\n        time.sleep(600)\n"
        "    except ctx.SoftTimeout:\n        ctx.log('cleaning up')\n        raise\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code, soft=0.4, hard=10)
        ended = node.run(work)
        assert ended.state == "timed_out"
        assert error_of(ended)["class"] == "SoftTimeout"
        assert ended.seconds >= 0.4
        in_time(ended.seconds, 0.4 + 1.0)
        assert node.lines(work) == ["cleaning up"]


@pytest.mark.parametrize("later", [0.5, 1.5])
def test_the_soft_limit_is_raised_however_late_the_code_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: float
) -> None:
    """On a busy machine a process that has reported its start may not continue for some time."""
    monkeypatch.setenv("INTERLOCK_FAULT", "node.after_started:stop")
    with Supervised(tmp_path) as node:
        work = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(600)\n", soft=1, hard=10)
        node.send(work)
        started = node.started(work)
        node.until(lambda: (one := procfs.process(started.pid)) is not None and one.state == "T")
        goes_on_at = time.monotonic() + later
        node.until(lambda: time.monotonic() >= goes_on_at)
        os.kill(started.pid, signal.SIGCONT)
        ended = node.ended(work)
        assert (ended.state, error_of(ended)["class"]) == ("timed_out", "SoftTimeout")


def test_an_attempt_that_returns_after_its_soft_limit_has_timed_out(tmp_path: Path) -> None:
    code = (
        "import time\ndef main(inputs, ctx):\n    try:\n        time.sleep(600)\n"
        "    except ctx.SoftTimeout:\n        return 1\n"
    )
    with Supervised(tmp_path) as node:
        ended = node.run(node.python(code, soft=0.3, hard=10))
        assert (ended.state, ended.output) == ("timed_out", None)
        assert error_of(ended)["class"] == "SoftTimeout"


def test_the_time_of_an_attempt_starts_with_it_however_late_its_report_is_read(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        node.settle()
        began = time.monotonic()
        work = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(600)\n", soft=60)
        node.send(work)
        process = node.supervisor._pool.by_claim[work.claim]
        assert select.select([process.frame_pipe], [], [], 20)[0]
        # In a turn of the loop that was delayed since it last polled.
        node.supervisor._receiver.on_frames(process)
        assert process.current is not None
        assert process.current.soft_at >= began + 60


@pytest.mark.parametrize(("end", "state"), [("return 1", "succeeded"), ("os._exit(7)", "lost")])
def test_an_attempt_that_ended_in_time_has_not_timed_out_however_late_its_report_is_read(
    tmp_path: Path, end: str, state: str
) -> None:
    go = tmp_path / "go"
    code = (
        "import os, time\ndef main(inputs, ctx):\n"
        f"    while not os.path.exists({str(go)!r}):\n        time.sleep(0.01)\n    {end}\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code, soft=60)
        node.send(work)
        node.started(work)
        process = node.supervisor._pool.by_claim[work.claim]
        attempt = process.current
        assert attempt is not None
        go.touch()
        assert select.select([process.pidfd if state == "lost" else process.frame_pipe], [], [], 20)[0]
        # The loop, delayed until now, finds that the limit has passed.
        attempt.soft_at = node.supervisor._loop.due = time.monotonic()
        assert node.ended(work).state == state


def test_code_that_catches_the_soft_limit_reaches_the_hard_one(tmp_path: Path) -> None:
    code = (
        "import time\ndef main(inputs, ctx):\n    while True:\n        try:\n            time.sleep(600)\n"
        "        except BaseException:\n            pass\n"
    )
    with Supervised(tmp_path) as node:
        ended = node.run(node.python(code, soft=0.2, hard=0.8))
        assert (ended.state, error_of(ended)["class"]) == ("timed_out", "HardTimeout")
        assert ended.seconds >= 0.8
        in_time(ended.seconds, 0.8 + 1.0)


def test_the_time_in_the_queue_of_a_process_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise they would return from behind one that takes so long.
    monkeypatch.setattr(attempt_monitor, "RECALL_SECONDS", 60.0)
    code = "import time\ndef main(inputs, ctx):\n    time.sleep(0.5)\n"
    with Supervised(tmp_path, workers=1) as node:
        node.settle()
        works = [node.python(code, soft=1.9, hard=2.0, expected=0.001, node=f"n{number}") for number in range(6)]
        ended = node.run_all(works)
        assert {one.state for one in ended} == {"succeeded"}


@pytest.fixture(params=["by control group", "by samples"])
def memory_limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to enforce limits; the first only where this host allows control groups."""
    if request.param == "by samples":
        monkeypatch.setattr(cgroup, "create", lambda name: None)
    elif (group := cgroup.create("interlock-probe")) is None:
        pytest.skip("no control group can be made here")
    else:
        group.remove()
    return str(request.param)


@pytest.mark.usefixtures("memory_limits")
def test_memory_beyond_the_limit_ends_the_tree_with_figures(tmp_path: Path) -> None:
    code = "import time\ndef main(inputs, ctx):\n    data = bytearray(300 * 1024 * 1024)\n    time.sleep(600)\n"
    with Supervised(tmp_path) as node:
        ended = node.run(node.python(code, memory_mb=128))
        assert (ended.state, error_of(ended)["class"]) == ("failed", "MemoryLimit")
        assert "128" in error_of(ended)["message"]
        assert ended.receipt is not None
        assert ended.usage is not None
        assert ended.usage["memory_peak_bytes"] >= 128 * 1024 * 1024


@pytest.mark.usefixtures("memory_limits")
def test_a_node_without_a_limit_has_that_of_the_installation(tmp_path: Path) -> None:
    code = "def main(inputs, ctx):\n    import time\n    data = bytearray({} << 20)\n    time.sleep({})\n"
    with Supervised(tmp_path, workers=1, memory_mb=128) as node:
        ended = node.run(node.python(code.format(300, 600)))
        assert (ended.state, error_of(ended)["class"]) == ("failed", "MemoryLimit")
        assert "INTERLOCK_NODE_MEMORY_MB" in error_of(ended)["message"]
        assert "128" in error_of(ended)["message"]
        assert node.run(node.python(code.format(300, 0.3), memory_mb=1000)).state == "succeeded"
        # What the next ones have is theirs again.
        assert node.run(node.python(code.format(1, 0.3))).state == "succeeded"
        assert error_of(node.run(node.python(code.format(300, 600))))["class"] == "MemoryLimit"


def test_a_limit_on_memory_holds_for_its_attempt_only(tmp_path: Path) -> None:
    code = "def main(inputs, ctx):\n    data = bytearray(200 << 20)\n    return len(data)\n"
    with Supervised(tmp_path, workers=1) as node:
        small = node.python("import time\ndef main(inputs, ctx):\n    time.sleep(0.3)\n", memory_mb=100)
        assert node.run(small).state == "succeeded"
        large = node.python(code)
        assert node.run(large).state == "succeeded"
        assert node.started(large).pid == node.started(small).pid
        assert error_of(node.run(node.python(code, memory_mb=100)))["class"] == "MemoryLimit"


@pytest.mark.usefixtures("memory_limits")
def test_memory_of_children_counts_and_shared_pages_count_once(tmp_path: Path) -> None:
    shared = (
        "import os, time\ndef main(inputs, ctx):\n    data = bytearray(100 * 1024 * 1024)\n    children = []\n"
        "    for _ in range(4):\n        child = os.fork()\n        if child == 0:\n            time.sleep(1)\n"
        "            os._exit(0)\n        children.append(child)\n    for child in children:\n"
        "        os.waitpid(child, 0)\n"
    )
    own = (
        "import subprocess, sys\ndef main(inputs, ctx):\n"
        "    code = 'import time; data = bytearray(100 * 1024 * 1024); time.sleep(600)'\n"
        "    for _ in range(3):\n        subprocess.Popen([sys.executable, '-c', code])\n"
        "    import time\n    time.sleep(600)\n"
    )
    with Supervised(tmp_path) as node:
        assert node.run(node.python(shared, memory_mb=250)).state == "succeeded"
        ended = node.run(node.python(own, memory_mb=250))
        assert error_of(ended)["class"] == "MemoryLimit"
        assert "processes" in error_of(ended)["message"]


def test_a_node_may_start_only_so_many_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource_limits, "PROCESSES_MAX", 32)
    code = (
        "import os, time\ndef main(inputs, ctx):\n    for _ in range(60):\n        if os.fork() == 0:\n"
        "            time.sleep(600)\n        time.sleep(0.002)\n    time.sleep(600)\n"
    )
    with Supervised(tmp_path) as node:
        ended = node.run(node.python(code))
        assert (ended.state, error_of(ended)["class"]) == ("failed", "ProcessLimit")
        assert "more than the 32 processes" in error_of(ended)["message"]
        assert ended.receipt is not None
        assert ended.receipt["processes"] > 32


def test_samples_have_cpu_and_memory_of_the_tree(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\ndef main(inputs, ctx):\n"
        "    subprocess.run([sys.executable, '-c', 'import time\\nend = time.time() + 3.3\\n"
        "data = bytearray(60 << 20)\\nwhile time.time() < end: pass'])\n"
        "    return sum(os.times()[2:4])\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code)
        ended = node.run(work)
        samples = node.of(Sampled, work.claim)
        # One per second; the last may be taken while the end is on its way.
        assert 2 <= len(samples) <= ended.seconds + 1
        assert samples[0].cpu_percent is None
        # How much of a core it gets, and when, depends on the machine. It returns what it got.
        assert ended.output is not None
        assert max(one.cpu_percent or 0 for one in samples[1:]) > 0.2 * 100 * ended.output["value"] / ended.seconds
        assert max(one.memory_bytes or 0 for one in samples) > 60 << 20
        assert any(one.io_wait is False for one in samples)
        assert samples[-1].network_bytes in (0, None)
        assert ended.usage is not None
        assert ended.usage["memory_peak_bytes"] > 60 << 20


def test_a_short_attempt_has_no_sample(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.work()
        node.run(work)
        assert node.of(Sampled, work.claim) == []


def test_samples_have_the_traffic_of_the_tree(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def serve() -> None:
        peer, _ = server.accept()
        with peer:
            while peer.recv(65536):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    code = (
        "import socket, time\ndef main(inputs, ctx):\n"
        f"    link = socket.create_connection(('127.0.0.1', {port}))\n    sent, end = 0, time.time() + 3.3\n"
        "    while time.time() < end:\n        link.sendall(b'x' * 10000)\n        sent += 10000\n"
        "        time.sleep(0.01)\n    link.close()\n    return sent\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code)
        ended = node.run(work)
        thread.join()
        server.close()
        samples = [one for one in node.of(Sampled, work.claim) if one.network_bytes is not None]
        assert samples
        assert {one.network_scope for one in samples} == {"tree"}
        # How much it sends in which second depends on the machine.
        assert ended.output is not None
        usual = ended.output["value"] / ended.seconds
        traffic = [one.network_bytes or 0 for one in samples]
        assert usual / 5 < max(traffic) < 5 * usual


def test_limits_hold_while_others_are_busy(tmp_path: Path) -> None:
    flood = "def main(inputs, ctx):\n    while True:\n        print('x' * 1000)\n"
    with Supervised(tmp_path, workers=3) as node:
        node.settle()
        began = time.monotonic()
        works = [node.python(flood, hard=4.0), node.python(flood, hard=4.0)]
        node.send(*works)
        ended = node.run(node.python("import time\ndef main(inputs, ctx):\n    time.sleep(600)\n", hard=0.5))
        assert error_of(ended)["class"] == "HardTimeout"
        in_time(time.monotonic() - began, 1.5)
        for work in works:
            assert error_of(node.ended(work))["class"] == "HardTimeout"


def test_without_control_groups_the_limit_is_one_per_user(monkeypatch: pytest.MonkeyPatch) -> None:
    # Others come and go meanwhile.
    monkeypatch.setattr(procfs, "tasks_of_user", lambda: 1000)
    with subprocess.Popen(["sleep", "60"]) as child:
        limit_tasks(child.pid)
        soft, hard = resource.prlimit(child.pid, resource.RLIMIT_NPROC)
        child.kill()
    assert soft == hard == 1000 + USER_TASKS_MORE
