"""The second measurement of `bench live`: one client reads nothing for a minute. Measures the delay at the others,
and the memory of the web processes."""

import asyncio
import base64
import os
import re
import socket
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from websockets.asyncio.client import connect

from tests.bench import workflows
from tests.bench.http import Product, prepare
from tests.bench.parts import Options
from tests.bench.stats import case, spread

CLIENTS: Final = 100
BEFORE_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 60.0
LINES_A_SECOND: Final = 20
CHARACTERS: Final = 4000
"""Of a line: more per minute than the system buffers for a client that reads nothing."""
SLUG: Final = "silent"
_AT = re.compile(r'\{"seq":\d+,"at":"([^"]+)","type":"log"')


def measure(options: Options, webs: Sequence[Product]) -> list[dict[str, Any]]:
    """Return the cases. The silent client connects to the first of `webs`."""
    options.progress(f"one of {CLIENTS} clients reads nothing for {SILENT_SECONDS:.0f} s")
    over = options.folder / "over"
    prepare(webs[0], workflows.printing_node(LINES_A_SECOND, CHARACTERS, str(over)), SLUG)
    run = str(webs[0].call("POST", f"/api/v1/workflows/{SLUG}/runs/", {})["id"])
    before, beside, grown = asyncio.run(_watch(webs, run, over))
    name = "one reads nothing for a minute"
    delays = [case(f"{said}: a line's delay", "ms", found, (), p95=spread(found)["p95"]) | {"all": []}
              for said, found in ((f"{CLIENTS} clients who all read", before), (name, beside))]  # fmt: skip
    return [*delays, case(f"{name}: growth of a web", "MiB", grown)]


async def _watch(webs: Sequence[Product], run: str, over: Path) -> tuple[list[float], list[float], list[float]]:
    """Return the delays in ms of lines at all reading clients, before and beside the silent one, and the growth of
    the processes in MiB."""
    delays_at: list[tuple[float, float]] = []
    connected = asyncio.Semaphore(0)
    clients = [asyncio.create_task(_client(webs[n % len(webs)], run, connected, delays_at)) for n in range(CLIENTS)]
    for _ in clients:
        await connected.acquire()
    # After that, everything is allocated that the first events of a run need.
    await asyncio.sleep(BEFORE_SECONDS)
    base = [_resident(web.process.pid) for web in webs]
    since = time.monotonic()
    with _silent(webs[0], run):
        await asyncio.sleep(SILENT_SECONDS)
        grown = [_resident(web.process.pid) - was for web, was in zip(webs, base, strict=True)]
    until = time.monotonic()
    over.touch()
    await asyncio.wait_for(asyncio.gather(*clients), 60)
    before = [delay for at, delay in delays_at if at < since]
    return before, [delay for at, delay in delays_at if since <= at < until], grown


async def _client(web: Product, run: str, connected: asyncio.Semaphore, delays_at: list[tuple[float, float]]) -> None:
    """Record (monotonic time, delay in ms) of each message with lines, until the run has ended."""
    headers = {"Authorization": web.headers["Authorization"]}
    address = f"ws://localhost:{web.port}/ws/runs/{run}/"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as link:
        await link.send('{"type": "hello"}')
        await link.recv()
        connected.release()
        while True:
            text = str(await link.recv())
            now = time.time()
            if found := _AT.search(text):
                delays_at.append((time.monotonic(), (now - datetime.fromisoformat(found[1]).timestamp()) * 1000))
            if '"type":"run"' in text and '"state":"succeeded"' in text:
                return


def _silent(web: Product, run: str) -> socket.socket:
    """Return a connection that has sent hello and from which nothing more is read."""
    link = socket.socket()
    # A small buffer, so that the server notices soon that nobody reads.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(("127.0.0.1", web.port))
    hello = b'{"type":"hello"}'
    link.sendall(
        f"GET /ws/runs/{run}/ HTTP/1.1\r\nHost: localhost:{web.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        f"Authorization: {web.headers['Authorization']}\r\n\r\n".encode()
    )
    if not link.recv(12).endswith(b"101"):
        raise RuntimeError("The silent client's socket was refused.")
    # One text frame with a zero mask.
    link.sendall(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
    return link


def _resident(pid: int) -> float:
    """Return the resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
