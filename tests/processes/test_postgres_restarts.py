"""PostgreSQL is restarted under a running product: users get errors meanwhile, and everything continues by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.recorder import Recorder
from tests.processes.test_live_product import as_api_has_it, open_socket
from tests.processes.test_scaled import LONG
from tests.support import postgres, redis
from tests.support.effort import in_time
from tests.support.product import ROOT, Product
from tests.support.templates import first_start
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

RECOVERED_SECONDS = 5.0


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.server() as started:
        yield started


@pytest.fixture
def product(tmp_path: Path, server: postgres.Server) -> Iterator[Product]:
    server.do("create database flows")
    with (
        redis.server(tmp_path) as one,
        first_start(tmp_path / "home", DATABASE_URL=server.url("flows"), REDIS_URL=one.url) as started,
    ):
        yield started


@pytest.mark.parametrize("mode", ["fast", pytest.param("immediate", marks=pytest.mark.long)])
def test_work_continues_within_seconds_of_a_restart(product: Product, server: postgres.Server, mode: str) -> None:
    product.publish("talk", [{"id": "a", "type": "python", "config": {"code": LONG.format(n=100)}}], [])
    product.publish("one", [{"id": "a", "type": "noop"}], [])
    run = product.api("POST", "workflows/talk/runs/", {})["id"]
    recorder = Recorder()
    # The client reads on while the test looks elsewhere: one that leaves pings unread for 40 s is disconnected.
    with open_socket(product, run, max_queue=None) as socket:
        recorder.hello(socket)
        wait_until(lambda: recorder.take(socket) and recorder.run and recorder.run["state"] == "running")
        server.stop(mode)
        answer = product.call("GET", "/api/v1/runs/")
        assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"]
        page = product.call("GET", "/", token=False)
        assert page.status in (302, 503)
        page = product.call("GET", f"/runs/{run}/", Cookie="interlock_session=" + "a" * 32, token=False)
        assert page.status == 503
        assert b"Try again" in page.body
        assert product.call("GET", "/readyz", token=False).status == 503
        server.start()
        back = time.monotonic()
        wait_until(lambda: product.call("GET", "/readyz", token=False).status == 200)
        assert product.api("POST", "workflows/one/runs/?wait=60", {})["state"] == "succeeded"
        in_time(time.monotonic() - back, RECOVERED_SECONDS)
        # What ran meanwhile has lost nothing, and its client gets the end on its existing socket.
        while recorder.run is None or recorder.run["state"] != "succeeded":
            recorder.take(socket, timeout=15)
    assert (recorder.run, recorder.nodes) == as_api_has_it(product, run)
    assert recorder.nodes["a"]["attempt"] == 1
    output = product.log.read_text()
    assert "Traceback" not in output
    assert "Restarting it" not in output


@pytest.mark.long
@pytest.mark.parametrize(
    ("executor", "signals"), [("celery", [signal.SIGTERM]), ("local", [signal.SIGTERM, signal.SIGINT])]
)
def test_a_scheduler_without_its_database_ends_on_a_signal(
    tmp_path: Path, server: postgres.Server, executor: str, signals: list[signal.Signals]
) -> None:
    """It ends at once where nodes run elsewhere, else at the second signal: it waits ten seconds for the database."""
    server.do("create database flows")
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    with redis.server(tmp_path) as one, log.open("wb") as stderr:
        environment = {
            **os.environ, "INTERLOCK_HOME": str(home), "INTERLOCK_EXECUTOR": executor, "REDIS_URL": one.url,
            "DATABASE_URL": server.url("flows"), "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }  # fmt: skip
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--skip-checks", "-v0"], cwd=ROOT, env=environment, check=True)
        scheduler = subprocess.Popen([*manage, "scheduler"], cwd=ROOT, env=environment, stderr=stderr)
        try:
            wait_until(lambda: "scheduler_leads" in log.read_text())
            server.stop("fast")
            wait_until(lambda: "database_away" in log.read_text())
            for number in signals:
                scheduler.send_signal(number)
            assert scheduler.wait(8) == 0
        finally:
            scheduler.kill()
            scheduler.wait()
    output = log.read_text()
    assert "scheduler_ends" in output
    assert "Traceback" not in output
