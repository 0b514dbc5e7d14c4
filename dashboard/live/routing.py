"""Addresses of the sockets."""

from __future__ import annotations

import re

from dashboard.live.consumers import OverviewSocket, RunSocket
from dashboard.live.handshake import Scope
from dashboard.live.sockets import Receive, Send, refuse

_RUN = re.compile(r"/ws/runs/([^/]+)/")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application of all websockets."""
    path = str(scope["path"])
    if found := _RUN.fullmatch(path):
        await RunSocket(scope, receive, send, found[1]).serve()
    elif path == "/ws/overview/":
        await OverviewSocket(scope, receive, send).serve()
    else:
        await refuse(scope, receive, send, 404, "There is no socket at this address.")
