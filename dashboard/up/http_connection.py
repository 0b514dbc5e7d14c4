"""The server's side of one HTTP connection: limits on what a client may cost that has sent no whole request, and on
the number of connections. `dashboard.serving` limits the rest of a request."""

import asyncio
import resource
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dashboard.serving.pace import GRACE_SECONDS, LEAST_BYTES_PER_SECOND, TRANSPORT

HEAD_SECONDS_MAX: Final = 10.0
"""How long a client may take to send the head of a request, from its first byte or from the connection."""
HEAD_BYTES_MAX: Final = 64 * 1024
LINGER_SECONDS_MAX: Final = 10.0
"""How long the rest of a body is read that was refused. Closing at once would lose the answer on its way."""
CONNECTIONS_MAX: Final = min(1000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) // 2)
"""Of all kinds; each may need a descriptor for a file too. A further one takes the place of the one that has had no
request for longest. If all have one, a request is answered with 503."""
SPARE: Final = 50
"""Connections beyond that, for whom /healthz is answered. A further one is closed."""
HEALTH: Final = b"/healthz"
_DESCRIPTORS: Final = 4096


def allow_descriptors() -> None:
    """Let this process open as many files as CONNECTIONS_MAX may need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < (wanted := min(hard, _DESCRIPTORS)):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class HttpConnection(HttpToolsProtocol):
    """Closes itself when its client is too slow with a head, or in taking the end of a response."""

    _in_head = True
    """Whether the next byte belongs to the head of a request, or to nothing yet."""
    _head_bytes = 0
    _request_timer: asyncio.TimerHandle | None = None
    """Until when a head, or the rest of a refused body, must be there."""
    _response_timer: asyncio.TimerHandle | None = None
    """When to look whether the client has taken the response."""
    idle_since = 0.0
    """When the connection was last without a request, by the loop's clock."""

    @property
    def is_full(self) -> bool:
        return len(self.connections) > CONNECTIONS_MAX

    @property
    def is_idle(self) -> bool:
        """Whether the client has sent no whole head since its last response."""
        is_waiting = self._in_head and (self.cycle is None or self.cycle.response_complete)
        return is_waiting and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        if self.is_full:
            idle = [one for one in self.connections if isinstance(one, HttpConnection) and one.is_idle]
            oldest = min(idle, key=lambda one: one.idle_since)
            if oldest is not self or len(self.connections) > CONNECTIONS_MAX + SPARE:
                oldest.transport.abort()
                # It counts until the loop's next turn otherwise.
                self.connections.discard(oldest)
        self._expect_request(HEAD_SECONDS_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._cancel_timers()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            if self._request_timer is None:
                self._expect_request(HEAD_SECONDS_MAX)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(_plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None
        self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key] # ours
        refused = self.is_full and self.url.partition(b"?")[0] != HEALTH
        self.app = service_unavailable if refused else self.config.loaded_app
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        if self._request_timer is not None:
            # A body that was refused is over.
            self._expect_request(HEAD_SECONDS_MAX)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.idle_since = self.loop.time()
        if not self._in_head and self.cycle.response_complete:
            self._expect_request(LINGER_SECONDS_MAX)
        self._expect_taken()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_taken()

    def handle_websocket_upgrade(self) -> None:
        self._cancel_timers()
        if self.is_full:
            self.transport.write(_plain(HTTPStatus.SERVICE_UNAVAILABLE))
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    def _expect_request(self, seconds: float) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
        self._request_timer = self.loop.call_later(seconds, self.transport.abort)

    def _expect_taken(self) -> None:
        """Close the connection if its client does not take the end of the response at the least rate."""
        if self._response_timer is not None:
            self._response_timer.cancel()
        unread = self.transport.get_write_buffer_size()
        self._response_timer = self.loop.call_later(GRACE_SECONDS, self._check_taken, unread) if unread else None

    def _check_taken(self, before: int) -> None:
        if not self.cycle.response_complete:
            return  # `Http` watches the next response.
        if self.transport.get_write_buffer_size() > max(0, before - GRACE_SECONDS * LEAST_BYTES_PER_SECOND):
            self.transport.abort()
        else:
            self._expect_taken()

    def _cancel_timers(self) -> None:
        for timer in (self._request_timer, self._response_timer):
            if timer is not None:
                timer.cancel()
        self._request_timer = self._response_timer = None


def _plain(status: HTTPStatus) -> bytes:
    text = status.phrase.encode()
    head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close" % len(text)
    return b"HTTP/1.1 %d %s\r\n%s\r\n\r\n%s" % (status, text, head, text)
