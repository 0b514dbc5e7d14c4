"""A web process: pages, API and websockets on listening sockets opened by `up` or by the `web` command."""

import asyncio
import signal
import socket
import sys

import uvicorn

from dashboard.live.protocol import MESSAGE_BYTES_MAX
from dashboard.up.connection import Connection
from dashboard.up.http_connection import HttpConnection, allow_descriptors
from dashboard.up.parent_link import ParentLink
from engine import gc_settings

SWITCH_SECONDS = 0.0005
"""How long a thread keeps the GIL while others want it. Each query and each message releases the GIL; with Python's
default of 5 ms, a request with fifteen queries waited up to 75 ms for it beside another request."""
GRACE_SECONDS = 2
"""How long requests in progress may take when the server stops."""


def config() -> uvicorn.Config:
    """Return the uvicorn configuration of `dashboard.asgi`, also for those who start it differently."""
    return uvicorn.Config(
        "dashboard.asgi:prepared",
        http=HttpConnection,
        ws=Connection,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        # Compression would cost 300 KB per socket and time on the event loop, for links that are mostly local.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Forwarded headers are handled by Django's settings, and only if a proxy is trusted.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """Leaves signals to its caller, and answers waiting requests before it closes their connections."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from dashboard.live.hub import hub

        hub.stop()
        await super().shutdown(sockets)


def prepared() -> Server:
    """Return a server with everything imported."""
    server = Server(config())
    server.config.load()
    from django.urls import get_resolver

    # Otherwise the first request would pay for these imports.
    get_resolver().url_patterns  # noqa: B018
    gc_settings.tune()
    allow_descriptors()
    sys.setswitchinterval(SWITCH_SECONDS)
    return server


def run(server: Server, sockets: list[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await server.serve(sockets)

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(main())


def serve(parent: ParentLink, sockets: list[socket.socket]) -> int:
    """Import everything, wait for the parent, and serve until a signal. Return the exit code."""
    server = prepared()
    parent.wait()
    run(server, sockets)
    return 0
