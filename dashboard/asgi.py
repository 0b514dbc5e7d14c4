"""The ASGI application: pages and API through WSGI on threads, websockets and waiting requests on the event loop."""

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
from django.db import connection  # noqa: E402

from dashboard import start  # noqa: E402
from dashboard.live import routing  # noqa: E402
from dashboard.live.handshake import Scope  # noqa: E402
from dashboard.live.hub import hub  # noqa: E402
from dashboard.live.sockets import Receive, Send  # noqa: E402
from dashboard.live.wait import WaitForRuns  # noqa: E402
from dashboard.serving import web_hosts  # noqa: E402
from dashboard.serving.http import Http  # noqa: E402
from engine.database import postgres, schema  # noqa: E402

log = logging.getLogger("interlock.web")
http = Http()


def _release_requests_on_signal() -> None:
    """Release waiting requests when uvicorn gets a signal.

    uvicorn ends only after all requests have. The `web` command does this itself.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        previous = signal.getsignal(number)
        if callable(previous) and isinstance(getattr(previous, "__self__", None), uvicorn.Server):

            def handle(number: int, frame: FrameType | None, previous: Callable[..., object] = previous) -> None:
                loop.call_soon_threadsafe(hub.stop)
                previous(number, frame)

            signal.signal(number, handle)


def _startup_error() -> str:
    """Return why this process cannot serve, in the words of the `web` command; empty if it can."""
    try:
        if without_redis := start.check_ready():
            log.warning("%s", without_redis)
    except (start.StartError, schema.SchemaError) as error:
        return f"interlock: {error}"
    finally:
        connection.close()
    return ""


async def _lifespan(scope: Scope, receive: Receive, send: Send, *, checks: bool) -> None:
    recording: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if checks and (error := await asyncio.to_thread(_startup_error)):
                await send({"type": "lifespan.startup.failed", "message": error})
                return
            if connection.vendor == "postgresql":
                postgres.limit_waits()
            hub.start()
            _release_requests_on_signal()
            recording = asyncio.create_task(web_hosts.keep_recording())
            await send({"type": "lifespan.startup.complete"})
        else:
            if recording is not None:
                recording.cancel()
                await asyncio.gather(recording, return_exceptions=True)
            await hub.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _application(*, checks: bool) -> ProtocolTypeRouter:
    return ProtocolTypeRouter(
        {
            "http": WaitForRuns(http),
            "websocket": routing.application,
            "lifespan": partial(_lifespan, checks=checks),
        }
    )


application = _application(checks=True)
prepared = _application(checks=False)
"""For `up` and `web`, which check first. If they restart it while the database is away, the pages report that."""
