"""Who may open a socket, by the status that the handshake is answered with."""

import socket

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from dashboard import accounts, tokens
from dashboard.models import User
from tests.live.history import History
from tests.live.server import LiveServer


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    assert client.session[SESSION_KEY]
    return str(client.session.session_key)


def test_without_credentials_every_socket_is_401(server: LiveServer) -> None:
    run = History()
    for path in ("/ws/overview/", f"/ws/runs/{run.pk}/", "/ws/runs/999999/"):
        assert server.status(path) == 401
        assert server.status(path, token="wrong") == 401
        assert server.status(path, session="wrong") == 401


def test_a_bearer_token_is_accepted_with_any_origin_and_without_one(server: LiveServer, token: str) -> None:
    run = History()
    assert server.status(f"/ws/runs/{run.pk}/", token=token) == 101
    assert server.status("/ws/overview/", token=token, origin="https://elsewhere.example") == 101


def test_a_session_is_accepted_only_from_the_same_scheme_host_and_port(server: LiveServer, viewer: User) -> None:
    run, session = History(), session_of(viewer)
    path = f"/ws/runs/{run.pk}/"
    assert server.status(path, session=session) == 101
    for origin in (
        "",
        "null",
        f"https://localhost:{server.port}",
        f"http://localhost:{server.port + 1}",
        "http://localhost",
        f"http://127.0.0.1:{server.port}",
        f"http://localhost.evil.example:{server.port}",
        "http://[broken",
        f"file://localhost:{server.port}",
    ):
        assert server.status(path, session=session, origin=origin) == 403, origin


def test_a_run_that_does_not_exist_and_an_unknown_address_are_404(server: LiveServer, token: str) -> None:
    for path in ("/ws/runs/999999/", "/ws/runs/none/", "/ws/runs/99999999999999999999/", "/ws/runs/%00/"):
        assert server.status(path, token=token) == 404, path
    assert server.status("/ws/nothing/", token=token) == 404


def test_a_token_of_another_scope_is_403(server: LiveServer, viewer: User) -> None:
    token = tokens.create_token(viewer, "prometheus", ["metrics"])
    assert server.status("/ws/overview/", token=token) == 403


def test_a_closed_account_is_refused(server: LiveServer, viewer: User, token: str) -> None:
    session = session_of(viewer)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert server.status("/ws/overview/", token=token) == 401
    assert server.status("/ws/overview/", session=session) == 401


def test_a_foreign_host_name_is_refused(server: LiveServer, token: str) -> None:
    # A name of the attacker's that points to this machine.
    handshake = (
        "GET /ws/overview/ HTTP/1.1\r\nHost: rebound.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(handshake.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("role", ["viewer", "operator", "editor", "admin"])
def test_every_role_may_open_a_socket(server: LiveServer, role: str) -> None:
    user = accounts.create_user(f"a-{role}", role, by="test")
    run = History()
    assert server.status(f"/ws/runs/{run.pk}/", session=session_of(user)) == 101


def test_an_unknown_role_may_not_open_a_socket(server: LiveServer, viewer: User, token: str) -> None:
    User.objects.filter(pk=viewer.pk).update(role="stranger")
    assert server.status("/ws/overview/", token=token) == 403
