"""Node processes that die, supervisors that are killed: nothing lives on, nothing is told twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.executors import leftovers
from tests.support.supervised import FAKE_NODE, Supervised, alive, marked

pytestmark = pytest.mark.processes

SLEEP = "import time\ndef main(inputs, ctx):\n    time.sleep(600)\n"


def test_an_attempt_whose_process_is_killed_is_lost_and_the_signal_named(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python(SLEEP)
        node.send(work)
        os.kill(node.started(work).pid, signal.SIGKILL)
        began = time.monotonic()
        ended = node.ended(work)
        assert time.monotonic() - began < 1.0
        assert (ended.state, ended.interrupted) == ("lost", False)
        assert ended.error is not None
        assert ended.error["class"] == "WorkerLost"
        assert "SIGKILL" in ended.error["message"]
        assert ended.receipt is not None


def test_code_that_ends_its_process_is_lost_with_the_exit_code(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        ended = node.run(node.python("import os\ndef main(inputs, ctx):\n    os._exit(7)\n"))
        assert ended.state == "lost"
        assert ended.error is not None
        assert "exit code 7" in ended.error["message"]


def test_a_result_that_was_written_before_the_death_counts(tmp_path: Path) -> None:
    done = {"k": "done", "seconds": 0.1, "output": {"kind": "json", "value": 1}}
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        ended = node.run(node.work(frames=[done], then="die"))
        assert (ended.state, ended.output) == ("succeeded", {"kind": "json", "value": 1})


@pytest.mark.parametrize("keep", [1, 4, 5, 40])
def test_a_torn_result_is_none(tmp_path: Path, keep: int) -> None:
    with Supervised(tmp_path, main=FAKE_NODE) as node:
        frame = "\x50\x00\x00\x00" + '{"k":"done","seconds":1,"output":{"kind":"json","value":1}'
        assert node.run(node.work(frames=[frame[:keep]], then="die")).state == "lost"


def test_processes_killed_while_they_write_leave_the_channel_of_others_whole(tmp_path: Path) -> None:
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


def test_a_process_that_never_says_it_started_returns_its_work(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1, main=FAKE_NODE) as node:
        work = node.work(silent=True, then="die")
        node.settle()
        node.send(work)
        node.until(lambda: node.returned() == [work.claim])


def test_work_that_ends_every_process_before_it_starts_fails_in_the_end(tmp_path: Path) -> None:
    with Supervised(tmp_path, workers=1, main=FAKE_NODE) as node:
        (ended,) = node.run_all([node.work(silent=True, then="exit", code=3)])
        assert ended.state == "failed"
        assert ended.error is not None
        assert "exit code 3" in ended.error["message"]


SUPERVISE = """
import sys, time
from pathlib import Path
from tests.support.supervised import Supervised

node = Supervised(Path(sys.argv[1]))
node.supervisor.start()
work = node.python(Path(sys.argv[2]).read_text())
node.send(work)
print(node.started(work).pid, flush=True)
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


def test_nothing_of_a_killed_supervisor_lives_after_the_next_start(tmp_path: Path) -> None:
    home, code = tmp_path / "home", tmp_path / "code.py"
    home.mkdir()
    code.write_text(DAEMON.format(artifacts=str(home / "artifacts")))
    prefix = leftovers.mark_prefix(home)
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(home), str(code)],
        cwd=root, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ) as scheduler:  # fmt: skip
        assert scheduler.stdout is not None
        pid = int(scheduler.stdout.readline())
        end = time.monotonic() + 10
        while not (home / "artifacts/staging/half-written").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        while len(marked(prefix)) < 6:
            assert time.monotonic() < end, marked(prefix)
            time.sleep(0.01)
        before = marked(prefix)
        scheduler.kill()
    end = time.monotonic() + 2
    while alive(pid):
        assert time.monotonic() < end, "the node process outlived its supervisor"
        time.sleep(0.01)
    assert any(alive(one) for one in before), "nothing was left to clean up: the test shows nothing"
    # Another home's supervisor leaves them alone.
    with Supervised(tmp_path / "other"):
        assert any(alive(one) for one in before)
    with Supervised(home) as node:
        assert not any(alive(one) for one in before)
        assert list((home / "scratch").iterdir()) == []
        assert list((home / "artifacts/staging").iterdir()) == []
        assert node.run(node.work()).state == "succeeded"
    assert marked(prefix) == []


def test_a_living_supervisor_of_the_same_home_keeps_its_processes(tmp_path: Path) -> None:
    with Supervised(tmp_path) as node:
        work = node.python(SLEEP)
        node.send(work)
        pid = node.started(work).pid
        assert leftovers.end_processes(node.supervisor.mark_prefix) == 0
        assert alive(pid)
