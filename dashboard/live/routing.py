"""URLs of the websockets."""

from channels.routing import URLRouter
from django.urls import path, re_path

from dashboard.live.consumers import OverviewSocket, RunSocket
from dashboard.live.sockets import UnknownSocket

application = URLRouter(
    [
        path("ws/runs/<str:run_id>/", RunSocket.as_asgi()),
        path("ws/overview/", OverviewSocket.as_asgi()),
        # Without this, the router raises and the handshake is answered with 500.
        re_path("", UnknownSocket.as_asgi()),
    ]
)
