"""`manage.py scheduler` and `manage.py bench` as processes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.product import processes_with
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    clean.pop("DATABASE_URL", None)
    return {**clean, "INTERLOCK_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}


def start(home: Path) -> subprocess.Popen[bytes]:
    with (home / "schedulers.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "manage.py", "scheduler"], cwd=ROOT, env=environment(home), stderr=log)


def standby(home: Path) -> subprocess.Popen[bytes]:
    """Start another scheduler, and wait until it stands by."""
    process = start(home)
    wait_until(lambda: b"scheduler_stands_by" in (home / "schedulers.log").read_bytes())
    return process


def leader(home: Path) -> tuple[int, int | None]:
    db = sqlite3.connect(home / "interlock.sqlite3")
    try:
        return db.execute("SELECT epoch, pid FROM engine_leader").fetchone() or (0, None)
    finally:
        db.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--skip-checks", "-v0"], cwd=ROOT, env=environment(made), check=True
    )
    return made


@pytest.mark.smoke
def test_a_second_scheduler_waits_and_takes_over_when_the_first_is_killed(home: Path):
    first = start(home)
    try:
        wait_until(lambda: leader(home) == (1, first.pid))
        second = standby(home)
        try:
            assert leader(home) == (1, first.pid)
            first.kill()
            wait_until(lambda: leader(home) == (2, second.pid))
            second.send_signal(signal.SIGTERM)
            assert second.wait(15) == 0
        finally:
            second.kill()
            second.wait()
    finally:
        first.kill()
        first.wait()


@pytest.mark.long
def test_a_standby_ends_when_asked(home: Path):
    first = start(home)
    second = None
    try:
        wait_until(lambda: leader(home)[1] == first.pid)
        second = standby(home)
        second.send_signal(signal.SIGTERM)
        assert second.wait(10) == 0
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()


@pytest.mark.long
def test_bench_measures_beside_its_floor_and_leaves_nothing_running(tmp_path: Path):
    environ = {**environment(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--repeat", "1", "--no-http", "--only", "noop", "--json"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert [case["name"] for case in report["cases"]] == ["noop: chain of 100", "noop: 10 x 50", "noop: 100 x 50"]
    for case in report["cases"]:
        assert case["nodes_per_second"] > 0
        # Which of both gets more of the machine, in moments of which each is measured once, is not the subject.
        assert case["ratio"] > 0
        assert case["floor"]["ms_per_node"] > 0
    assert list(tmp_path.glob("interlock-bench-*")) == []


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_bench_that_gets_a_signal_leaves_no_product_running(tmp_path: Path, number: signal.Signals):
    environ = {**environment(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "manage.py", "bench", "--repeat", "1", "--only", "noop: 1,000"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: list(tmp_path.glob("interlock-bench-*/http-noop/interlock.sqlite3")))
        process.send_signal(number)
        assert process.wait(60) == 128 + number
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not processes_with(str(tmp_path)))
    assert list(tmp_path.glob("interlock-bench-*")) == []


WATCHED = """
from django.core.management import execute_from_command_line
from engine.scheduler import watchdog

watchdog.CHECKS_MAX, watchdog.CHECK_SECONDS = {looks}, 0.05
execute_from_command_line(["manage.py", "scheduler"])
"""


def watched(home: Path, log: Path, looks: int, fault: str = "") -> subprocess.Popen[bytes]:
    """Start a scheduler whose watchdog checks more often, and gives up after `looks` checks."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-c", WATCHED.format(looks=looks)],
            cwd=ROOT, env={**environment(home), "INTERLOCK_FAULT": fault}, stdout=file, stderr=file,
        )  # fmt: skip


@pytest.mark.long
def test_a_scheduler_whose_loop_hangs_writes_its_stacks_and_ends(home: Path, tmp_path: Path):
    log = tmp_path / "log"
    process = watched(home, log, 40, "tick.before_beat:hang:3")
    try:
        assert process.wait(30) == 71
    finally:
        process.kill()
        process.wait()
    output = log.read_text()
    assert "scheduler_stalled" in output
    stack = output.split("scheduler_stalled")[1]
    # Innermost first: where it hangs, and the loop that it hangs in.
    assert stack.index("faults.py") < stack.index("in _write") < stack.index("in run_forever")
    second = watched(home, log, 40)
    try:
        wait_until(lambda: leader(home) == (2, second.pid))
    finally:
        second.kill()
        second.wait()


@pytest.mark.long
def test_a_scheduler_that_was_stopped_and_continued_does_not_count_as_hanging(home: Path, tmp_path: Path):
    """Ctrl-Z, or a paused container: what ran there continues."""
    process = watched(home, tmp_path / "log", 40)
    try:
        wait_until(lambda: leader(home) == (1, process.pid))
        os.kill(process.pid, signal.SIGSTOP)
        # Longer than 40 checks take.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        os.kill(process.pid, signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        assert "stalled" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
