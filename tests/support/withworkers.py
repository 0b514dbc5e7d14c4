"""The whole product with workers: on its own database, Redis server and proxy between them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from tests.support import postgres, redis, templates
from tests.support.factories import document, python
from tests.support.product import Product
from tests.support.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.templates import first_start, running
from tests.support.wait import wait_until
from tests.support.workers import Worker

WAITS = """
import os, time

def main(inputs, ctx):
    with open({ledger!r}, "a") as file:
        file.write(f"{{ctx.node}} {{ctx.attempt}} {{os.getpid()}}\\n")
    ctx.log("here")
    while not os.path.exists({flag!r}) and not (ctx.attempt > 1 and {once}):
        time.sleep(0.01)
    return ctx.attempt
"""


class WithWorkers:
    """A product with its broker and its database; tests start the workers."""

    def __init__(self, folder: Path, product: Product, broker: redis.Server, url: str, proxy: TcpProxy) -> None:
        self.folder, self.product, self.broker, self.url, self.proxy = folder, product, broker, url, proxy
        self.ledger, self.flag = folder / "ledger", folder / "flag"
        self.started: list[Worker] = []
        self.slugs = 0

    def worker(self, name: str = "one", queues: str = "default", **changed: str) -> Worker:
        environment = {**{key: value for key, value in self.product.environment.items() if key != "PATH"}, **changed}
        made = Worker(self.folder / f"{name}.log", environment, name, queues)
        self.started.append(made)
        return made

    def start(self, made: dict[str, Any]) -> str:
        """Start a run of this document."""
        self.slugs += 1
        slug = f"flow-{self.slugs}"
        self.product.publish(slug, made["nodes"], made["edges"])
        return str(self.product.api("POST", f"workflows/{slug}/runs/", {})["id"])

    def waiting(self, *names: str, once: bool = False, **policy: Any) -> dict[str, Any]:
        """Return nodes that wait for the flag (with `once`, only in their first attempt)."""
        code = WAITS.format(ledger=str(self.ledger), flag=str(self.flag), once=once)
        return document([python(name, code, **policy) for name in names or ("a",)])

    def starts(self) -> list[tuple[str, int, int]]:
        """Return (node, attempt, pid) of all starts, in order."""
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return [(name, int(attempt), int(pid)) for name, attempt, pid in map(str.split, lines)]

    def wait_for_starts(self, count: int = 1, timeout: float = 20) -> list[tuple[str, int, int]]:
        return wait_until(lambda: found if len(found := self.starts()) >= count else None, timeout)

    def running(self, run: str, name: str = "a") -> None:
        wait_until(lambda: self.node(run, name)["state"] == "running")

    def node(self, run: str, name: str = "a") -> Any:
        return self.product.api("GET", f"runs/{run}/nodes/{name}/")

    def states(self, run: str, name: str = "a") -> list[str]:
        return [attempt["state"] for attempt in self.attempts(run, name)]

    def attempts(self, run: str, name: str = "a") -> list[Any]:
        """Return the attempts, the oldest first."""
        return list(self.product.api("GET", f"runs/{run}/nodes/{name}/attempts/")["results"])[::-1]

    def ended(self, run: str) -> str:
        return str(self.product.ended(run)["state"])

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            found = list(cursor.fetchall())
        connection.close()
        return found

    def wait_until_empty(self) -> None:
        """Wait until nothing of attempts is left in the database."""
        count = "SELECT (SELECT count(*) FROM engine_dispatch) + (SELECT count(*) FROM engine_hostreport)"
        wait_until(lambda: self.rows(count) == [(0,)])


@contextlib.contextmanager
def installation(folder: Path, *, first: bool = False) -> Iterator[WithWorkers]:
    """Yield a product without workers; with `first` it starts in an empty home."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(postgres.database() if first else templates.database())
        broker = stack.enter_context(redis.server(folder))
        proxy = stack.enter_context(tcp_proxy(postgres.address()))
        environment = {
            "DATABASE_URL": url,
            "REDIS_URL": broker.url,
            "INTERLOCK_EXECUTOR": "celery",
            "INTERLOCK_WORKERS": "2",
        }
        product = stack.enter_context((first_start if first else running)(folder / "home", **environment))
        made = WithWorkers(folder, product, broker, url, proxy)
        try:
            yield made
        finally:
            for one in made.started:
                one.end()


def through(proxy: TcpProxy, url: str) -> str:
    return url.replace(f":{postgres.address()[1]}/", f":{proxy.port}/")
