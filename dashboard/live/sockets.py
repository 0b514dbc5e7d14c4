"""One open websocket: its handshake, its group, its writer, its pace. What it says is in `consumers`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar, Final, NoReturn

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.db import DatabaseError

from dashboard.live import handshake, protocol
from dashboard.live.database import in_database
from dashboard.models import User

log = logging.getLogger("interlock.live")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PACE_SECONDS: Final = 1 / 30
"""Between two messages to one client; the first after a pause goes out at once."""
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


class Door(AsyncConsumer):  # type: ignore[misc] # Channels ships no types
    """What every address of a socket does alike: dispatch, and refuse the handshake."""

    scope: handshake.Scope

    async def dispatch(self, message: Message) -> None:
        """Hand on to the method named after the message's type.

        That of Channels first looks at database connections, on the one thread that it has for all sockets. Here no
        database is used on the loop, and the threads of `in_database` look after their own.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"A socket knows no message {message['type']!r}.")
        await handler(message)

    async def deny(self, status: int, text: str) -> NoReturn:
        """Answer the handshake with this status, and end."""
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.send({"type": "websocket.close", "code": 4000 + status})
            raise StopConsumer
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await self.send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": text.encode()})
        raise StopConsumer


class Nowhere(Door):
    """An address that has no socket."""

    async def websocket_connect(self, message: Message) -> None:
        await self.deny(404, "There is no socket at this address.")


class Socket(Door):
    """A Channels consumer for one connection.

    Handlers only take note: of the client's words, and of hints from the channel layer. The writer, a task beside
    them, alone sends, at its own pace, what is the newest when it may. So a client that reads slowly costs no more
    than one message in flight, delays nobody, and its channel is still emptied.
    """

    pace_seconds: ClassVar[float] = PACE_SECONDS

    def __init__(self) -> None:
        self.hello: protocol.Hello | None = None
        """What the client asked and was not answered yet."""
        self.answered = asyncio.Event()
        self.answered.set()
        self.greeted = False
        self.wake = asyncio.Event()
        """There may be something to do for the writer."""
        self.subject: Any = None
        """What `check` returned."""
        self._writer: asyncio.Task[None] | None = None
        self._group = ""
        """The group that was joined."""
        self._sent_at = float("-inf")
        self._checked_at = float("-inf")

    def check(self, user: User) -> Any:
        """The object of this socket, for `user`; raises errors of dashboard.access. On a database thread."""
        raise NotImplementedError

    def group(self) -> str:
        """Name of the channel layer's group whose hints are for this socket; asked when it is admitted."""
        raise NotImplementedError

    async def write(self) -> None:
        """Send until the client leaves (CancelledError) or Closed is raised."""
        raise NotImplementedError

    async def __call__(self, scope: handshake.Scope, receive: Receive, send: Send) -> None:
        """The whole life of the connection. Whatever ends it, the writer ends too and the group is left."""
        self._receive = receive
        closed: Closed | None = None
        try:
            await super().__call__(scope, self._next, send)
        except Closed as error:
            closed = error
        except OSError:
            pass  # The client is gone, which nobody needs to hear of.
        finally:
            await self._leave()
        if closed is not None:
            await self._close(closed)

    async def _leave(self) -> None:
        try:
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.gather(self._writer, return_exceptions=True)
        finally:
            if self._group:
                await self.channel_layer.group_discard(self._group, self.channel_name)

    async def _next(self) -> Message:
        """What Channels takes for the server's `receive`: the next word of the client, or that the writer has ended.

        It raises nothing: Channels would leave its reader of the layer behind for ever.
        """
        if self._writer is None:
            return await self._receive()
        word = asyncio.ensure_future(self._word())
        try:
            await asyncio.wait((word, self._writer), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "writer.ended"} if self._writer.done() else word.result()
        finally:
            word.cancel()

    async def _word(self) -> Message:
        """The client's next word, handed on when its last is answered; that it left, at once."""
        try:
            async with asyncio.timeout(None if self.greeted else HELLO_SECONDS_MAX):
                message = await self._receive()
        except TimeoutError:
            return {"type": "client.silent"}
        if message["type"] == "websocket.receive":
            await self.answered.wait()
        return message

    async def websocket_connect(self, message: Message) -> None:
        """Admit or refuse; then listen to the group before anything is read, so that nothing falls between."""
        try:
            self.subject = await in_database(handshake.admit, self.scope, self.check)
        except handshake.Denied as error:
            await self.deny(int(error.status), error.message)
        except DatabaseError as error:
            log.warning("live: a handshake found no database: %s", error)
            await self.deny(503, "The database does not answer. Try again.")
        self._checked_at = time.monotonic()
        await self.send({"type": "websocket.accept"})
        self._group = self.group()
        await self._join()
        self._writer = asyncio.create_task(self._write())

    async def websocket_receive(self, message: Message) -> None:
        try:
            hello = protocol.parse(message.get("text"))
        except protocol.BadMessage as error:
            raise Closed(protocol.CLOSE_BAD_MESSAGE, str(error)) from None
        self.answered.clear()
        self.hello, self.greeted = hello, True
        self.wake.set()

    async def websocket_disconnect(self, message: Message) -> None:
        raise StopConsumer

    async def client_silent(self, message: Message) -> None:
        raise Closed(protocol.CLOSE_SILENT, "The client speaks first: send a hello.")

    async def writer_ended(self, message: Message) -> None:
        """Raise what the writer ended with."""
        if self._writer is not None:
            await self._writer
        raise StopConsumer

    async def _join(self) -> None:
        """Be in the group, again if need be: a layer forgets who left a message unread for a minute.

        That happens to all at once when the machine sleeps. Members that are not heard of it forgets too.
        """
        await self.channel_layer.group_add(self._group, self.channel_name)

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
        await self._join()

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
            await asyncio.wait_for(self.send({"type": "websocket.send", "text": text}), SEND_SECONDS_MAX)
        except TimeoutError:
            raise Closed(1013, "The client reads too slowly.") from None

    def answer_given(self) -> None:
        self.hello = None
        self.answered.set()

    async def _close(self, closed: Closed) -> None:
        close = {"type": "websocket.close", "code": closed.code, "reason": closed.reason[:120]}
        try:
            await asyncio.wait_for(self.send(close), 1)
        except (OSError, TimeoutError):
            pass  # It is gone, or takes nothing: the server closes the connection with the end of this call.
