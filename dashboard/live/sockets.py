"""One open websocket: its handshake, its reader, its writer, its pace. What it says is in `consumers`."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, ClassVar, Final

from django.db import DatabaseError

from dashboard.live import handshake, protocol
from dashboard.live.database import in_database
from dashboard.models import User

log = logging.getLogger("interlock.live")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PACE_SECONDS: Final = 0.05
"""Between two messages to one client: 20 a second."""
RIGHTS_SECONDS: Final = 3.0
"""How old the answer to "may they see this" may be when something is sent."""
SEND_SECONDS_MAX: Final = 30.0
"""A client that takes nothing for so long is given up."""
HELLO_SECONDS_MAX: Final = 30.0
"""A client speaks first, and soon."""


class Closed(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Socket(ABC):
    """An ASGI application for one connection.

    The reader takes the client's words; the writer alone sends, at its own pace, what is the newest when it may.
    So a client that reads slowly costs no more than one message in flight, and delays nobody.
    """

    pace_seconds: ClassVar[float] = PACE_SECONDS

    def __init__(self, scope: handshake.Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.hello: protocol.Hello | None = None
        """What the client asked and was not answered yet."""
        self.answered = asyncio.Event()
        self.answered.set()
        self.greeted = False
        self.wake = asyncio.Event()
        self._sent_at = float("-inf")
        self._checked_at = float("-inf")

    @abstractmethod
    def check(self, user: User) -> Any:
        """The object of this socket, for `user`; raises errors of dashboard.access. On a database thread."""

    @abstractmethod
    async def write(self) -> None:
        """Send until the client leaves (CancelledError) or Closed is raised."""

    async def serve(self) -> None:
        """The whole life of the connection."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        try:
            self.subject = await in_database(handshake.admit, self.scope, self.check)
        except handshake.Denied as error:
            await self._deny(int(error.status), error.message)
            return
        except DatabaseError as error:
            log.warning("live: a handshake found no database: %s", error)
            await self._deny(503, "The database does not answer. Try again.")
            return
        self._checked_at = time.monotonic()
        await self._send({"type": "websocket.accept"})
        tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._write())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Closed):
                await self._close(result)
                return
        for result in results:
            # OSError: the client is gone, which nobody needs to hear of.
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result

    async def _read(self) -> None:
        """Take hellos, one at a time: the next is read when the last is answered."""
        while True:
            try:
                message = await asyncio.wait_for(self._receive(), None if self.greeted else HELLO_SECONDS_MAX)
            except TimeoutError:
                raise Closed(protocol.CLOSE_SILENT, "The client speaks first: send a hello.") from None
            if message["type"] == "websocket.disconnect":
                return
            try:
                hello = protocol.parse(message.get("text"))
            except protocol.BadMessage as error:
                raise Closed(protocol.CLOSE_BAD_MESSAGE, str(error)) from None
            self.answered.clear()
            self.hello, self.greeted = hello, True
            self.wake.set()
            await self.answered.wait()

    async def _write(self) -> None:
        while True:
            try:
                await self.write()
                return
            except DatabaseError as error:
                # Without the record there is nothing to say. What was asked is still open, and is tried again.
                log.warning("live: the database does not answer: %s", error)
                await asyncio.sleep(1)

    async def turn(self) -> None:
        """Wait until the next message may be sent, with rights that are known to hold. Raises Closed."""
        left = self._sent_at + self.pace_seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        await self.still_allowed()

    async def still_allowed(self) -> None:
        """Raise Closed when the right is lost; asks at most each RIGHTS_SECONDS."""
        if time.monotonic() - self._checked_at < RIGHTS_SECONDS:
            return
        try:
            await in_database(handshake.admit, self.scope, self.check)
        except handshake.Denied as error:
            if error.status == 404:
                raise Closed(protocol.CLOSE_GONE, "It was deleted.") from None
            raise Closed(protocol.CLOSE_RIGHT_LOST, "The right to see this has ended.") from None
        self._checked_at = time.monotonic()

    async def idle(self, wake: asyncio.Event) -> None:
        """Wait for `wake`, or until the rights are to be asked for again. Clears it."""
        try:
            await asyncio.wait_for(wake.wait(), RIGHTS_SECONDS)
        except TimeoutError:
            await self.still_allowed()
        wake.clear()

    async def send_text(self, text: str) -> None:
        self._sent_at = time.monotonic()
        try:
            await asyncio.wait_for(self._send({"type": "websocket.send", "text": text}), SEND_SECONDS_MAX)
        except TimeoutError:
            raise Closed(1013, "The client reads too slowly.") from None

    def answer_given(self) -> None:
        self.hello = None
        self.answered.set()

    async def _deny(self, status: int, message: str) -> None:
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self._send({"type": "websocket.close", "code": 4000 + status})
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": message.encode()})

    async def _close(self, closed: Closed) -> None:
        close = {"type": "websocket.close", "code": closed.code, "reason": closed.reason[:120]}
        try:
            await asyncio.wait_for(self._send(close), 1)
        except (OSError, TimeoutError):
            pass  # It is gone, or takes nothing: the server closes the connection with the end of this call.


async def refuse(scope: handshake.Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    """Answer the handshake of an address that has no socket."""

    class Nowhere(Socket):
        def check(self, user: User) -> Any:
            raise AssertionError("not asked")

        async def write(self) -> None: ...

    await receive()
    await partial(Nowhere(scope, receive, send)._deny, status, message)()
