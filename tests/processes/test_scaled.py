"""`up` with PostgreSQL and Redis works as without them, also while they are unavailable."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from dashboard.live import database as live_database
from dashboard.serving import http
from tests.live.recorder import Recorder
from tests.processes.test_live_product import as_api_has_it, open_socket
from tests.support import redis, templates
from tests.support.effort import in_time
from tests.support.product import Product
from tests.support.templates import running
from tests.support.wait import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

LONG = "import time\n\ndef main(inputs, ctx):\n    for n in range({n}):\n        print(n)\n        time.sleep(0.05)\n"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[redis.Server]:
    with redis.server(tmp_path) as started:
        yield started


@pytest.fixture
def database() -> Iterator[str]:
    with templates.database() as url:
        yield url


@pytest.fixture
def product(tmp_path: Path, database: str, redis_server: redis.Server) -> Iterator[Product]:
    with running(tmp_path / "home", DATABASE_URL=database, REDIS_URL=redis_server.url) as started:
        yield started


def followed(product: Product, run: str, until: str = "succeeded", seconds: float = 60) -> Recorder:
    """Return a client that has followed the run to its end without a gap, and knows what the API returns."""
    recorder = Recorder()
    with open_socket(product, run) as socket:
        recorder.hello(socket)
        deadline = time.monotonic() + seconds
        while recorder.run is None or recorder.run["state"] != until:
            recorder.take(socket, timeout=max(0.01, deadline - time.monotonic()))
    assert (recorder.run, recorder.nodes) == as_api_has_it(product, run)
    return recorder


def test_up_works_on_postgresql_and_redis(product: Product, database: str, redis_server: redis.Server) -> None:
    wait_until(lambda: "Interlock is ready" in product.log.read_text())
    assert product.call("GET", product.login_path(), token=False).status in (200, 302)
    run = product.api("POST", "workflows/flight-delays/runs/", {})["id"]
    followed(product, run)
    with contextlib.closing(psycopg2.connect(database)) as connection:
        counted = connections(connection)
    assert set(counted) == {"interlock-web", "interlock-scheduler"}
    assert counted["interlock-scheduler"] == 1
    with redis_server.client() as client:
        names = {one["name"] for one in client.client_list()}
    assert {"interlock-scheduler", "interlock-listener", "interlock-layer"} <= names
    doctor = product.command("doctor", "--port", str(product.port)).stdout
    assert re.search(r"ok +Redis: reachable", doctor), doctor
    assert "Secret key" not in doctor
    doctor = product.command("doctor", "--shell", "--port", str(product.port), check=False, SECRET_KEY="another").stdout
    assert re.search(r"problem +Secret key: web processes on \S+ use another SECRET_KEY", doctor), doctor
    # The same database by another name: hints would not find each other.
    other = urlsplit(database)
    named = {"localhost": "127.0.0.1"}.get(other.hostname or "", "localhost")
    product.environment["DATABASE_URL"] = urlunsplit(
        other._replace(netloc=f"{other.username}:{other.password or ''}@{named}:{other.port}")
    )
    doctor = product.command("doctor", "--shell", "--port", str(product.port), check=False).stdout
    assert re.search(r"warning +Redis: reachable, but the scheduler does not use it", doctor), doctor
    assert product.stop() == 0
    assert "away" not in product.log.read_text()


def test_two_hundred_requests_at_once_beside_a_hundred_sockets_open_no_connection_more_than_there_are_threads(
    product: Product, database: str
) -> None:
    # It prints for longer than all requests may take.
    code = LONG.replace("0.05", "0.5").format(n=600)
    product.publish("talk", [{"id": "a", "type": "python", "config": {"code": code}}], [])
    run = product.api("POST", "workflows/talk/runs/", {})["id"]
    paths = ["/api/v1/runs/", "/api/v1/workflows/", "/api/v1/workflows/flight-delays/"]
    together = threading.Barrier(201)

    def ask(n: int) -> int:
        together.wait(60)
        return product.call("GET", paths[n % len(paths)]).status

    seen: list[dict[str, int]] = []
    over = threading.Event()
    assert product.token

    def count() -> None:
        with contextlib.closing(psycopg2.connect(database)) as connection:
            connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            while not over.is_set():
                seen.append(connections(connection))

    counter = threading.Thread(target=count)
    with ThreadPoolExecutor(200) as pool, contextlib.ExitStack() as opened:
        counter.start()
        # Everything is read, so that pings are answered however late the test looks at it.
        sockets = [opened.enter_context(open_socket(product, run, max_queue=None)) for _ in range(100)]
        recorders = [Recorder() for _ in sockets]
        for recorder, socket in zip(recorders, sockets, strict=True):
            recorder.hello(socket)
        with contextlib.closing(psycopg2.connect(database)) as holding, holding, holding.cursor() as cursor:
            # Each request reads it: none is over before all threads have a connection.
            cursor.execute("lock table dashboard_apitoken in access exclusive mode")
            answers = [pool.submit(ask, n) for n in range(200)]
            together.wait(60)
            wait_until(lambda: waiting_for_locks(cursor) >= http.THREADS)
        statuses = {answer.result() for answer in answers}
        # Each has been read for, also while it gets further events.
        head = product.api("GET", f"runs/{run}/logs/?limit=1000")["results"][-1]["seq"]
        for recorder, socket in zip(recorders, sockets, strict=True):
            recorder.take_until(socket, head, timeout=60)
    over.set()
    counter.join()
    product.api("POST", f"runs/{run}/cancel/", {})
    assert statuses == {200}
    assert len(seen) > 5
    most = max(found.get("interlock-web", 0) for found in seen)
    assert http.THREADS <= most <= http.THREADS + live_database.THREADS
    assert {found["interlock-scheduler"] for found in seen} == {1}


def connections(connection: Any) -> dict[str, int]:
    """Return the connections to this database by application name, without the one that asks."""
    with connection.cursor() as cursor:
        cursor.execute("select application_name, count(*) from pg_stat_activity where datname = current_database() "
                       "and pid <> pg_backend_pid() group by 1")  # fmt: skip
        return dict(cursor.fetchall())


def waiting_for_locks(cursor: Any) -> int:
    """Return how many connections to this database wait for locks."""
    cursor.execute("select count(*) from pg_locks l join pg_database d on d.oid = l.database "
                   "where datname = current_database() and not granted")  # fmt: skip
    return int(cursor.fetchone()[0])


@pytest.mark.timed
def test_a_wake_over_redis_starts_a_run_at_once(product: Product) -> None:
    product.publish("one", [{"id": "a", "type": "noop"}], [])
    times = []
    for _ in range(10):
        began = time.monotonic()
        assert product.api("POST", "workflows/one/runs/?wait=10", {})["state"] == "succeeded"
        times.append(time.monotonic() - began)
    # The poll of each second would take half a second on average, twice.
    assert sorted(times)[5] < 0.4, times


@pytest.mark.long
def test_work_continues_without_redis_and_hints_return_with_it(product: Product, redis_server: redis.Server) -> None:
    product.publish("talk", [{"id": "a", "type": "python", "config": {"code": LONG.format(n=60)}}], [])
    run = product.api("POST", "workflows/talk/runs/", {})["id"]
    recorder = Recorder()
    with open_socket(product, run) as socket:
        recorder.hello(socket)
        wait_until(lambda: recorder.take(socket) and recorder.run and recorder.run["state"] == "running")
        redis_server.kill()
        # Watched runs continue, new ones start, and pages answer.
        later = product.api("POST", "workflows/talk/runs/", {})["id"]
        assert product.call("GET", "/readyz", token=False).status == 200
        while recorder.run is None or recorder.run["state"] != "succeeded":
            recorder.take(socket, timeout=15)
    followed(product, later)
    redis_server.start()
    with redis_server.client() as client:
        needed = {"interlock-scheduler", "interlock-listener"}
        wait_until(lambda: needed <= {c["name"] for c in client.client_list()})
    followed(product, product.api("POST", "workflows/talk/runs/", {})["id"])
    output = product.log.read_text()
    assert "Traceback" not in output
    assert output.count("REDIS_URL") <= 6, output


@pytest.mark.long
def test_a_client_misses_nothing_while_redis_comes_and_goes(product: Product, redis_server: redis.Server) -> None:
    product.publish("talk", [{"id": "a", "type": "python", "config": {"code": LONG.format(n=150)}}], [])
    run = product.api("POST", "workflows/talk/runs/", {})["id"]
    over = threading.Event()

    def disturb() -> None:
        while not over.is_set():
            redis_server.kill()
            redis_server.start()
            with redis_server.client() as client:
                client.flushall()
            over.wait(0.5)

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        followed(product, run)
    finally:
        over.set()
        disturbing.join()
    assert "Traceback" not in product.log.read_text()


def test_a_redis_that_hangs_delays_no_request(product: Product, redis_server: redis.Server) -> None:
    product.publish("one", [{"id": "a", "type": "noop"}], [])
    with redis_server.hanging():
        times = []
        for _ in range(20):
            began = time.monotonic()
            product.api("POST", "workflows/one/runs/", {})
            times.append(time.monotonic() - began)
        in_time(max(times), 2)
        # A request that waits for Redis takes a quarter of a second more.
        in_time(sorted(times)[5], 0.2)
        assert product.api("POST", "workflows/one/runs/?wait=20", {})["state"] == "succeeded"
