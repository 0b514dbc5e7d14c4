"""The ASGI application: pages and API through WSGI on threads, websockets and held requests on the loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django
import uvicorn

django.setup()

from channels.routing import ProtocolTypeRouter  # noqa: E402 - models load after the setup

from dashboard import start  # noqa: E402
from dashboard.live import routing  # noqa: E402
from dashboard.live.handshake import Scope  # noqa: E402
from dashboard.live.hub import hub  # noqa: E402
from dashboard.live.sockets import Receive, Send  # noqa: E402
from dashboard.live.wait import WaitForRuns  # noqa: E402
from dashboard.serving import web_hosts  # noqa: E402
from dashboard.serving.http import Http  # noqa: E402
from engine.database import schema  # noqa: E402

log = logging.getLogger("interlock.web")
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


def _unusable() -> str:
    """Why this process cannot serve, in the words of the command `web`; empty: it can."""
    from django.db import connection

    try:
        if without_redis := start.look():
            log.warning("%s", without_redis)
    except (start.StartError, schema.SchemaError) as error:
        return f"interlock: {error}"
    finally:
        connection.close()
    return ""


async def _lifespan(scope: Scope, receive: Receive, send: Send, *, looks: bool) -> None:
    noting: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if looks and (wrong := await asyncio.to_thread(_unusable)):
                await send({"type": "lifespan.startup.failed", "message": wrong})
                return
            hub.start()
            _hear_of_the_end()
            noting = asyncio.create_task(web_hosts.keep_noting())
            await send({"type": "lifespan.startup.complete"})
        else:
            if noting is not None:
                noting.cancel()
                await asyncio.gather(noting, return_exceptions=True)
            await hub.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _made(*, looks: bool) -> ProtocolTypeRouter:
    return ProtocolTypeRouter(
        {
            "http": WaitForRuns(http),
            "websocket": routing.application,
            "lifespan": partial(_lifespan, looks=looks),
        }
    )


application = _made(looks=True)
prepared = _made(looks=False)
"""For `up` and `web`, which have looked before: started again while the database is away, pages say so."""
