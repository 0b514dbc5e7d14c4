"""`bench remote`: delays between a browser and a node on another host, in both directions.

One Celery worker, one web process, PostgreSQL and Redis, beside node processes of the scheduler. All clocks are this
machine's.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg2
from django.conf import settings
from websockets.asyncio.client import connect

from tests.bench import postgres
from tests.bench.celery_nodes import worker
from tests.bench.http import Product, prepare
from tests.bench.parts import Missing, Options
from tests.bench.stats import case, milliseconds, spread
from tests.bench.workflows import SLEEP, python

POSTGRESQL = True
NEWS: Final = 100
SLUG: Final = "remote"
END_SECONDS: Final = 60.0
CODE: Final = f"""\
import os, time
def main(inputs, ctx):
    for number in range({NEWS}):
        print(time.time(), flush=True)
        time.sleep(0.05)
        ctx.progress((number + 1) / {NEWS}, str(time.time()))
        time.sleep(0.11)
    ctx.log(f"pid {{os.getpid()}}")
    time.sleep(600)
"""

DOCUMENT: Final = {
    "schema": "interlock/1",
    # The client connects while the first node sleeps.
    "nodes": [python("n0", SLEEP.format(seconds=1.0)), python("n1", CODE)],
    "edges": [{"source": "n0", "target": "n1"}],
}


def measure(options: Options) -> dict[str, Any]:
    if not options.database or not settings.INTERLOCK.redis_url:
        raise Missing("Name a PostgreSQL by --database and a Redis by REDIS_URL: a worker on another host needs both.")
    here, there = (_case(options, executor) for executor in ("local", "celery"))
    names = {
        "line": "a printed line until a client has it",
        "progress": "progress until a client has it",
        "state": "a change of state until a client has it",
        "stack": "a request for stacks until the first is taken",
        "cancel": "a cancel until the node's process is gone",
    }
    return {
        "cases": [case(name, "ms", there[key], here[key], **spread(there[key])) for key, name in names.items()],
    }


def _case(options: Options, executor: str) -> dict[str, list[float]]:
    """Return milliseconds of each kind."""
    found: dict[str, list[float]] = {"line": [], "progress": [], "state": [], "stack": [], "cancel": []}
    with _installation(options, executor) as (web, database):
        prepare(web, DOCUMENT, SLUG)
        for number in range(options.repeat):
            options.progress(f"{executor}: run {number + 1} of {options.repeat}")
            run = str(web.call("POST", f"/api/v1/workflows/{SLUG}/runs/", {})["id"])
            pid = asyncio.run(asyncio.wait_for(_watch(web, run, found), END_SECONDS))
            requested_at = time.time() * 1000
            web.call("GET", f"/api/v1/runs/{run}/nodes/n1/stack/")
            found["stack"].append(_first_sample_time(database) - requested_at)
            requested_at = time.time() * 1000
            web.call("POST", f"/api/v1/runs/{run}/cancel/", {})
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.001)
            found["cancel"].append(time.time() * 1000 - requested_at)
    return found


def _first_sample_time(database: str) -> float:
    """Return when the first sample of the last stacks was taken, in milliseconds since 1970."""
    with contextlib.closing(psycopg2.connect(database)) as connection, connection.cursor() as using:
        using.execute("SELECT body FROM engine_stack ORDER BY id DESC LIMIT 1")
        (body,) = using.fetchone() or ("",)
        return milliseconds(json.loads(body)["samples"][0]["at"])


@contextlib.contextmanager
def _installation(options: Options, executor: str) -> Iterator[tuple[Product, str]]:
    """Yield its web process and the URL of its database."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.database(options.database))
        shared = {
            "DATABASE_URL": database,
            "SECRET_KEY": os.urandom(32).hex(),
            "INTERLOCK_EXECUTOR": executor,
            "INTERLOCK_WORKERS": "2",
        }
        web = Product(options.folder / executor, **shared)
        stack.callback(web.stop)
        if executor == "celery":
            stack.enter_context(worker(options.folder / "worker.log", "engine", web.environment, "-Q", "default"))
        yield web, database


async def _watch(web: Product, run: str, found: dict[str, list[float]]) -> int:
    """Watch the run until its node has printed everything. Return the id of the node's process."""
    headers = {"Authorization": web.headers["Authorization"]}
    address = f"ws://localhost:{web.port}/ws/runs/{run}/"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
        await socket.send('{"type": "hello"}')
        await socket.recv()
        while True:
            message = json.loads(await socket.recv())
            now = time.time() * 1000
            for event in message.get("events", ()):
                if event["type"] == "node":
                    found["state"].append(now - milliseconds(event["at"]))
                elif event["type"] == "progress":
                    found["progress"].append(now - float(event["message"]) * 1000)
                elif event["type"] == "log" and (text := event["line"]["message"]).startswith("pid "):
                    return int(text.removeprefix("pid "))
                elif event["type"] == "log" and text.replace(".", "").isdigit():
                    found["line"].append(now - float(text) * 1000)


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    output = [f"Python {machine['python']}, one worker of Celery, PostgreSQL and Redis, {machine['cores']} cores"]
    output += [
        f"{stack['name']:46}{stack['value']:>7,.0f} ms  95 % {stack['p95']:>4,.0f}  worst {stack['max']:>4,.0f}  "
        f"without a worker {stack['floor']:>4,.0f}"
        for stack in report["cases"]
    ]
    return output
