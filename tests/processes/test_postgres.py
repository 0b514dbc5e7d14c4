"""What runs on SQLite runs on PostgreSQL."""

from pathlib import Path

import psycopg2
import pytest

from tests.support import postgres
from tests.support.templates import first_start
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres


@pytest.mark.long
def test_up_runs_the_sample_on_postgresql_and_continues_after_a_kill(tmp_path: Path) -> None:
    with postgres.database() as url, first_start(tmp_path / "home", DATABASE_URL=url) as product:
        run = product.api("POST", "workflows/flight-delays/runs/?wait=60", {})
        assert run["state"] == "succeeded"
        stuck = product.api("POST", "workflows/stuck-node/runs/", {})["id"]
        wait_until(lambda: product.api("GET", f"runs/{stuck}/nodes/ask/")["state"] == "running")
        product.kill()
        product.start()
        wait_until(lambda: product.api("GET", f"runs/{stuck}/nodes/ask/")["attempt"] == 2)
        product.api("POST", f"runs/{stuck}/cancel/", {})
        assert product.ended(stuck)["state"] == "cancelled"
        assert product.api("GET", f"runs/{run['id']}/")["state"] == "succeeded"
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from engine_run")
            assert cursor.fetchone() == (2,)
        connection.close()
        assert product.stop() == 0
