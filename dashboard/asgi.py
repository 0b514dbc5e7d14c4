"""The ASGI application: pages and API through WSGI on threads, websockets and held requests on the loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django
import uvicorn

django.setup()

from channels.routing import ProtocolTypeRouter  # noqa: E402 - models load after the setup

from dashboard import webhosts  # noqa: E402
from dashboard.http import Http  # noqa: E402
from dashboard.live import routing  # noqa: E402
from dashboard.live.handshake import Scope  # noqa: E402
from dashboard.live.hub import hub  # noqa: E402
from dashboard.live.sockets import Receive, Send  # noqa: E402
from dashboard.live.wait import WaitForRuns  # noqa: E402

http = Http()


def _hear_of_the_end() -> None:
    """Let uvicorn's signals release held requests: it tells us when all requests are over. `web` says so itself."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        told = signal.getsignal(number)
        if callable(told) and isinstance(getattr(told, "__self__", None), uvicorn.Server):

            def tell(number: int, frame: FrameType | None, told: Callable[..., object] = told) -> None:
                loop.call_soon_threadsafe(hub.stop)
                told(number, frame)

            signal.signal(number, tell)


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    noting: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hub.start()
            _hear_of_the_end()
            noting = asyncio.create_task(webhosts.keep_noting())
            await send({"type": "lifespan.startup.complete"})
        else:
            if noting is not None:
                noting.cancel()
                await asyncio.gather(noting, return_exceptions=True)
            await hub.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter({"http": WaitForRuns(http), "websocket": routing.application, "lifespan": _lifespan})
