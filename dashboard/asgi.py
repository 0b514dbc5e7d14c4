"""The ASGI application: pages and API through WSGI on threads, websockets and held requests on the loop."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from channels.routing import ProtocolTypeRouter  # noqa: E402 - models load after the setup

from dashboard.http import Http  # noqa: E402
from dashboard.live import routing  # noqa: E402
from dashboard.live.handshake import Scope  # noqa: E402
from dashboard.live.hub import hub  # noqa: E402
from dashboard.live.sockets import Receive, Send  # noqa: E402
from dashboard.live.wait import WaitForRuns  # noqa: E402

http = Http()


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hub.start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await hub.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter({"http": WaitForRuns(http), "websocket": routing.application, "lifespan": _lifespan})
