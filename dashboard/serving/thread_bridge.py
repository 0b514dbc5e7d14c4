"""Runs a WSGI application on a fixed set of threads, called from the server's event loop.

A complete response is handed to the loop in one piece: each hop between a thread and the loop waits for the GIL twice,
which under load took most of the time of a small request.
"""

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
"""Minimum size of the parts of a stream. Django reads files in parts of 4 KB."""


class Bridge:
    """Calls Django's WSGI handler, whose responses say whether they are streams."""

    def __init__(self, handler: Any, threads: int) -> None:
        self._handler = handler
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="WSGI")

    async def __call__(self, scope: Scope, body: io.BufferedIOBase, send: Send) -> None:
        loop = asyncio.get_running_loop()

        def send_now(message: Message) -> None:
            wait_for(send(message), loop)

        run_in_context = contextvars.copy_context().run
        environ = environment(scope, body)
        for message in await loop.run_in_executor(self.threads, run_in_context, self._respond, environ, send_now):
            await send(message)

    def _respond(self, environ: Mapping[str, Any], send_now: Callable[[Message], None]) -> list[Message]:
        """Run the handler. Sends the parts of a stream as they are made; returns the messages that are left to send.

        Runs on a thread.
        """
        head: Message = {"type": "http.response.start"}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head["status"] = int(status[:3])
            head["headers"] = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

        response = self._handler(environ, start)
        try:
            if not response.streaming:
                return [head, {"type": "http.response.body", "body": b"".join(response)}]
            send_now(head)
            buffer = bytearray()
            for part in response:
                buffer += part
                if len(buffer) >= PART_BYTES:
                    send_now({"type": "http.response.body", "body": bytes(buffer), "more_body": True})
                    buffer.clear()
            return [{"type": "http.response.body", "body": bytes(buffer)}]
        finally:
            response.close()


class IncomingBody(io.RawIOBase):
    """A request body that is still being received, readable by a thread."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._loop = receive, asyncio.get_running_loop()
        self._part = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Block until data is available; 0 at the end. Raises what `receive` raises."""
        while not self._part and self._more:
            message = wait_for(self._receive(), self._loop)
            self._part, self._more = memoryview(message["body"]), message["more_body"]
        part = self._part[: len(buffer)]
        buffer[: len(part)] = part
        self._part = self._part[len(part) :]
        return len(part)


def wait_for(awaited: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Wait on this thread for the result of `awaited` on the loop."""
    return asyncio.run_coroutine_threadsafe(awaited, loop).result()  # type: ignore[arg-type] # they are coroutines


def environment(scope: Scope, body: io.BufferedIOBase) -> dict[str, Any]:
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
