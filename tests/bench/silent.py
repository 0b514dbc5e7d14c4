"""The second measure of the part `live`: one client reads nothing for a minute, while a run goes on to tell. What the
others feel of it, and the web processes' memory."""

from __future__ import annotations

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
from tests.bench.figures import case, spread
from tests.bench.http import Product, prepare
from tests.bench.parts import Wish

CLIENTS: Final = 100
BEFORE_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 60.0
LINES_A_SECOND: Final = 20
CHARACTERS: Final = 4000
"""Of a line: in a minute more than the system's buffers take for one who reads nothing."""
SLUG: Final = "silent"
_AT = re.compile(r'\{"seq":\d+,"at":"([^"]+)","type":"log"')


def measure(wish: Wish, webs: Sequence[Product]) -> list[dict[str, Any]]:
    """The cases. The first of `webs` has the silent one."""
    wish.say(f"one of {CLIENTS} clients reads nothing for {SILENT_SECONDS:.0f} s")
    over = wish.folder / "over"
    prepare(webs[0], workflows.talker(LINES_A_SECOND, CHARACTERS, str(over)), SLUG)
    run = str(webs[0].call("POST", f"/api/v1/workflows/{SLUG}/runs/", {})["id"])
    before, beside, grown = asyncio.run(_watch(webs, run, over))
    name = "one reads nothing for a minute"
    delays = [case(f"{said}: a line's delay", "ms", found, (), p95=spread(found)["p95"]) | {"all": []}
              for said, found in ((f"{CLIENTS} clients who all read", before), (name, beside))]  # fmt: skip
    return [*delays, case(f"{name}: growth of a web", "MiB", grown)]


async def _watch(webs: Sequence[Product], run: str, over: Path) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of lines to all who read, before and beside the silent one, and MiB that the processes grew by."""
    heard: list[tuple[float, float]] = []
    there = asyncio.Semaphore(0)
    clients = [asyncio.create_task(_client(webs[n % len(webs)], run, there, heard)) for n in range(CLIENTS)]
    for _ in clients:
        await there.acquire()
    # Whatever is made with the first events of a run is there then.
    await asyncio.sleep(BEFORE_SECONDS)
    base = [_resident(web.process.pid) for web in webs]
    since = time.monotonic()
    with _silent(webs[0], run):
        await asyncio.sleep(SILENT_SECONDS)
        grown = [_resident(web.process.pid) - was for web, was in zip(webs, base, strict=True)]
    until = time.monotonic()
    over.touch()
    await asyncio.wait_for(asyncio.gather(*clients), 60)
    before = [delay for at, delay in heard if at < since]
    return before, [delay for at, delay in heard if since <= at < until], grown


async def _client(web: Product, run: str, there: asyncio.Semaphore, heard: list[tuple[float, float]]) -> None:
    """Note (monotonic time, delay in ms) of each message with lines, until the run is over."""
    headers = {"Authorization": web.headers["Authorization"]}
    address = f"ws://localhost:{web.port}/ws/runs/{run}/"
    async with connect(address, additional_headers=headers, max_size=None, proxy=None) as link:
        await link.send('{"type": "hello"}')
        await link.recv()
        there.release()
        while True:
            text = str(await link.recv())
            now = time.time()
            if found := _AT.search(text):
                heard.append((time.monotonic(), (now - datetime.fromisoformat(found[1]).timestamp()) * 1000))
            if '"type":"run"' in text and '"state":"succeeded"' in text:
                return


def _silent(web: Product, run: str) -> socket.socket:
    """A connection that has said hello, and of which nothing is read any more."""
    link = socket.socket()
    # Small, so that the server feels soon that nobody reads.
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
    # One frame of text with a mask of zeros.
    link.sendall(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
    return link


def _resident(pid: int) -> float:
    """MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
