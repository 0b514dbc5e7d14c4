"""HTTP inside the ASGI server: Django's WSGI handler on a fixed set of threads.

Under ASGI, each Django request would get its own thread and database connection. Here there are as many persistent
connections as threads. Slow and odd clients are handled before a thread is taken.
"""

import asyncio
import io
import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.core.wsgi import get_wsgi_application

from dashboard.live.handshake import Scope, header
from dashboard.live.sockets import Message, Receive, Send
from dashboard.serving.thread_bridge import Bridge, IncomingBody

THREADS: Final = 8
BUFFERED_BYTES_MAX: Final = 1 << 20
"""Bodies up to this size are read completely before a thread is taken for the request."""
BODY_SECONDS_MAX: Final = 30.0
"""A client that neither sends nor reads for this long during its request is disconnected."""


class ClientGone(ConnectionError):
    """The client left, or stopped sending, during its request. This must not be mistaken for the end of the body."""


class Http:
    """The ASGI application for HTTP."""

    def __init__(self, threads: int = THREADS) -> None:
        self._bridge = Bridge(get_wsgi_application(), threads)
        self.threads = self._bridge.threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = RequestBody(receive)
        try:
            complete = await body.read_up_to(BUFFERED_BYTES_MAX)
        except ClientGone:
            return
        sized = bool(header(scope, b"content-length"))
        if not complete and not sized:
            # WSGI has no bodies without a length; Django would treat this one as empty.
            await _problem(send, HTTPStatus.LENGTH_REQUIRED, "length_required",
                           "Send a body of this size with a Content-Length.")  # fmt: skip
            return
        stream = io.BytesIO(body.take()) if complete else io.BufferedReader(IncomingBody(body.receive))
        await self._bridge(_wsgi_scope(scope, None if sized else body.size), stream, _send_with_timeout(send))


class RequestBody:
    """The request's body: the part that was read, then the rest from the client."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._parts: list[bytes] = []
        self._complete = False
        self.size = 0

    async def _next(self) -> bytes:
        try:
            message = await asyncio.wait_for(self._receive(), BODY_SECONDS_MAX)
        except TimeoutError:
            raise ClientGone("The client stopped sending.") from None
        if message["type"] != "http.request":
            raise ClientGone("The client left before its request was complete.")
        self._complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def read_up_to(self, bytes_max: int) -> bool:
        """Read to the end or beyond `bytes_max`. Return whether the end was reached. Raises ClientGone."""
        while not self._complete and self.size <= bytes_max:
            part = await self._next()
            self._parts.append(part)
            self.size += len(part)
        return self._complete

    def take(self) -> bytes:
        """Return what was read and not taken yet."""
        part = b"".join(self._parts)
        self._parts = []
        return part

    async def receive(self) -> Message:
        """Return the next part, beginning with what was read. Raises ClientGone."""
        part = self.take() or (b"" if self._complete else await self._next())
        return {"type": "http.request", "body": part, "more_body": not self._complete}


def _wsgi_scope(scope: Scope, length: int | None) -> dict[str, Any]:
    """Convert the scope to what WSGI can express, with a Content-Length if the client sent none."""
    headers = [
        # X_Forwarded_For and X-Forwarded-For are the same variable in WSGI, and only the latter comes from a proxy.
        pair
        for pair in scope["headers"]
        if b"_" not in pair[0] and not (length and pair[0] == b"transfer-encoding")
    ]
    if length:
        headers.append((b"content-length", str(length).encode()))
    query = scope["query_string"]
    if not query.isascii():
        query = quote(query, safe="%/:?#[]@!$&'()*+,;=-._~").encode()
    return {**scope, "headers": headers, "query_string": query}


def _send_with_timeout(send: Send) -> Send:
    """Return a `send` with a timeout, because a thread waits while a client reads.

    It raises nothing: its caller would then wait forever to send the next part. After the timeout the rest of the
    response is dropped, as when the client has left.
    """
    client_gone = False

    async def send_or_drop(message: Message) -> None:
        nonlocal client_gone
        if client_gone:
            return
        try:
            await asyncio.wait_for(send(message), BODY_SECONDS_MAX)
        except (TimeoutError, OSError):
            client_gone = True

    return send_or_drop


async def _problem(send: Send, status: HTTPStatus, code: str, detail: str) -> None:
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": int(status), "code": code,
                       "detail": detail}).encode()  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode()),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
