"""What runs on SQLite runs on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests.support import postgres
from tests.support.product import ROOT
from tests.support.templates import first_start
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.mark.redis
@pytest.mark.parametrize("executor", ["local", "celery"])
def test_the_engine_suite_holds_on_postgresql(executor: str) -> None:
    # In its own node processes, and in those of a worker.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance",
         "-k", "celery" if executor == "celery" else "not celery"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": postgres.url()}, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]


def test_up_runs_the_sample_on_postgresql_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    with postgres.database() as url, first_start(tmp_path / "home", DATABASE_URL=url) as product:
        run = product.api("POST", "workflows/flight-delays/runs/?wait=60", {})
        assert run["state"] == "succeeded"
        stuck = product.api("POST", "workflows/stuck-node/runs/", {})["id"]
        wait_until(lambda: product.api("GET", f"runs/{stuck}/nodes/ask/")["state"] == "running", 30)
        product.kill()
        product.start()
        wait_until(lambda: product.api("GET", f"runs/{stuck}/nodes/ask/")["attempt"] == 2, 30)
        product.api("POST", f"runs/{stuck}/cancel/", {})
        assert product.ended(stuck)["state"] == "cancelled"
        assert product.api("GET", f"runs/{run['id']}/")["state"] == "succeeded"
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from engine_run")
            assert cursor.fetchone() == (2,)
        connection.close()
        assert product.stop() == 0
