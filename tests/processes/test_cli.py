"""`run`, `validate` and `doctor` as users type them."""

import json
import os
import pty
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.support.product import ROOT, free_port
from tests.support.templates import running
from tests.support.wait import wait_until

HELLO = """
def main(inputs, ctx):
    for number in range(ctx.run["inputs"]["times"]):
        print("hello", ctx.run["inputs"]["name"])
    return ctx.run["inputs"]
"""
SLEEP = "import time\n\ndef main(inputs, ctx):\n    print('asleep')\n    time.sleep(300)\n"
INPUTS = {
    "type": "object",
    "properties": {"name": {"type": "string", "default": "you"}, "times": {"type": "integer", "default": 1}},
    "additionalProperties": False,
}


class Terminal:
    """A shell in which only the home is set."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "INTERLOCK_HOME": str(home)}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=self.home.parent, env=self.environment, text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )  # fmt: skip

    def type(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(text, timeout=60)
        assert "Traceback (most recent call last)" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def write(path: Path, nodes: list[dict[str, Any]], edges: tuple[tuple[str, str], ...] = (), **fields: Any) -> str:
    links = [{"source": source, "target": target} for source, target in edges]
    path.write_text(json.dumps({"schema": "interlock/1", "nodes": nodes, "edges": links, **fields}))
    return str(path)


def python(node: str, code: str, **policy: Any) -> dict[str, Any]:
    return {"id": node, "type": "python", "config": {"code": code}, "policy": policy}


def test_files_of_the_product_are_readable_by_its_account_only(terminal: Terminal) -> None:
    file = write(terminal.home.parent / "w.json", [{"id": "a", "type": "noop"}])
    old = os.umask(0o022)
    try:
        assert terminal.type("run", file).returncode == 0
    finally:
        os.umask(old)
    assert (terminal.home / "interlock.sqlite3").is_file()
    open_ones = [path for path in terminal.home.rglob("*") if not path.is_symlink() and path.lstat().st_mode & 0o077]
    assert open_ones == []


@pytest.mark.smoke
def test_run_of_a_file_shows_its_lines_and_ends_with_0(terminal: Terminal, tmp_path: Path) -> None:
    file = write(tmp_path / "hello.json", [python("greet", HELLO)], inputs=INPUTS)
    done = terminal.type("run", file, "--input", "name=12", "--input", "times=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| hello 12\n") == 2, "an input that is text stays text"
    assert "greet succeeded" in done.stdout
    assert "of hello succeeded in" in done.stdout


def test_run_of_a_failing_file_shows_the_error_and_its_line_and_exits_with_1(
    terminal: Terminal, tmp_path: Path
) -> None:
    code = "def main(inputs, ctx):\n    nothing = {}\n    return nothing['x']\n"
    file = write(tmp_path / "bad.json", [python("bad", code), {"id": "after", "type": "noop"}], (("bad", "after"),))
    done = terminal.type("run", file)
    assert done.returncode == 1
    assert "bad failed: KeyError, line 3" in done.stdout
    assert "after upstream failed" in done.stdout


def test_run_exits_with_2_and_the_problems_if_it_cannot_start(terminal: Terminal, tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.json", [{"id": "a", "type": "nop"}, {"id": "a", "type": "noop"}])
    file = write(tmp_path / "hello.json", [python("greet", HELLO)], inputs=INPUTS)
    (tmp_path / "text.json").write_text("{")
    for arguments, expected in (
        ([wrong], ["unknown_node_type", "duplicate_id"]),
        ([file, "--input", "times=often"], ["inputs.times"]),
        ([file, "--input", "other=1"], ["inputs.other"]),
        ([file, "--input", "times"], ["NAME=VALUE"]),
        ([str(tmp_path / "text.json")], ["line 1, column 2"]),
        ([str(tmp_path / "none.json")], ["cannot be read"]),
        (["no-such-workflow"], ['No workflow or file named "no-such-workflow"']),
    ):
        done = terminal.type("run", *arguments)
        assert done.returncode == 2, arguments
        for text in expected:
            assert text in done.stderr, (arguments, done.stderr)


def test_ctrl_c_cancels_the_run_and_ends_with_3(terminal: Terminal, tmp_path: Path) -> None:
    file = write(tmp_path / "sleep.json", [python("sleep", SLEEP)])
    out = tmp_path / "out"
    with out.open("w") as stream:
        process = terminal.start("run", file, stdout=stream, stderr=stream)
        wait_until(lambda: "asleep" in out.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 3
    assert "sleep cancelled" in out.read_text()
    assert "Traceback" not in out.read_text()


@pytest.mark.long
def test_a_second_ctrl_c_leaves_at_once_with_130(terminal: Terminal, tmp_path: Path) -> None:
    file = write(tmp_path / "sleep.json", [python("sleep", SLEEP)])
    out = tmp_path / "out"
    with out.open("w") as stream:
        process = terminal.start("run", file, stdout=stream, stderr=stream)
        wait_until(lambda: "asleep" in out.read_text())
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) in (130, 3)
    assert "Traceback" not in out.read_text()


@pytest.mark.long
def test_run_exits_with_4_if_the_run_exceeds_its_time_limit(terminal: Terminal, tmp_path: Path) -> None:
    file = write(tmp_path / "late.json", [python("sleep", SLEEP)], settings={"timeout": 1})
    assert terminal.type("run", file).returncode == 4


@pytest.mark.long
def test_run_on_a_terminal_draws_progress_and_leaves_the_result(terminal: Terminal, tmp_path: Path) -> None:
    file = write(tmp_path / "hello.json", [python("greet", HELLO)], inputs=INPUTS)
    ours, theirs = pty.openpty()
    process = terminal.start("run", file, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert "✓ greet".encode() in shown
    assert b"of hello succeeded" in shown
    assert b"\x1b[?25h" in shown, "the cursor is back"


@pytest.mark.long
def test_run_uses_the_scheduler_of_a_running_up(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        file = write(tmp_path / "hello.json", [python("greet", HELLO)], inputs=INPUTS)
        done = product.command("run", file)
        assert "is executed by the Interlock running in" in done.stdout
        assert "greet succeeded" in done.stdout
        (attempt,) = product.api("GET", "runs/1/nodes/greet/attempts/")["results"]
        assert attempt["state"] == "succeeded"


@pytest.mark.smoke
def test_validate_lists_every_problem(terminal: Terminal, tmp_path: Path) -> None:
    wrong = write(
        tmp_path / "wrong.json", [{"id": "a", "type": "nop"}, {"id": "a", "type": "noop", "x": 1}], (("a", "b"),)
    )
    done = terminal.type("validate", wrong)
    assert done.returncode == 1
    for code in ("unknown_node_type", "duplicate_id", "unknown_field", "unknown_node"):
        assert f"[{code}]" in done.stdout
    good = write(tmp_path / "good.json", [{"id": "a", "type": "noop"}])
    assert terminal.type("validate", good).stdout.endswith("is valid: 1 node, 0 edges.\n")
    assert terminal.type("validate", "-", text=Path(good).read_text()).returncode == 0
    assert terminal.type("validate", str(tmp_path / "none.json")).returncode == 2
    assert not (terminal.home / "interlock.sqlite3").exists(), "to look is not to start"


def test_version_is_the_products_own(terminal: Terminal) -> None:
    assert terminal.type("--version").stdout == f"Interlock {version('interlock')}\n"


def test_doctor_accepts_a_running_product_and_names_what_is_wrong(tmp_path: Path) -> None:
    with running(tmp_path / "home") as product:
        done = product.command("doctor", "--port", str(product.port), check=False)
        lines = done.stdout.splitlines()
        for name in ("Python", "SQLite", "Home folder", "Disk space", "Database", "Interlock", "Scheduler", "Settings"):
            assert any(line.startswith("ok") and f" {name}: " in line for line in lines), (name, done.stdout)
        product.environment["REDIS_URL"] = f"redis://:hidden@127.0.0.1:{free_port()}/0"
        product.environment["INTERLOCK_NODE_PYTHON"] = "/nonexistent/python"
        done = product.command("doctor", "--shell", "--port", str(product.port), check=False)
        assert "Settings: differ from those of the running process" in done.stdout
        assert done.returncode == 1
        assert "problem  Redis: the Redis at 127.0.0.1" in done.stdout
        assert "problem  Node Python: /nonexistent/python does not exist" in done.stdout
        assert "hidden" not in done.stdout + done.stderr


def test_doctor_finds_nothing_wrong_with_an_empty_home(terminal: Terminal) -> None:
    done = terminal.type("doctor", "--port", str(free_port()))
    assert "does not exist yet; it is created at the first start" in done.stdout
    assert "problem  Database" not in done.stdout
    assert not (terminal.home / "interlock.sqlite3").exists()


def test_the_doctor_uses_the_settings_of_the_running_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    holder = (
        "import os, sys\nfrom pathlib import Path\nfrom dashboard.up.home import HomeLock, RunningUp\n"
        f"lock = HomeLock(Path({str(home)!r}) / 'run')\n"
        "lock.describe(RunningUp(os.getpid(), 'http://127.0.0.1:1'))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    own["INTERLOCK_HOME"] = str(home)
    up = subprocess.Popen([sys.executable, "-c", holder], cwd=ROOT, env={**own, "INTERLOCK_MAX_CONCURRENT": "37"},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        assert up.stdout is not None
        assert up.stdout.readline() == b"held\n"
        doctor = subprocess.run([sys.executable, "manage.py", "doctor"], cwd=ROOT, env=own, capture_output=True,
                                text=True, timeout=120, check=False)  # fmt: skip
        assert "37 concurrent nodes" in doctor.stdout
        assert "differ from" not in doctor.stdout
    finally:
        up.communicate()
