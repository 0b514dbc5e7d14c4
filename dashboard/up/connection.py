"""The server's side of one websocket connection."""

import asyncio
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSE_SECONDS_MAX: Final = 5.0
"""How long a client may take to read the last data after its socket was closed."""


class Connection(WebSocketsSansIOProtocol):
    """Closes soon after its socket. The connection of uvicorn would stay, with unread data, as long as its client."""

    _ending: asyncio.TimerHandle | None = None

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._end()

    def keepalive_timeout(self) -> None:
        # The application would not notice before the client has read everything.
        super().keepalive_timeout()
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._ending is not None:
            self._ending.cancel()

    def _end(self) -> None:
        if self._ending is None and not self.disconnected:
            self._ending = self.loop.call_later(CLOSE_SECONDS_MAX, self.transport.abort)
