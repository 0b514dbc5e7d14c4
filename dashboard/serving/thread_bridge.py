"""A WSGI application on a fixed set of threads, called from the server's loop.

A whole answer goes to the loop in one piece: each hop between a thread and the loop waits for Python's lock twice, and
that is what most of a small request's time under load was.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from dashboard.live.handshake import Scope
from dashboard.live.sockets import Message, Receive, Send

PART_BYTES: Final = 64 * 1024
"""Of a stream that go together at least: Django reads files in parts of 4 KB."""


class Bridge:
    """Calls `handler`, Django's: what it answers says whether it is a stream."""

    def __init__(self, handler: Any, threads: int) -> None:
        self._handler = handler
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="WSGI")

    async def __call__(self, scope: Scope, body: io.BufferedIOBase, send: Send) -> None:
        loop = asyncio.get_running_loop()

        def pass_on(message: Message) -> None:
            wait_for(send(message), loop)

        answered = contextvars.copy_context().run
        environ = environment(scope, body)
        for message in await loop.run_in_executor(self.threads, answered, self._answer, environ, pass_on):
            await send(message)

    def _answer(self, environ: Mapping[str, Any], pass_on: Callable[[Message], None]) -> list[Message]:
        """On a thread. Passes a stream on while it is made; the messages that are left to send."""
        head: Message = {"type": "http.response.start"}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head["status"] = int(status[:3])
            head["headers"] = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

        answer = self._handler(environ, start)
        try:
            if not answer.streaming:
                return [head, {"type": "http.response.body", "body": b"".join(answer)}]
            pass_on(head)
            gathered = bytearray()
            for part in answer:
                gathered += part
                if len(gathered) >= PART_BYTES:
                    pass_on({"type": "http.response.body", "body": bytes(gathered), "more_body": True})
                    gathered.clear()
            return [{"type": "http.response.body", "body": bytes(gathered)}]
        finally:
            answer.close()


class Incoming(io.RawIOBase):
    """A body that is still coming, as a thread reads it."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._loop = receive, asyncio.get_running_loop()
        self._part = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Blocks until something is there; 0: the end. Raises what `receive` raises."""
        while not self._part and self._more:
            message = wait_for(self._receive(), self._loop)
            self._part, self._more = memoryview(message["body"]), message["more_body"]
        part = self._part[: len(buffer)]
        buffer[: len(part)] = part
        self._part = self._part[len(part) :]
        return len(part)


def wait_for(awaited: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> Any:
    """What `awaited` gives on the loop; this thread waits."""
    return asyncio.run_coroutine_threadsafe(awaited, loop).result()  # type: ignore[arg-type] # they are coroutines


def environment(scope: Scope, body: io.BufferedIOBase) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
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
