"""Node processes that die and supervisors that are killed: nothing survives, nothing is reported twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.supervisor import cgroup, cleanup, receiver
from engine.supervisor.loop import NEVER
from engine.worker.start_notes import NOTE_SUFFIX
from tests.support.effort import in_time
from tests.support.supervised import FAKE_NODE, Supervised, alive, error_of, marked
from tests.support.wait import wait_until

SLEEP = "import time\ndef main(inputs, ctx):\n    time.sleep(600)\n"


@pytest.mark.smoke
def test_an_attempt_whose_process_is_killed_is_lost_and_the_signal_named(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python(SLEEP)
        node.send(work)
        os.kill(node.started(work).pid, signal.SIGKILL)
        began = time.monotonic()
        ended = node.ended(work)
        in_time(time.monotonic() - began, 1.0)
        assert (ended.state, ended.interrupted) == ("lost", False)
        assert error_of(ended)["class"] == "WorkerLost"
        assert "SIGKILL" in error_of(ended)["message"]
        assert ended.receipt is not None


def test_the_signal_is_named_when_the_death_is_read_after_the_deadline_for_a_closed_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "CLOSED_PIPE_SECONDS", NEVER)
    code = "import os, time\ndef main(inputs, ctx):\n    os.closerange(3, 64)\n    time.sleep(600)\n"
    with Supervised(tmp_path) as node:
        work = node.python(code)
        node.send(work)
        pid = node.started(work).pid
        (process,) = [one for one in node.supervisor._pool.processes if one.pid == pid]
        node.until(lambda: process.frame_pipe not in process.open_pipes)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        # The scheduler polls again only now, because it waited for its database or for a processor.
        process.close_deadline = 0.0
        ended = node.ended(work)
        assert "SIGKILL" in error_of(ended)["message"]


def test_code_that_ends_its_process_is_lost_with_the_exit_code(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        ended = node.run(node.python("import os\ndef main(inputs, ctx):\n    os._exit(7)\n"))
        assert ended.state == "lost"
        assert "exit code 7" in error_of(ended)["message"]


def test_a_result_that_was_written_before_the_death_counts(tmp_path: Path) -> None:
    done = {"k": "done", "seconds": 0.1, "output": {"kind": "json", "value": 1}}
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        ended = node.run(node.work(frames=[done], then="die"))
        assert (ended.state, ended.output) == ("succeeded", {"kind": "json", "value": 1})


@pytest.mark.parametrize("keep", [1, 4, 5, 40])
def test_an_incomplete_result_does_not_count(tmp_path: Path, keep: int) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        frame = "\x50\x00\x00\x00" + '{"k":"done","seconds":1,"output":{"kind":"json","value":1}'
        assert node.run(node.work(frames=[frame[:keep]], then="die")).state == "lost"


def test_processes_killed_while_they_write_do_not_affect_the_channel_of_others(tmp_path: Path) -> None:
    line = {"k": "log", "level": "info", "m": "x" * 3000}
    with Supervised(tmp_path, workers=2, main=FAKE_NODE) as node:
        for _ in range(20):
            work = node.work(frames=[line], times=200, then="die")
            other = node.work(frames=[{"k": "done", "seconds": 0, "output": {"kind": "json", "value": 1}}])
            node.send(work, other)
            assert node.ended(work).state == "lost"
            assert node.ended(other).state == "succeeded"


def test_work_behind_a_process_that_dies_is_returned_not_lost(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1, main=FAKE_NODE) as node:
        first = node.work(then="exit", expected=0.001)
        second = node.work(expected=0.001)
        node.settle()
        node.send(first, second)
        assert node.ended(first).state == "lost"
        node.until(lambda: node.returned() == [second.claim])


def test_a_process_that_never_reports_a_start_returns_its_work(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1, main=FAKE_NODE) as node:
        work = node.work(silent=True, then="die")
        node.settle()
        node.send(work)
        node.until(lambda: node.returned() == [work.claim])


def test_work_that_ends_every_process_before_it_starts_fails_in_the_end(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1, main=FAKE_NODE) as node:
        (ended,) = node.run_all([node.work(silent=True, then="exit", code=3)])
        assert ended.state == "failed"
        assert "exit code 3" in error_of(ended)["message"]


SUPERVISE = """
import sys, time
from pathlib import Path
from tests.support.supervised import Supervised

node = Supervised(Path(sys.argv[1]))
node.supervisor.start()
work = node.python(Path(sys.argv[2]).read_text())
node.send(work)
print(node.started(work).pid, work.claim, flush=True)
while True:
    node.poll(1)
"""

DAEMON = """
import os, subprocess, time
def main(inputs, ctx):
    subprocess.Popen(["sleep", "601"])
    subprocess.Popen(["setsid", "sleep", "602"])
    open("half", "w").write("x")
    folder = os.path.join({artifacts!r}, "staging")
    os.makedirs(folder, exist_ok=True)
    open(os.path.join(folder, "half-written"), "w").write("x")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(603)
        os._exit(0)
    time.sleep(600)
"""


def test_no_process_of_a_killed_supervisor_survives_the_next_start(tmp_path: Path) -> None:
    home, code = tmp_path / "home", tmp_path / "code.py"
    home.mkdir()
    code.write_text(DAEMON.format(artifacts=str(home / "artifacts")))
    prefix = cleanup.mark_prefix(home)
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(home), str(code)],
        cwd=root, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ) as scheduler:  # fmt: skip
        assert scheduler.stdout is not None
        process, claim = scheduler.stdout.readline().split()
        pid = int(process)
        end = time.monotonic() + 10
        while not (home / "artifacts/staging/half-written").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        while len(marked(prefix)) < 6:
            assert time.monotonic() < end, marked(prefix)
            time.sleep(0.01)
        before = marked(prefix)
        scheduler.kill()
    wait_until(lambda: not alive(pid))
    assert any(alive(one) for one in before), "nothing was left to clean up: the test shows nothing"
    # Another home's supervisor does not touch them.
    with Supervised(tmp_path / "other"):
        assert any(alive(one) for one in before)
    with Supervised(home) as node:
        assert not any(alive(one) for one in before)
        assert list(node.started_before) == [claim.decode()]
        assert abs(node.started_before[claim.decode()] - time.time()) < 60
        assert [path for path in (home / "scratch").iterdir() if path.suffix != NOTE_SUFFIX] == []
        assert list((home / "artifacts/staging").iterdir()) == []
        assert node.run(node.work()).state == "succeeded"
    assert marked(prefix) == []
    assert list((home / "scratch").iterdir()) == []


HIDDEN = """
import os, subprocess, time
def main(inputs, ctx):
    child = subprocess.Popen(["setsid", "sleep", "604"], env={{"PATH": os.environ["PATH"]}})
    open({path!r}, "w").write(f"{{child.pid}}\\n")
    time.sleep(600)
"""


def test_a_daemon_without_its_mark_is_found_by_its_control_group_at_the_next_start(tmp_path: Path) -> None:
    probe = cgroup.create(cleanup.own_mark("interlock-probe") + "-0")
    if probe is None:
        pytest.skip("no control group can be made here")
    probe.remove()
    home, code, path = tmp_path / "home", tmp_path / "code.py", tmp_path / "pid"
    home.mkdir()
    code.write_text(HIDDEN.format(path=str(path)))
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(home), str(code)],
        cwd=Path(__file__).resolve().parents[2], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    ) as scheduler:  # fmt: skip
        wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
        scheduler.kill()
    pid = int(path.read_text())
    # Another home's supervisor does not touch it.
    with Supervised(tmp_path / "other"):
        assert alive(pid)
    with Supervised(home):
        assert not alive(pid)


DIE_WHILE_KILLING = """
import os, sys
from pathlib import Path
from tests.support.supervised import Supervised

node = Supervised(Path(sys.argv[1]))
node.supervisor.start()
work = node.python("import time\\ndef main(inputs, ctx):\\n    time.sleep(600)\\n")
node.send(work)
pid = node.started(work).pid
for process in node.supervisor._pool.processes:
    if process.group is not None:
        process.group.freeze(True)
print(pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_supervisor_had_frozen_when_it_was_killed_ends_with_the_next_start(tmp_path: Path) -> None:
    """A frozen process cannot die, neither with its parent nor by a signal."""
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DIE_WHILE_KILLING, str(home)],
        cwd=Path(__file__).resolve().parents[2], stdout=subprocess.PIPE, timeout=30,
    )  # fmt: skip
    pid = int(done.stdout)
    with Supervised(home):
        assert not alive(pid)
    assert marked(cleanup.mark_prefix(home)) == []


def test_a_running_supervisor_of_the_same_home_keeps_its_processes(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python(SLEEP)
        node.send(work)
        pid = node.started(work).pid
        assert cleanup.end_orphans(node.supervisor.mark_prefix) == 0
        assert alive(pid)


def test_a_cancel_while_a_process_is_dying_counts(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python(SLEEP)
        node.send(work)
        process = node.supervisor._pool.by_claim[work.claim]
        os.kill(node.started(work).pid, signal.SIGKILL)
        while not process.is_dead:
            node.poll(0)
        node.supervisor.kill(work.claim, "cancelled")
        assert node.ended(work).state == "cancelled"


def test_a_kill_by_the_kernel_for_lack_of_memory_is_named(tmp_path: Path) -> None:
    group = cgroup.create("interlock-test-host")
    if group is None:
        pytest.skip("no control group can be made here, so no kill can be provoked")
    code = (
        "import os, time\ndef main(inputs, ctx):\n    while not os.path.exists({go!r}):\n        time.sleep(0.01)\n"
        "    data = bytearray(300 << 20)\n    time.sleep(600)\n"
    )
    with Supervised(tmp_path) as node:
        work = node.python(code.format(go=str(tmp_path / "go")))
        node.send(work)
        # A group that the supervisor does not know: as when the whole host is short of memory.
        for door in group.entry_files():
            Path(door).write_text(str(node.started(work).pid))
        group.limit_memory(100 << 20)
        (tmp_path / "go").touch()
        ended = node.ended(work)
        assert ended.state == "lost"
        assert "SIGKILL" in error_of(ended)["message"]
        assert "probably out of memory" in error_of(ended)["message"]
    # The kernel may still be removing a member.
    wait_until(group.remove)


def test_a_host_without_room_for_a_process_returns_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with Supervised(tmp_path, workers=1) as node:
        work = node.python("def main(inputs, ctx):\n    return 1\n", python=str(tmp_path / "python"))
        os.symlink(sys.executable, tmp_path / "python")
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", full)
            node.send(work)
            assert node.supervisor.has_room(node.work())
            assert not node.supervisor.has_room(work)
        node.until(lambda: node.returned() == [work.claim])
        node.until(lambda: node.supervisor.has_room(work) or None)
        assert node.run(work).state == "succeeded"


def test_a_node_that_forges_times_and_figures_affects_nothing_else(tmp_path: Path) -> None:
    done = {"k": "done", "seconds": float("nan"), "output": {"kind": "json", "value": 1}, "at": 1e300}
    log = {"k": "log", "level": "shout", "m": "nul \x00 and half \ud83d", "at": float("inf")}
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        work = node.work(frames=[log, {"k": "progress", "fraction": 1, "message": "\ud800\x00"}, done])
        ended = node.run(work)
        assert abs(ended.at - time.time()) < 60
        assert 0 <= ended.seconds < 60
        assert node.lines(work) == ["nul ␀ and half ?"]
