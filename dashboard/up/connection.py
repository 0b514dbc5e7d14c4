"""The server's side of one websocket."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSE_SECONDS_MAX: Final = 5.0
"""For a client to take what it was sent last, once its socket is over."""


class Connection(WebSocketsSansIOProtocol):
    """Is gone soon after its socket is over. That of uvicorn stays, with what was not taken, as long as its client."""

    _ending: asyncio.TimerHandle | None = None

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._end()

    def keepalive_timeout(self) -> None:
        # The application would not hear of it before the client takes all that it was sent.
        super().keepalive_timeout()
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._ending is not None:
            self._ending.cancel()

    def _end(self) -> None:
        if self._ending is None and not self.disconnected:
            self._ending = self.loop.call_later(CLOSE_SECONDS_MAX, self.transport.abort)
