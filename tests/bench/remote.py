"""The part `remote` of bench: how soon the browser hears of a node on another host, and that host of an operator.

One worker of Celery, one web process, PostgreSQL and Redis, beside the same with node processes of the scheduler's own.
All clocks are this machine's.
"""

from __future__ import annotations

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
from tests.bench.figures import case, milliseconds, spread
from tests.bench.http import Product, prepare
from tests.bench.parts import Missing, Wish
from tests.bench.scaled import worker
from tests.bench.workflows import SLEEPS, python

POSTGRESQL = True
NEWS: Final = 100
SLUG: Final = "remote"
END_SECONDS: Final = 60.0
SAYS: Final = f"""\
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
    # While the first one sleeps the client comes.
    "nodes": [python("n0", SLEEPS.format(seconds=1.0)), python("n1", SAYS)],
    "edges": [{"source": "n0", "target": "n1"}],
}


def measure(wish: Wish) -> dict[str, Any]:
    if not wish.database or not settings.INTERLOCK.redis_url:
        raise Missing("Name a PostgreSQL by --database and a Redis by REDIS_URL: a worker on another host needs both.")
    here, there = (_case(wish, executor) for executor in ("local", "celery"))
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


def _case(wish: Wish, executor: str) -> dict[str, list[float]]:
    """Milliseconds of each kind."""
    found: dict[str, list[float]] = {"line": [], "progress": [], "state": [], "stack": [], "cancel": []}
    with _installation(wish, executor) as (web, database):
        prepare(web, DOCUMENT, SLUG)
        for number in range(wish.repeat):
            wish.say(f"{executor}: run {number + 1} of {wish.repeat}")
            run = str(web.call("POST", f"/api/v1/workflows/{SLUG}/runs/", {})["id"])
            pid = asyncio.run(asyncio.wait_for(_watch(web, run, found), END_SECONDS))
            asked = time.time() * 1000
            web.call("GET", f"/api/v1/runs/{run}/nodes/n1/stack/")
            found["stack"].append(_first_look(database) - asked)
            asked = time.time() * 1000
            web.call("POST", f"/api/v1/runs/{run}/cancel/", {})
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.001)
            found["cancel"].append(time.time() * 1000 - asked)
    return found


def _first_look(database: str) -> float:
    """When the first of the last stacks was taken, in milliseconds since 1970: the answer tells of their end."""
    with contextlib.closing(psycopg2.connect(database)) as connection, connection.cursor() as using:
        using.execute("SELECT body FROM engine_stack ORDER BY id DESC LIMIT 1")
        (body,) = using.fetchone() or ("",)
        return milliseconds(json.loads(body)["samples"][0]["at"])


@contextlib.contextmanager
def _installation(wish: Wish, executor: str) -> Iterator[tuple[Product, str]]:
    """Its web process and its database."""
    with contextlib.ExitStack() as made:
        database = made.enter_context(postgres.database(wish.database))
        shared = {
            "DATABASE_URL": database,
            "SECRET_KEY": os.urandom(32).hex(),
            "INTERLOCK_EXECUTOR": executor,
            "INTERLOCK_WORKERS": "2",
        }
        web = Product(wish.folder / executor, **shared)
        made.callback(web.stop)
        if executor == "celery":
            made.enter_context(worker(wish.folder / "worker.log", "engine", web.environment, "-Q", "default"))
        yield web, database


async def _watch(web: Product, run: str, found: dict[str, list[float]]) -> int:
    """Hear of the run until its node has said all; the process that it is in."""
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
    told = [f"Python {machine['python']}, one worker of Celery, PostgreSQL and Redis, {machine['cores']} cores"]
    told += [
        f"{made['name']:46}{made['value']:>7,.0f} ms  95 % {made['p95']:>4,.0f}  worst {made['max']:>4,.0f}  "
        f"without a worker {made['floor']:>4,.0f}"
        for made in report["cases"]
    ]
    return told
