"""`up` as users see it: what it prints, what it refuses, what it survives, how it ends."""

import contextlib
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.effort import in_time
from tests.support.product import ROOT, Product, free_port
from tests.support.templates import first_start, running
from tests.support.wait import wait_until

SLEEP = "import time\n\ndef main(inputs, ctx):\n    time.sleep({seconds})\n    return 'done'\n"
TREE = """
import subprocess

def main(inputs, ctx):
    subprocess.Popen(["setsid", "sleep", "300"])
    subprocess.run(["sh", "-c", "trap '' TERM; sleep 300 & wait; sleep 300"])
"""


def python_node(seconds: float) -> list[dict[str, object]]:
    return [{"id": "sleep", "type": "python", "config": {"code": SLEEP.format(seconds=seconds)}}]


def role_of(pid: int) -> str:
    """Return web, scheduler or worker, for a child of `up`."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if any(word.endswith("child.py") for word in words):
            return next(word for word in words if word in ("web", "scheduler", "worker"))
    return ""


def child(product: Product, role: str) -> int:
    return wait_until(lambda: next((pid for pid in product.tree() if role_of(pid) == role), 0))


def alive(pids: list[int]) -> list[int]:
    """Return those that run; a zombie has ended."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                found.append(pid)
    return found


def start_run(product: Product, nodes: list[dict[str, object]]) -> str:
    """Start a run whose first node is running, for long enough to be seen on a busy machine."""
    product.publish("work", nodes, [])
    run = str(product.api("POST", "workflows/work/runs/", {})["id"])
    wait_until(lambda: product.api("GET", f"runs/{run}/")["counts"].get("running"))
    return run


def up(home: Path, *arguments: str, timeout: float = 30, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `up` and expect it to refuse."""
    return command(home, "up", *arguments, timeout=timeout, **environment)


def command(home: Path, *arguments: str, timeout: float = 30, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py ...` with this home to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "INTERLOCK_HOME": str(home), **environment},
        capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with running(tmp_path / "home") as started:
        yield started


def test_the_first_start_prints_a_link_until_a_password_is_set(tmp_path: Path) -> None:
    with first_start(tmp_path / "home") as product:
        wait_until(lambda: "Stop with Ctrl-C" in product.log.read_text())
        output = product.log.read_text()
        address = f"http://127.0.0.1:{product.port}"
        assert f"Interlock is ready: {address}\n" in output
        link = re.search(rf"{re.escape(address)}(/\S+)", output.split("one-time link: ")[1])
        assert link is not None
        assert product.call("GET", link[1], token=False).status in (200, 302)
        assert product.stop() == 0
        product.log.write_text("")
        product.start()
        wait_until(lambda: "one-time link: " in product.log.read_text())
        product.stop()
        product.log.write_text("")
        product.environment["INTERLOCK_ADMIN_PASSWORD"] = "correct horse battery"
        product.start()
        wait_until(lambda: "Stop with Ctrl-C" in product.log.read_text())
        assert "link" not in product.log.read_text()
        product.stop()
        product.log.write_text("")
        # The password stays; the variable applied only to the first start.
        del product.environment["INTERLOCK_ADMIN_PASSWORD"]
        product.start()
        wait_until(lambda: "Stop with Ctrl-C" in product.log.read_text())
        assert "link" not in product.log.read_text()
        assert "Traceback" not in product.log.read_text()


@pytest.mark.long
def test_samples_are_created_once_and_not_again_after_deletion(tmp_path: Path) -> None:
    with first_start(tmp_path / "home") as product:
        slugs = {flow["slug"] for flow in product.api("GET", "workflows/")["results"]}
        assert slugs == {"flight-delays", "stuck-node"}
        assert (product.home / "files" / "samples" / "flights-2013-01.csv.gz").stat().st_size > 600_000
        product.api("DELETE", "workflows/stuck-node/")
        product.stop()
        product.start()
        slugs = {flow["slug"] for flow in product.api("GET", "workflows/")["results"]}
        assert slugs == {"flight-delays"}


def test_a_taken_port_is_named_with_advice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up(tmp_path / "home", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is already in use" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_second_up_on_one_home_is_refused_without_effect(product: Product) -> None:
    done = up(product.home, "--port", str(free_port()))
    assert done.returncode == 1
    assert "Another `up` is already using the home" in done.stderr
    assert str(product.port) in done.stderr, "it says where the other one is"
    assert product.call("GET", "/readyz", token=False).status == 200


@pytest.mark.long
def test_a_database_of_another_application_is_refused_and_unchanged(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    file = home / "interlock.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as foreign:
        foreign.execute("create table blog_post (id integer)")
        foreign.execute("create table django_migrations (id integer, app text, name text, applied text)")
        foreign.execute("insert into django_migrations values (1, 'blog', '0001_initial', '2026-01-01')")
        foreign.commit()
    before = file.read_bytes()
    done = up(home, "--port", str(free_port()))
    assert done.returncode == 1
    assert "belongs to another application" in done.stderr
    assert "blog_post" in done.stderr
    # Django's own command is refused too.
    done = command(home, "migrate")
    assert done.returncode == 1
    assert "belongs to another application" in done.stderr
    with contextlib.closing(sqlite3.connect(file)) as foreign:
        tables = {row[0] for row in foreign.execute("select name from sqlite_master")}
    assert tables == {"blog_post", "django_migrations"}
    assert len(before) == len(file.read_bytes())


@pytest.mark.long
def test_a_file_that_is_no_database_and_one_of_a_newer_version_are_refused(tmp_path: Path, product: Product) -> None:
    home = tmp_path / "other"
    home.mkdir()
    (home / "interlock.sqlite3").write_bytes(b"not a database at all" * 100)
    done = up(home, "--port", str(free_port()))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "interlock.sqlite3" in done.stderr
    product.stop()
    with contextlib.closing(sqlite3.connect(product.home / "interlock.sqlite3")) as database:
        database.execute(
            "insert into django_migrations (app, name, applied) values ('engine', '9999_future', '2030-01-01')"
        )
        database.commit()
    done = up(product.home, "--port", str(free_port()))
    assert done.returncode == 1
    assert "written by a newer Interlock" in done.stderr


@pytest.mark.long
def test_a_home_that_cannot_be_made_and_a_database_that_is_away_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = up(tmp_path / "file" / "home", "--port", str(free_port()), SECRET_KEY="x" * 50)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "INTERLOCK_HOME" in done.stderr
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none"
    done = up(tmp_path / "home", "--port", str(free_port()), DATABASE_URL=url)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "cannot be reached" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.smoke
def test_a_killed_web_process_is_started_again_and_no_connection_is_refused(product: Product) -> None:
    before = child(product, "web")
    os.kill(before, signal.SIGKILL)
    assert product.call("GET", "/healthz", token=False).status == 200
    assert child(product, "web") != before
    assert "The web process was killed by SIGKILL. Restarting it." in product.log.read_text()


@pytest.mark.smoke
def test_a_killed_scheduler_is_started_again_and_its_run_goes_on(product: Product) -> None:
    run = start_run(product, python_node(3))
    os.kill(child(product, "scheduler"), signal.SIGKILL)
    assert product.ended(run)["state"] == "succeeded"


@pytest.mark.long
def test_nothing_outlives_a_killed_parent(product: Product) -> None:
    start_run(product, [{"id": "tree", "type": "python", "config": {"code": TREE}}])
    tree = wait_until(lambda: pids if len(pids := product.tree()) >= 7 else [])
    assert product.process is not None
    product.process.kill()
    product.process.wait()
    wait_until(lambda: not alive(tree))
    # Also what left the tree by setsid, and the port is free for the next start.
    wait_until(lambda: not alive(product.marked()))
    product.start()


def test_ctrl_c_lets_a_running_node_end(product: Product) -> None:
    run = start_run(product, python_node(3))
    assert product.process is not None
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(timeout=20) == 0
    assert "Stopping. Running nodes have up to 10 s" in product.log.read_text()
    product.start()
    assert product.api("GET", f"runs/{run}/nodes/sleep/")["attempt"] == 1
    assert product.ended(run)["state"] == "succeeded"


@pytest.mark.long
def test_a_node_that_does_not_end_is_returned_after_ten_seconds_without_a_loss(product: Product) -> None:
    run = start_run(product, python_node(300))
    tree = product.tree()
    began = time.monotonic()
    assert product.stop() == 0
    took = time.monotonic() - began
    assert took > 8
    in_time(took, 12)
    assert not alive(tree)
    with contextlib.closing(sqlite3.connect(product.home / "interlock.sqlite3")) as database:
        row = database.execute("select state, retries, losses, claim from engine_noderun").fetchone()
    assert row == ("ready", 0, 0, "")
    product.start()
    wait_until(lambda: product.api("GET", f"runs/{run}/")["counts"].get("running"))


@pytest.mark.long
def test_a_second_ctrl_c_ends_at_once_and_leaves_nothing(product: Product) -> None:
    start_run(product, [{"id": "tree", "type": "python", "config": {"code": TREE}}])
    tree = wait_until(lambda: pids if len(pids := product.tree()) >= 7 else [])
    assert product.process is not None
    product.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in product.log.read_text())
    time.sleep(0.1)  # Two signals at the same moment count as one.
    began = time.monotonic()
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(timeout=10) == 128 + signal.SIGINT
    in_time(time.monotonic() - began, 3)
    wait_until(lambda: not alive(tree) and not alive(product.marked()))
    assert "Traceback" not in product.log.read_text()


@pytest.mark.long
def test_sigterm_ends_an_idle_product_soon(product: Product) -> None:
    began = time.monotonic()
    assert product.stop() == 0
    in_time(time.monotonic() - began, 3)


@pytest.mark.long
def test_a_closed_terminal_ends_it_cleanly(tmp_path: Path) -> None:
    product = Product(tmp_path / "home")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(
            sys.executable,
            [sys.executable, "manage.py", "up", "--port", str(product.port)],
            product.environment,
        )
    shown = b""
    while b"Stop with Ctrl-C" not in shown:
        shown += os.read(terminal, 4096)
    # The kernel then sends SIGHUP to all that the terminal controls, and nothing can be printed any more.
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    wait_until(lambda: not alive(product.marked()))
    assert "Traceback" not in (product.home / "log" / "web.log").read_text()


@pytest.mark.long
def test_a_start_can_be_ended_before_it_is_ready(tmp_path: Path) -> None:
    product = Product(tmp_path / "home")
    for delay in (0.1, 0.4, 0.7):
        with product.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(product.port)],
                cwd=ROOT, env=product.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        time.sleep(delay)  # At a random moment of the start.
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (0, -signal.SIGTERM)
        wait_until(lambda: not alive(product.marked()))
    with first_start(tmp_path / "home") as again:
        assert again.call("GET", "/readyz", token=False).status == 200
