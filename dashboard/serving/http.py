"""HTTP inside the ASGI server: Django's WSGI handler on a fixed set of threads.

Under ASGI, each Django request would get its own thread and database connection. Here there are as many persistent
connections as threads. Slow and odd clients are handled on the event loop: a thread has the whole body when it begins,
and never waits for a client to read.
"""

import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

from dashboard.live.database import on_own_connection
from dashboard.live.handshake import Scope, has_account
from dashboard.live.sockets import Message, Receive, Send
from dashboard.serving.body import BodyReader, Refused
from dashboard.serving.pace import TRANSPORT, ClientGone, Pace
from dashboard.serving.thread_bridge import Bridge, Busy

THREADS: Final = 8
HEALTH: Final = "/healthz"
SENT_BYTES: Final = 64 * 1024
"""A response is sent in parts of this size, to see how fast they are taken."""
RETRY_SECONDS: Final = 2


class Http:
    """The ASGI application for HTTP."""

    def __init__(self, threads: int = THREADS) -> None:
        self._bridge = Bridge(get_wsgi_application(), threads)
        self.threads = self._bridge.threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == HEALTH and scope["method"] in ("GET", "HEAD"):
            # It tells that the event loop turns, whatever the threads and the database do.
            await _send_json(send, HTTPStatus.OK, {"status": "ok"}, b"application/json")
            return
        try:
            await self._answer(scope, receive, send)
        except Refused as refused:
            await _problem(send, refused.status, refused.code, refused.detail)
        except Busy:
            await _problem(send, HTTPStatus.SERVICE_UNAVAILABLE, "busy",
                           "Too many requests wait. Try again in a moment.")  # fmt: skip
        except ClientGone:
            await _hang_up(scope, receive)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def is_signed_in() -> bool:
            try:
                return await self._bridge.run(on_own_connection, has_account, scope)
            except DatabaseError:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable",
                              "The database is not reachable. Try again in a moment.") from None  # fmt: skip

        reader = BodyReader(scope, receive, settings.INTERLOCK.home, is_signed_in)
        with await reader.read() as body:
            await self._bridge(_wsgi_scope(scope, None if reader.sized else reader.size), body, _paced(scope, send))


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection of a client that is gone or too slow. Another server than ours closes it itself."""
    if transport := scope.get(TRANSPORT):
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def _paced(scope: Scope, send: Send) -> Send:
    """Return a `send` that raises ClientGone when the client takes too little or is gone."""
    pace = Pace()
    transport = scope.get(TRANSPORT)

    async def send_part(message: Message) -> None:
        if transport is not None and transport.is_closing():
            raise ClientGone("The client has left.")
        await pace.wait(send(message))
        # The part may still be unread, but it was sent only when there was nearly nothing left of the one before.
        pace.bytes += len(message.get("body", b""))

    async def send_paced(message: Message) -> None:
        body = message.get("body", b"")
        for at in range(0, max(len(body) - SENT_BYTES, 0), SENT_BYTES):
            await send_part({"type": message["type"], "body": body[at : at + SENT_BYTES], "more_body": True})
        if len(body) > SENT_BYTES:
            message = {**message, "body": body[-((len(body) - 1) % SENT_BYTES + 1) :]}
        await send_part(message)

    return send_paced


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


async def _problem(send: Send, status: HTTPStatus, code: str, detail: str) -> None:
    content = {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail}
    await _send_json(send, status, content, b"application/problem+json")


async def _send_json(send: Send, status: HTTPStatus, content: dict[str, Any], kind: bytes) -> None:
    body = json.dumps(content, separators=(",", ":")).encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()),
               (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]  # fmt: skip
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="interlock"'))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
