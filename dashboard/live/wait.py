"""`?wait=N` on requests that start a run: delay the response until the run has ended, or N seconds.

Django handles the request as usual. Only a 202 response is delayed, here on the server's event loop, so that waiting
clients occupy no thread and no database connection. Then the run is fetched with the same credentials.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.db import DatabaseError

from dashboard.live.database import in_database
from dashboard.live.handshake import Scope, header
from dashboard.live.hub import hub
from dashboard.live.sockets import Message, Receive, Send
from engine.models import Run
from engine.states import RUN_TERMINAL

SECONDS_MAX: Final = 60.0
_START = re.compile(r"/api/v1/workflows/[^/]+/runs/")
_RUN = re.compile(r"/api/v1/runs/(\d{1,18})/")
_DROPPED_HEADERS = frozenset({b"content-length", b"content-type", b"idempotency-key", b"transfer-encoding", b"expect"})

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class CapturedResponse:
    """A response that was captured instead of sent."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def send_to(self, send: Send, *, status: int | None = None, location: bytes | None = None) -> None:
        headers = [pair for pair in self.headers if location is None or pair[0] != b"location"]
        if location is not None:
            headers.append((b"location", location))
        await send({"type": "http.response.start", "status": status or self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def location(self) -> bytes:
        return next((value for name, value in self.headers if name == b"location"), b"")


class WaitForRuns:
    """ASGI middleware around the Django application."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = wait_seconds(scope)
        if not seconds:
            await self.app(scope, receive, send)
            return
        asked_at = time.monotonic()
        first = CapturedResponse()
        await self.app(scope, receive, first.send)
        location = first.location()
        found = _RUN.fullmatch(urlsplit(location.decode("latin-1")).path) if first.status == 202 else None
        if found is None:
            await first.send_to(send)
            return
        ended_task = asyncio.ensure_future(_until_ended(int(found[1]), seconds - (time.monotonic() - asked_at)))
        left_task = asyncio.ensure_future(_until_disconnected(receive))
        try:
            await asyncio.wait((ended_task, left_task), return_when=asyncio.FIRST_COMPLETED)
            if not ended_task.done():
                return  # The client has left; the run continues.
            ended = ended_task.result()
        finally:
            ended_task.cancel()
            left_task.cancel()
            await asyncio.gather(ended_task, left_task, return_exceptions=True)
        now = await self._fetch(scope, found[0])
        if now.status == 200:
            await now.send_to(send, status=200 if ended else 202, location=location)
        else:
            # The run was deleted meanwhile, or the right to see it was lost. It was accepted all the same.
            await first.send_to(send)

    async def _fetch(self, scope: Scope, path: str) -> CapturedResponse:
        """Fetch the run as it is now, with the same credentials."""
        headers = [pair for pair in scope["headers"] if pair[0] not in _DROPPED_HEADERS]
        inner = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": headers}  # fmt: skip
        response = CapturedResponse()
        messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        await self.app(inner, receive, response.send)
        return response


def wait_seconds(scope: Scope) -> float:
    """Return how long this request asks to wait; 0 if it does not. The view refuses invalid values."""
    if scope["method"] != "POST" or not scope["query_string"] or not _START.fullmatch(scope["path"]):
        return 0.0
    values = parse_qs(scope["query_string"].decode("latin-1")).get("wait", [])
    try:
        seconds = float(values[-1]) if values else 0.0
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= SECONDS_MAX and not header(scope, b"upgrade") else 0.0


async def _until_ended(run: int, seconds: float) -> bool:
    """Return whether the run has ended, as soon as it has, the time is over, or the server stops."""
    deadline = time.monotonic() + seconds
    with hub.run_hints(run) as hint_received:
        while True:
            hint_received.clear()
            try:
                if await in_database(_has_ended, run):
                    return True
            except DatabaseError:
                pass  # The database may be back before the time is over.
            left = deadline - time.monotonic()
            if left <= 0 or hub.stopping.is_set():
                return False
            woken = [asyncio.ensure_future(hint_received.wait()), asyncio.ensure_future(hub.stopping.wait())]
            try:
                # Check every second even without a hint, because hints may be lost.
                await asyncio.wait(woken, timeout=min(left, 1.0), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in woken:
                    task.cancel()
                await asyncio.gather(*woken, return_exceptions=True)


def _has_ended(run: int) -> bool:
    """Return whether the run has ended or does not exist. Runs on a database thread."""
    state: Any = Run.objects.filter(pk=run).values_list("state", flat=True).first()
    return state is None or state in RUN_TERMINAL


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
