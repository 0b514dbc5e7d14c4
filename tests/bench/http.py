"""A product (`manage.py up`) of its own, and 1,000 runs of 5 nodes submitted over HTTP by 8 clients."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLIENTS = 8
START_SECONDS = 60.0
END_SECONDS = 300.0
SLUG = "bench"


class Product:
    """`manage.py up`, or another serving command, in its own home and on a free loopback port. End it with `stop`."""

    def __init__(self, home: Path, command: str = "up", **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environment = {
            **os.environ, "INTERLOCK_HOME": str(home), "DJANGO_SETTINGS_MODULE": "dashboard.settings", **environment,
        }  # fmt: skip
        home.mkdir(mode=0o700, exist_ok=True)
        self._database: sqlite3.Connection | None = None
        self.log = open(home.with_suffix(".log"), "wb")  # noqa: SIM115 - closed by stop
        # Parts that measure workers start them.
        options = ["--no-worker"] if command == "up" else []
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "manage", command, "--port", str(self.port), *options],
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )
        try:
            self._wait_ready()
            self.start_seconds = time.monotonic() - begun
            """From the command to the first successful answer of /readyz."""
            made = subprocess.run(
                [sys.executable, "-m", "django", "token", "--user", "admin"],
                env=self.environment,
                capture_output=True,
                text=True,
                check=True,
            )
        except BaseException:
            self.stop()
            raise
        self.headers = {"Authorization": f"Bearer {made.stdout.strip()}", "Content-Type": "application/json"}

    def _wait_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                connection = self.connect()
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The product did not start; see {self.log.name}.")
            time.sleep(0.05)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(
        self, method: str, path: str, body: Any = None, connection: http.client.HTTPConnection | None = None
    ) -> Any:
        """Return the parsed answer. Raises RuntimeError for other statuses than 2xx."""
        used = connection or self.connect()
        used.request(method, path, None if body is None else json.dumps(body), self.headers)
        answer = used.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500].decode(errors='replace')}")
        return json.loads(text) if text else None

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Read from the product's database, because HTTP requests would be part of the load."""
        if self._database is None:
            path = Path(self.environment["INTERLOCK_HOME"]) / "interlock.sqlite3"
            self._database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        return self._database.execute(sql, parameters).fetchall()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.log.close()
            if self._database is not None:
                self._database.close()


def prepare(product: Product, document: Mapping[str, Any], slug: str = SLUG) -> None:
    """Create a workflow whose live version is `document`."""
    product.call("POST", "/api/v1/workflows/", {"name": slug, "slug": slug})
    product.call("POST", f"/api/v1/workflows/{slug}/versions/", {"definition": document, "message": "bench"})


@dataclass(frozen=True, slots=True)
class Submitted:
    """Times of many runs, in seconds from the first request."""

    accepted: float
    """Until the last one was accepted."""
    ended: float
    """Until the last one had succeeded."""
    requests: list[float]
    """Duration of each request."""


def measure(product: Product, count: int, slug: str = SLUG) -> Submitted:
    """Start `count` runs with CLIENTS clients, each with one request at a time. Raises RuntimeError."""
    before = _ended(product, slug)
    latencies: list[float] = []
    errors: list[BaseException] = []
    numbers = iter(range(count))
    lock = threading.Lock()

    def client() -> None:
        connection = product.connect()
        mine: list[float] = []
        try:
            while True:
                with lock:
                    if next(numbers, None) is None:
                        break
                begun = time.perf_counter()
                product.call("POST", f"/api/v1/workflows/{slug}/runs/", {}, connection)
                mine.append(time.perf_counter() - begun)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()
            with lock:
                latencies.extend(mine)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = time.perf_counter() - begun
    if errors:
        raise RuntimeError(f"A client failed: {errors[0]}") from errors[0]
    end = time.monotonic() + END_SECONDS
    while _ended(product, slug) - before < count:
        if time.monotonic() > end:
            raise RuntimeError(f"The runs did not end within {END_SECONDS:g} s.")
        time.sleep(0.02)
    return Submitted(accepted, time.perf_counter() - begun, latencies)


def _ended(product: Product, slug: str) -> int:
    """Return the number of succeeded runs. Raises RuntimeError if others ended."""
    [(good, bad)] = product.rows(
        "SELECT count(*) FILTER (WHERE state = 'succeeded'), "
        "count(*) FILTER (WHERE state IN ('failed', 'cancelled', 'timed_out')) FROM engine_run WHERE workflow = ?",
        slug,
    )
    if bad:
        raise RuntimeError(f"{bad} runs did not succeed.")
    return int(good)
