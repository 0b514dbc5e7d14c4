"""One open websocket: handshake, group, writer and rate. Its messages are in `consumers`."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
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

INTERVAL_SECONDS: Final = 1 / 30
"""Minimum time between two messages to one client. The first after a pause is sent at once."""
RIGHTS_SECONDS: Final = 3.0
"""How old the last check of the user's right may be when something is sent."""
SEND_SECONDS_MAX: Final = 30.0
"""A client that reads nothing for this long is disconnected."""
HELLO_SECONDS_MAX: Final = 30.0
"""How long a client may take to send its hello."""


class Closed(Exception):
    """Close the socket with this code."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class BaseSocket(AsyncConsumer):  # type: ignore[misc] # Channels ships no types
    """Base of all websocket consumers: dispatch messages, refuse handshakes."""

    scope: handshake.Scope

    async def dispatch(self, message: Message) -> None:
        """Call the method that is named after the message's type.

        The method of Channels would first check database connections, on the one thread that it has for all sockets.
        Here no database is used on the event loop, and the threads of `in_database` check their own connections.
        """
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"Unknown message type {message['type']!r}.")
        await handler(message)

    async def deny(self, status: int, text: str) -> NoReturn:
        """Answer the handshake with this status and end."""
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.send({"type": "websocket.close", "code": 4000 + status})
            raise StopConsumer
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await self.send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": text.encode()})
        raise StopConsumer


class UnknownSocket(BaseSocket):
    """Refuses URLs without a websocket."""

    async def websocket_connect(self, message: Message) -> None:
        await self.deny(404, "No such websocket.")


class Socket(BaseSocket, ABC):
    """One connection.

    The handlers of client messages and hints only take note of them. A separate task, the writer, sends the newest
    state at its own rate. A client that reads slowly therefore costs no more than one message in flight and delays
    nobody, and its channel is still emptied.
    """

    interval_seconds: ClassVar[float] = INTERVAL_SECONDS

    def __init__(self) -> None:
        self.hello: protocol.Hello | None = None
        """The client's hello that was not answered yet."""
        self._hello_done = asyncio.Event()
        self._hello_done.set()
        self.hello_received = False
        self.wake = asyncio.Event()
        """Set when there may be something to do for the writer."""
        self.subject: Any = None
        """What `check` returned."""
        self._writer: asyncio.Task[None] | None = None
        self._group = ""
        """The group that was joined."""
        self._sent_at = float("-inf")
        self._checked_at = float("-inf")

    @abstractmethod
    def check(self, user: User) -> Any:
        """Return the object of this socket for `user`. Raises errors of dashboard.access. Runs on a database thread."""

    @abstractmethod
    def group(self) -> str:
        """Return the name of the channel layer's group whose hints are for this socket."""

    @abstractmethod
    async def write(self) -> None:
        """Send until the client leaves (CancelledError) or Closed is raised."""

    async def __call__(self, scope: handshake.Scope, receive: Receive, send: Send) -> None:
        """Serve the connection. However it ends, the writer is cancelled and the group is left."""
        self._receive = receive
        closed: Closed | None = None
        try:
            await super().__call__(scope, self._next_message, send)
        except Closed as error:
            closed = error
        except OSError:
            pass  # The client is gone.
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

    async def _next_message(self) -> Message:
        """Stand in for the server's `receive` that Channels calls: return a client message, or that the writer has
        ended.

        It raises nothing, because Channels would then never end its task that reads the layer.
        """
        if self._writer is None:
            return await self._receive()
        client_message = asyncio.ensure_future(self._client_message())
        try:
            await asyncio.wait((client_message, self._writer), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "writer.ended"} if self._writer.done() else client_message.result()
        finally:
            client_message.cancel()

    async def _client_message(self) -> Message:
        """Return the client's next message, once its last hello is answered. A disconnect is returned at once."""
        try:
            async with asyncio.timeout(None if self.hello_received else HELLO_SECONDS_MAX):
                message = await self._receive()
        except TimeoutError:
            return {"type": "client.silent"}
        if message["type"] == "websocket.receive":
            await self._hello_done.wait()
        return message

    async def websocket_connect(self, message: Message) -> None:
        """Accept or refuse the connection, then join the group before anything is read, so that no hint is missed."""
        try:
            self.subject = await in_database(handshake.authorize, self.scope, self.check)
        except handshake.Denied as error:
            await self.deny(int(error.status), error.message)
        except DatabaseError as error:
            log.warning("handshake_without_database: %s", error)
            await self.deny(503, "The database is not reachable. Try again.")
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
        self._hello_done.clear()
        self.hello, self.hello_received = hello, True
        self.wake.set()

    async def websocket_disconnect(self, message: Message) -> None:
        raise StopConsumer

    async def client_silent(self, message: Message) -> None:
        raise Closed(protocol.CLOSE_SILENT, "Send a hello first.")

    async def writer_ended(self, message: Message) -> None:
        """Raise the writer's error."""
        if self._writer is not None:
            await self._writer
        raise StopConsumer

    async def _join(self) -> None:
        """Join the group, repeatedly: the layer drops members that left a message unread for a minute, or were silent
        for long.

        That happens to all at once when the machine was suspended.
        """
        await self.channel_layer.group_add(self._group, self.channel_name)

    async def _write(self) -> None:
        while True:
            try:
                await self.write()
                return
            except DatabaseError as error:
                # Without the database there is nothing to send. The client's hello stays unanswered and is tried again.
                log.warning("live_without_database: %s", error)
                await asyncio.sleep(1)

    async def wait_turn(self) -> None:
        """Wait until the next message may be sent, and check the right. Raises Closed."""
        left = self._sent_at + self.interval_seconds - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        await self.require_right()

    async def require_right(self) -> None:
        """Raise Closed if the right is lost. Checked every RIGHTS_SECONDS at most."""
        if time.monotonic() - self._checked_at < RIGHTS_SECONDS:
            return
        try:
            await in_database(handshake.authorize, self.scope, self.check)
        except handshake.Denied as error:
            if error.status == 404:
                raise Closed(protocol.CLOSE_GONE, "The object was deleted.") from None
            raise Closed(protocol.CLOSE_RIGHT_LOST, "You no longer have permission to see this.") from None
        self._checked_at = time.monotonic()
        await self._join()

    async def wait_for_news(self, wake: asyncio.Event) -> None:
        """Wait for `wake` and clear it. Returns after RIGHTS_SECONDS, when the right is checked again."""
        try:
            await asyncio.wait_for(wake.wait(), RIGHTS_SECONDS)
        except TimeoutError:
            await self.require_right()
        wake.clear()

    async def send_text(self, text: str) -> None:
        self._sent_at = time.monotonic()
        try:
            await asyncio.wait_for(self.send({"type": "websocket.send", "text": text}), SEND_SECONDS_MAX)
        except TimeoutError:
            raise Closed(1013, "The client reads too slowly.") from None

    def hello_answered(self) -> None:
        self.hello = None
        self._hello_done.set()

    async def _close(self, closed: Closed) -> None:
        close = {"type": "websocket.close", "code": closed.code, "reason": closed.reason[:120]}
        try:
            await asyncio.wait_for(self.send(close), 1)
        except (OSError, TimeoutError):
            pass  # The client is gone or reads nothing: the server closes the connection when this call ends.
