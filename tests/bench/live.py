"""`bench live`: the delay of events for clients of two web processes, on PostgreSQL and Redis, also beside a client
that reads nothing (`silent_client`)."""

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

from tests.bench import postgres, silent_client, workflows
from tests.bench.http import Product, prepare
from tests.bench.parts import Missing, Options
from tests.bench.stats import case, spread

POSTGRESQL = True
CLIENTS: Final = 100
WEBS: Final = 2
NODES: Final = 2000
DEPTH: Final = 50
SLUG: Final = "live"
END_SECONDS: Final = 120.0
_HEAD = re.compile(r'\{"type":"events","first":(\d+),"seq":(\d+),"events":\[')
_AT = re.compile(r'\{"seq":\d+,"at":"([^"]+)"')
"""The beginning of an event. Parsing all of them a hundred times would be most of the work of the machine."""


def measure(options: Options) -> dict[str, Any]:
    if not options.database or not settings.INTERLOCK.redis_url:
        raise Missing("Name a PostgreSQL by --database and a Redis by REDIS_URL: several web processes need both.")
    cases = []
    with contextlib.ExitStack() as stack:
        webs = list(_installation(options, stack))
        for number in range(options.repeat):
            options.progress(f"run {number + 1} of {options.repeat}")
            cases.append(_run(options, webs, number))
        beside = silent_client.measure(options, webs)
    delays = [delay for delays, _ in cases for delay in delays]
    name = f"{CLIENTS} clients, {NODES:,} no-ops"
    return {
        "cases": [
            case(f"{name}: an event's delay", "ms", delays, (), p95=spread(delays)["p95"]) | {"all": []},
            case(f"{name}: the run", "s", [seconds for _, seconds in cases]),
            *beside,
        ]
    }


def _installation(options: Options, stack: contextlib.ExitStack) -> Iterator[Product]:
    """Yield the web processes, in a database of their own."""
    shared = {
        "DATABASE_URL": stack.enter_context(postgres.database(options.database)),
        "SECRET_KEY": os.urandom(32).hex(),
        "INTERLOCK_ARTIFACTS": str(options.folder / "artifacts"),
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    }
    environment = {**os.environ, **shared, "INTERLOCK_HOME": str(options.folder / "scheduler")}
    for words in (["migrate", "-v0", "--skip-checks"], ["user", "admin", "--role", "admin"]):
        subprocess.run([sys.executable, "-m", "django", *words], env=environment, check=True, stdout=subprocess.DEVNULL)
    scheduler = subprocess.Popen([sys.executable, "-m", "django", "scheduler"], env=environment)
    stack.callback(_end, scheduler)
    for number in range(WEBS):
        web = Product(options.folder / f"web-{number}", "web", **shared)
        stack.callback(web.stop)
        yield web


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def _run(options: Options, webs: Sequence[Product], number: int) -> tuple[list[float], float]:
    """Return the delays in ms of events at each client, and the seconds of the run."""
    gate = options.folder / f"gate-{number}"
    slug = f"{SLUG}-{number}"
    prepare(webs[0], workflows.gated_chains(NODES, DEPTH, "", str(gate)), slug)
    run = str(webs[0].call("POST", f"/api/v1/workflows/{slug}/runs/", {})["id"])

    async def watch() -> tuple[list[float], float]:
        connected = asyncio.Semaphore(0)
        clients = [asyncio.create_task(_client(webs[n % len(webs)], run, connected)) for n in range(CLIENTS)]
        for _ in clients:
            await connected.acquire()
        # The run is running, and the events of that have arrived.
        await asyncio.sleep(1)
        gate.touch()
        started_at = time.monotonic()
        found = await asyncio.wait_for(asyncio.gather(*clients), END_SECONDS)
        return [delay for delays in found for delay in delays], time.monotonic() - started_at

    return asyncio.run(watch())


async def _client(web: Product, run: str, connected: asyncio.Semaphore) -> list[float]:
    """Return the delays of the events after the first answer. Raises RuntimeError if one is missing."""
    delays: list[float] = []
    headers = {"Authorization": web.headers["Authorization"]}
    address = f"ws://localhost:{web.port}/ws/runs/{run}/"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
        await socket.send('{"type": "hello"}')
        first = str(await socket.recv())
        seq = int(first.partition('"seq":')[2].partition(",")[0])
        connected.release()
        while True:
            text = str(await socket.recv())
            now = time.time()
            if not (head := _HEAD.match(text)):
                continue
            if int(head[1]) != seq + 1:
                raise RuntimeError(f"Event {seq + 1} did not come: {head[1]} did.")
            seq = int(head[2])
            last = text.rpartition('{"seq":')[2]
            # All events of a message arrive together, so the first and the last are enough.
            ends = (_AT.match(text, head.end()), _AT.match('{"seq":' + last))
            delays += [(now - datetime.fromisoformat(at[1]).timestamp()) * 1000 for at in ends if at is not None]
            if '"type":"run"' in last and '"state":"succeeded"' in last:
                return delays


def lines(report: dict[str, Any]) -> list[str]:
    machine = report["machine"]
    output = [f"Python {machine['python']}, {WEBS} web processes, PostgreSQL and Redis, {machine['cores']} cores"]
    for one in report["cases"]:
        more = f"  95 % {one['p95']:,.0f} ms" if "p95" in one else ""
        output.append(f"{one['name']:46}{one['value']:>9,.2f} {one['unit']}{more}")
    return output
