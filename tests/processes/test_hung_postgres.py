"""PostgreSQL hangs: its host still acknowledges everything, and nobody answers."""

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.product import ROOT, Product, free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres

IMPATIENT = """
import sys

sys.argv = ["manage.py", *{words!r}]
import dashboard.asgi
from dashboard.serving import thread_bridge
from engine.database import postgres

postgres.ANSWER_SECONDS_MAX = postgres.CONNECT_SECONDS_MAX = thread_bridge.WAIT_SECONDS_MAX = 0.5
postgres.CANCEL_SECONDS = 0.1
from manage import main
main()
"""
IMPATIENT_SCHEDULER = """
import sys
from engine.scheduler import watchdog

watchdog.CHECK_SECONDS = 0.2  # Six seconds in all, more than a busy machine holds a turn up.
from manage import main
sys.argv = ["manage.py", "scheduler"]
main()
"""
REQUESTS = 30


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.server() as started:
        started.do("create database flows")
        yield started


@pytest.fixture
def home(server: postgres.Server, tmp_path: Path) -> Product:
    """An installation whose database is ready and of which nothing runs."""
    product = Product(tmp_path / "home", DATABASE_URL=server.url("flows"))
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env=product.environment, check=True,
                   capture_output=True, timeout=120)  # fmt: skip
    return product


def get(port: int, path: str) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        link.request("GET", path, headers={"Host": "localhost", "Cookie": "interlock_session=" + "a" * 32})
        return link.getresponse().status
    finally:
        link.close()


def test_requests_give_up_and_health_is_answered_at_once(home: Product, server: postgres.Server) -> None:
    port = free_port()
    words = ["web", "--port", str(port)]
    web = subprocess.Popen([sys.executable, "-c", IMPATIENT.format(words=words)], cwd=ROOT, env=home.environment)
    try:

        def answers(path: str, status: int) -> bool:
            try:
                return get(port, path) == status
            except OSError:
                return False

        # Without a session there is nobody to show a page to.
        wait_until(lambda: answers("/runs/", 302), 60)
        with ThreadPoolExecutor(REQUESTS) as clients, server.frozen():
            asked = [clients.submit(get, port, "/runs/") for _ in range(REQUESTS)]
            waits = []
            while not all(one.done() for one in asked):
                begin = time.monotonic()
                assert get(port, "/healthz") == 200
                waits.append(time.monotonic() - begin)
            assert {one.result() for one in asked} == {503}
        # Half of them, because other load of the machine comes and goes.
        assert sorted(waits)[len(waits) // 2] < 0.05
        wait_until(lambda: answers("/runs/", 302))
    finally:
        web.kill()
        web.wait()


def test_a_scheduler_that_gets_no_answer_says_so_in_a_line_when_it_ends(
    home: Product, server: postgres.Server, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        scheduler = subprocess.Popen([sys.executable, "-c", IMPATIENT_SCHEDULER], cwd=ROOT, env=home.environment,
                                     stdout=file, stderr=file)  # fmt: skip
    try:
        wait_until(lambda: "scheduler_leads" in output.read_text(), 60)
        with server.frozen():
            assert scheduler.wait(60) == 71
        lines = [line for line in output.read_text().splitlines() if "scheduler_stalled" in line]
        assert len(lines) == 1
        assert "the database has not answered" in lines[0]
    finally:
        scheduler.send_signal(signal.SIGKILL)
        scheduler.wait()
