"""Runs a WSGI application on a fixed set of threads, called from the server's event loop.

A thread makes the response and never waits for the client to read it: a complete one is handed to the loop in one
piece, because each hop between a thread and the loop waits for the GIL twice, which under load took most of the time of
a small request. A stream is made in steps, whenever the client has taken what the last step made.
"""

import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final, TypeVar

from dashboard.live.database import on_own_connection
from dashboard.live.handshake import Scope
from dashboard.live.sockets import Message, Send

PART_BYTES: Final = 256 * 1024
"""Minimum size of the parts of a stream. Django reads files in parts of 4 KB."""
WAITING_MAX: Final = 200
"""How many requests may wait for a thread."""
WAIT_SECONDS_MAX: Final = 15.0
"""How long a request may wait for a thread."""

T = TypeVar("T")


class Busy(Exception):
    """All threads are taken: too many requests wait already, or this one has waited too long."""


class Bridge:
    """Calls Django's WSGI handler, whose responses say whether they are streams."""

    def __init__(self, handler: Any, threads: int) -> None:
        self._handler = handler
        self._number = threads
        self._open = 0
        """Requests that wait for a thread or have one."""
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="WSGI")

    async def __call__(self, scope: Scope, body: IO[bytes], send: Send) -> None:
        """Answer a request. Raises Busy before anything is sent, and what `send` raises."""
        # One context for all steps of a response: it has the language, for example.
        in_context = contextvars.copy_context().run
        head, content = await self.run(in_context, self._respond, environment(scope, body))
        if isinstance(content, bytes):
            await send(head)
            await send({"type": "http.response.body", "body": content})
            return
        try:
            await send(head)
            more = True
            while more:
                # A response that has begun does not count as waiting.
                part, more = await self._on_thread(in_context, on_own_connection, content.step)
                await send({"type": "http.response.body", "body": part, "more_body": more})
        finally:
            await self._on_thread(content.close)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call `function` on a thread. Raises Busy, and what it raises."""
        if self._open >= self._number + WAITING_MAX:
            raise Busy
        loop = asyncio.get_running_loop()
        future = self.threads.submit(function, *arguments)
        gave_up = False

        def give_up() -> None:
            nonlocal gave_up
            gave_up = future.cancel()

        timer = loop.call_later(WAIT_SECONDS_MAX, give_up)
        self._open += 1
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if gave_up:
                raise Busy from None
            raise
        finally:
            timer.cancel()
            self._open -= 1

    async def _on_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    def _respond(self, environ: Mapping[str, Any]) -> "tuple[Message, bytes | Stream]":
        """Run the handler. Return the first message, and the body or what will make it. Runs on a thread."""
        head: Message = {"type": "http.response.start"}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head["status"] = int(status[:3])
            head["headers"] = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

        response = self._handler(environ, start)
        stream = Stream(response)
        more = False
        try:
            if not response.streaming:
                return head, b"".join(response)
            stream.first, more = stream.step()
            return head, stream if more else stream.first
        finally:
            if not more:
                stream.close()


class Stream:
    """The body of a streaming response. Its steps may run on different threads, one after the other."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._parts: Iterator[bytes] = iter(response)
        self.first = b""
        """What is made already."""
        self._lock = threading.Lock()
        """Of a step: when the server stops, nobody waits for the last one."""

    def step(self) -> tuple[bytes, bool]:
        """Make the next part. Return it, and whether there may be more."""
        if self.first:
            part, self.first = self.first, b""
            return part, True
        buffer = bytearray()
        with self._lock:
            for part in self._parts:
                buffer += part
                if len(buffer) >= PART_BYTES:
                    return bytes(buffer), True
        return bytes(buffer), False

    def close(self) -> None:
        """Release what the response holds."""
        with self._lock:
            self._response.close()


def environment(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """Return the WSGI environ (PEP 3333) of the request."""
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("ascii"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ
