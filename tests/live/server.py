"""The real ASGI server in a thread of the test process, on a free port of the loopback."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.live import database
from dashboard.live.hub import hub
from dashboard.serving.http import THREADS
from dashboard.up.web import Server, config
from tests.support.wait import wait_until


class LiveServer:
    """Its address, and ways to open sockets."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def open(
        self, path: str, *, token: str = "", session: str = "", origin: str | None = None, **options: Any
    ) -> ClientConnection:
        """A socket; `origin` None: this server's own when a session is given, none otherwise."""
        headers: dict[str, str] = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if session:
            headers["Cookie"] = f"interlock_session={session}"
            origin = self.origin if origin is None else origin
        if origin:
            headers["Origin"] = origin
        options.setdefault("max_size", None)
        options.setdefault("proxy", None)
        opened: ClientConnection = connect(f"ws://localhost:{self.port}{path}", additional_headers=headers, **options)
        return opened

    def status(self, path: str, **options: Any) -> int:
        """The HTTP status that a handshake is answered with; 101 when it is accepted."""
        try:
            with self.open(path, **options):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    def hint(self, hint: Mapping[str, Any]) -> None:
        """As if the scheduler had sent it."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(hub._handle_hint, hint)


@contextmanager
def serving(**options: Any) -> Iterator[LiveServer]:
    """`options` change what uvicorn is told."""
    listener = socket.create_server(("127.0.0.1", 0))
    live = LiveServer(listener.getsockname()[1])
    settings = config()
    settings.lifespan = "on"
    for name, value in options.items():
        setattr(settings, name, value)
    server = Server(settings)

    async def main() -> None:
        live.loop = asyncio.get_running_loop()
        await server.serve([listener])

    factory = settings.get_loop_factory()
    thread = threading.Thread(target=lambda: _run(main, factory), name="live-server")
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield live
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive(), "the server did not stop"
        from dashboard import asgi

        for threads, number in ((database.threads, database.THREADS), (asgi.http.threads, THREADS)):
            _close_connections(threads, number)


def _run(main: Any, factory: Any) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def _close_connections(threads: ThreadPoolExecutor, number: int) -> None:
    """Close the connection of every thread, so that the test's database can be dropped."""
    together = threading.Barrier(number)

    def close() -> None:
        # Nobody takes a second turn before all had theirs.
        together.wait(timeout=30)
        connection.close()

    for future in [threads.submit(close) for _ in range(number)]:
        future.result()
