"""The part `live` of bench: how late live clients of two web processes hear of events, on PostgreSQL and Redis; also
beside one who reads nothing (`silent`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from websockets.asyncio.client import connect

from tests.bench import postgres, silent, workflows
from tests.bench.figures import case, spread
from tests.bench.http import Product, prepare
from tests.bench.parts import Missing, Wish

POSTGRESQL = True
CLIENTS: Final = 100
WEBS: Final = 2
NODES: Final = 2000
DEPTH: Final = 50
SLUG: Final = "live"
END_SECONDS: Final = 120.0
_HEAD = re.compile(r'\{"type":"events","first":(\d+),"seq":(\d+),"events":\[')
_AT = re.compile(r'\{"seq":\d+,"at":"([^"]+)"')
"""How an event begins. Parsing all of them a hundred times over would be most of what the machine does."""


def measure(wish: Wish) -> dict[str, Any]:
    if not wish.database or not settings.INTERLOCK.redis_url:
        raise Missing("Name a PostgreSQL by --database and a Redis by REDIS_URL: several web processes need both.")
    cases = []
    with contextlib.ExitStack() as made:
        webs = list(_installation(wish, made))
        for number in range(wish.repeat):
            wish.say(f"run {number + 1} of {wish.repeat}")
            cases.append(_run(wish, webs, number))
        beside = silent.measure(wish, webs)
    delays = [delay for delays, _ in cases for delay in delays]
    name = f"{CLIENTS} clients, {NODES:,} no-ops"
    return {
        "cases": [
            case(f"{name}: an event's delay", "ms", delays, (), p95=spread(delays)["p95"]) | {"all": []},
            case(f"{name}: the run", "s", [seconds for _, seconds in cases]),
            *beside,
        ]
    }


def _installation(wish: Wish, made: contextlib.ExitStack) -> Iterator[Product]:
    """The web processes, in a database of their own."""
    shared = {
        "DATABASE_URL": made.enter_context(postgres.database(wish.database)),
        "SECRET_KEY": os.urandom(32).hex(),
        "INTERLOCK_ARTIFACTS": str(wish.folder / "artifacts"),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    environment = {**os.environ, **shared, "INTERLOCK_HOME": str(wish.folder / "scheduler")}
    for words in (["migrate", "-v0", "--skip-checks"], ["user", "admin", "--role", "admin"]):
        subprocess.run([sys.executable, "-m", "django", *words], env=environment, check=True, stdout=subprocess.DEVNULL)
    scheduler = subprocess.Popen([sys.executable, "-m", "django", "scheduler"], env=environment)
    made.callback(_end, scheduler)
    for number in range(WEBS):
        web = Product(wish.folder / f"web-{number}", "web", **shared)
        made.callback(web.stop)
        yield web


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def _run(wish: Wish, webs: Sequence[Product], number: int) -> tuple[list[float], float]:
    """Milliseconds from events to each client that heard of them, and the seconds that it all took."""
    gate = wish.folder / f"gate-{number}"
    slug = f"{SLUG}-{number}"
    prepare(webs[0], workflows.gated_chains(NODES, DEPTH, "", str(gate)), slug)
    run = str(webs[0].call("POST", f"/api/v1/workflows/{slug}/runs/", {})["id"])

    async def watch() -> tuple[list[float], float]:
        there = asyncio.Semaphore(0)
        clients = [asyncio.create_task(_client(webs[n % len(webs)], run, there)) for n in range(CLIENTS)]
        for _ in clients:
            await there.acquire()
        # Running, and all that was told of that has come.
        await asyncio.sleep(1)
        gate.touch()
        begun = time.monotonic()
        found = await asyncio.wait_for(asyncio.gather(*clients), END_SECONDS)
        return [delay for delays in found for delay in delays], time.monotonic() - begun

    return asyncio.run(watch())


async def _client(web: Product, run: str, there: asyncio.Semaphore) -> list[float]:
    """Delays of what came after the first answer. Raises RuntimeError when one is left out."""
    delays: list[float] = []
    headers = {"Authorization": web.headers["Authorization"]}
    address = f"ws://localhost:{web.port}/ws/runs/{run}/"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
        await socket.send('{"type": "hello"}')
        first = str(await socket.recv())
        seq = int(first.partition('"seq":')[2].partition(",")[0])
        there.release()
        while True:
            text = str(await socket.recv())
            now = time.time()
            if not (head := _HEAD.match(text)):
                continue
            if int(head[1]) != seq + 1:
                raise RuntimeError(f"Event {seq + 1} did not come: {head[1]} did.")
            seq = int(head[2])
            last = text.rpartition('{"seq":')[2]
            # All events of a message came together: the first and the last tell, and leave the machine to the servers.
            ends = (_AT.match(text, head.end()), _AT.match('{"seq":' + last))
            delays += [(now - datetime.fromisoformat(at[1]).timestamp()) * 1000 for at in ends if at is not None]
            if '"type":"run"' in last and '"state":"succeeded"' in last:
                return delays


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    told = [f"Python {machine['python']}, {WEBS} web processes, PostgreSQL and Redis, {machine['cores']} cores"]
    for made in report["cases"]:
        more = f"  95 % {made['p95']:,.0f} ms" if "p95" in made else ""
        told.append(f"{made['name']:46}{made['value']:>9,.2f} {made['unit']}{more}")
    return told
