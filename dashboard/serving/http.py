"""HTTP inside the ASGI server: Django's WSGI handler on a fixed set of threads.

Under ASGI each Django request would get a thread, and with it a database connection, of its own. Here there are as
many connections as threads, and they last. What a slow or odd client sends is dealt with before a thread is taken.
"""

from __future__ import annotations

import asyncio
import io
import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.core.wsgi import get_wsgi_application

from dashboard.live.handshake import Scope, header
from dashboard.live.sockets import Message, Receive, Send
from dashboard.serving.thread_bridge import Bridge, Incoming

THREADS: Final = 8
BUFFERED_BYTES_MAX: Final = 1 << 20
"""A body up to this size is read whole before a thread is taken for its request."""
BODY_SECONDS_MAX: Final = 30.0
"""Silence of a client in the middle of its request, or of its answer, that ends it."""


class ClientGone(ConnectionError):
    """The client left, or fell silent, in the middle of its request: it must not be taken for the end of its body."""


class Http:
    """The ASGI application for HTTP."""

    def __init__(self, threads: int = THREADS) -> None:
        self._bridge = Bridge(get_wsgi_application(), threads)
        self.threads = self._bridge.threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Body(receive)
        try:
            complete = await body.read_up_to(BUFFERED_BYTES_MAX)
        except ClientGone:
            return
        sized = bool(header(scope, b"content-length"))
        if not complete and not sized:
            # WSGI has no body without a length, and Django would take this one for empty.
            await _problem(send, HTTPStatus.LENGTH_REQUIRED, "length_required",
                           "Send a body of this size with a Content-Length.")  # fmt: skip
            return
        coming = io.BytesIO(body.take()) if complete else io.BufferedReader(Incoming(body.receive))
        await self._bridge(_plain(scope, None if sized else body.size), coming, _patient(send))


class Body:
    """The request's body: what has been read of it, then the rest from the client."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[bytes] = []
        self._complete = False
        self.size = 0

    async def _next(self) -> bytes:
        try:
            message = await asyncio.wait_for(self._receive(), BODY_SECONDS_MAX)
        except TimeoutError:
            raise ClientGone("The client sent nothing for a while.") from None
        if message["type"] != "http.request":
            raise ClientGone("The client left before its request was complete.")
        self._complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def read_up_to(self, bytes_max: int) -> bool:
        """Read on until the end or beyond `bytes_max`; whether that was the end. Raises ClientGone."""
        while not self._complete and self.size <= bytes_max:
            part = await self._next()
            self._kept.append(part)
            self.size += len(part)
        return self._complete

    def take(self) -> bytes:
        """What has been read and was not taken yet."""
        part = b"".join(self._kept)
        self._kept = []
        return part

    async def receive(self) -> Message:
        """The next part, with what has been read for the first. Raises ClientGone."""
        part = self.take() or (b"" if self._complete else await self._next())
        return {"type": "http.request", "body": part, "more_body": not self._complete}


def _plain(scope: Scope, length: int | None) -> dict[str, Any]:
    """The scope in a form that WSGI can express; with a Content-Length when the client gave none."""
    headers = [
        # X_Forwarded_For and X-Forwarded-For are one variable in WSGI: only the latter is a proxy's.
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


def _patient(send: Send) -> Send:
    """`send` that gives a client only so long to take a part, for a thread waits with it.

    It raises nothing: what is behind it would then wait for ever to hand on the next part. After the time the rest
    of the answer goes nowhere, as it does when the client has left.
    """
    gone = False

    async def sending(message: Message) -> None:
        nonlocal gone
        if gone:
            return
        try:
            await asyncio.wait_for(send(message), BODY_SECONDS_MAX)
        except (TimeoutError, OSError):
            gone = True

    return sending


async def _problem(send: Send, status: HTTPStatus, code: str, detail: str) -> None:
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": int(status), "code": code,
                       "detail": detail}).encode()  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode()),
               (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
