"""A web process: pages, API and sockets on listening sockets that `up`, its parent, or the command `web` opened."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from dashboard.live.protocol import MESSAGE_BYTES_MAX
from dashboard.up.connection import Connection
from engine import gc_settings

if TYPE_CHECKING:
    from dashboard.up.child import Parent

SWITCH_SECONDS = 0.0005
"""How long a thread that computes goes on while others want Python's lock. Each query and each message gives the lock
away, and with Python's 5 ms a request of fifteen queries waited for it up to 75 ms beside another one."""
GRACE_SECONDS = 2
"""For requests in progress when the server stops."""


def config() -> uvicorn.Config:
    """How uvicorn serves `dashboard.asgi`, also for those who start it in another way."""
    return uvicorn.Config(
        "dashboard.asgi:prepared",
        http="httptools",
        ws=Connection,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        # Compression costs 300 KB a socket and the loop's time, for links that are mostly local.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Forwarded headers are read in one place, by Django's settings, and only when a proxy is trusted.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class Server(uvicorn.Server):
    """Leaves signals to us, and lets held requests answer before it closes their connections."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from dashboard.live.hub import hub

        hub.stop()
        await super().shutdown(sockets)


def prepared() -> Server:
    """A server that has everything imported."""
    server = Server(config())
    server.config.load()
    from django.urls import get_resolver

    # The first request would pay for these imports.
    get_resolver().url_patterns  # noqa: B018
    gc_settings.tune()
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


def serve(parent: Parent, sockets: list[socket.socket]) -> int:
    """Import everything, wait for the word of the parent, and serve until a signal; the exit code."""
    server = prepared()
    parent.wait()
    run(server, sockets)
    return 0
