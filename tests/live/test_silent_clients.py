"""Clients that take nothing more, and are given up: their connection goes, and what was kept for them."""

import pytest

from dashboard.live import sockets
from dashboard.up import connection
from tests.live.history import History
from tests.live.server import LiveServer, serving
from tests.live.slow import Pace, SlowSocket, held
from tests.support.wait import wait_until

LINE = "x" * 2000


def silent(server: LiveServer, token: str) -> None:
    """The server soon holds no connection any more to a client that neither reads nor closes."""
    history = History()
    pace = Pace()
    with SlowSocket(server.port, f"/ws/runs/{history.pk}/", token, pace) as slow:
        slow.send('{"type": "hello"}')
        slow.recv()
        pace.change(0)
        assert slow.port in held(server.port)
        # More than the buffers of the system take.
        for _ in range(10):
            history.lines(500, text=LINE)
            server.hint({"runs": {str(history.pk): history.seq}})
        wait_until(lambda: slow.port not in held(server.port))


def test_a_client_that_reads_nothing_for_long_is_disconnected(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS_MAX", 0.3)
    monkeypatch.setattr(connection, "CLOSE_SECONDS_MAX", 0.2)
    silent(server, token)


def test_a_client_that_answers_no_ping_is_disconnected(
    transactional_db: None, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS_MAX", 0.2)
    # Long enough to be answered before it falls silent.
    with serving(ws_ping_interval=1.0, ws_ping_timeout=1.0) as server:
        silent(server, token)
