"""Slow, silent and greedy HTTP clients: they take no thread, and are let go."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from dashboard import accounts, asgi, tokens
from dashboard.serving import body, pace, thread_bridge
from dashboard.serving.http import THREADS
from dashboard.up import http_connection
from tests.live.server import LiveServer
from tests.live.slow import RECEIVE_BUFFER, held
from tests.support.wait import wait_until

LARGE = 3_000_000


@pytest.fixture
def editor_token(transactional_db: None) -> str:
    return tokens.create_token(accounts.create_user("ada", "admin", by="test"), "test")


@pytest.fixture
def file() -> Iterator[str]:
    """A file to download, larger than the buffers of the system."""
    path = settings.INTERLOCK.files / "large.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(8 * LARGE))
    yield path.name
    path.unlink()


def client(
    server: LiveServer, request: str, sent: bytes = b"", *, token: str = "", length: int | None = None
) -> socket.socket:
    """A connection on which the head of a request, and perhaps more, is sent."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    link.settimeout(20)
    link.connect(("127.0.0.1", server.port))
    head = f"{request} HTTP/1.1\r\nHost: localhost\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if length is not None:
        head += f"Content-Length: {length}\r\n"
    link.sendall(head.encode() + b"\r\n" + sent)
    return link


def busy(server: LiveServer, request: str) -> socket.socket:
    """A connection whose request has begun, and lacks its body of two bytes."""
    link = client(server, f"{request} HTTP/1.1\r\nExpect: 100-continue\r\nX-Rest:", length=2)
    assert status(link) == 100
    return link


def status(link: socket.socket) -> int:
    return int(link.recv(1024).split()[1])


def whole(link: socket.socket) -> int:
    """The status of an answer that was read to its end."""
    answer = http.client.HTTPResponse(link)
    answer.begin()
    answer.read()
    return answer.status


def page(server: LiveServer) -> int:
    """The status of a page, which takes a thread."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        link.request("GET", "/sign-in/", headers={"Host": "localhost"})
        return link.getresponse().status
    finally:
        link.close()


def is_let_go(server: LiveServer, link: socket.socket) -> bool:
    port = link.getsockname()[1]
    return bool(wait_until(lambda: port not in held(server.port)))


def test_large_bodies_that_come_slowly_take_no_thread(server: LiveServer, editor_token: str) -> None:
    with contextlib.ExitStack() as slow:
        for number in range(2 * THREADS):
            request = f"PUT /api/v1/files/{number}.bin"
            slow.enter_context(client(server, request, b"x" * (LARGE // 2), token=editor_token, length=LARGE))
        wait_until(lambda: files_without_name() == 2 * THREADS)
        assert page(server) == 200


def files_without_name() -> int:
    """Files of this process in the home that bodies are written to."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(link.readlink()).startswith(f"{settings.INTERLOCK.home}/#")
    return count


def test_downloads_that_are_not_read_take_no_thread(server: LiveServer, token: str, file: str) -> None:
    with contextlib.ExitStack() as slow:
        links = [
            slow.enter_context(client(server, f"GET /api/v1/files/{file}", token=token)) for _ in range(2 * THREADS)
        ]
        assert [status(link) for link in links] == [200] * len(links)
        assert page(server) == 200


def test_a_form_is_small_and_its_limit_is_told_before_it_comes(server: LiveServer) -> None:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    form = {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(LARGE)}
    link.putrequest("POST", "/sign-in/", skip_host=True)
    for name, value in form.items():
        link.putheader(name, value)
    link.endheaders()
    answer = link.getresponse()
    assert (answer.status, b'"too_large"' in answer.read()) == (413, True)
    link.close()


def test_a_large_body_is_read_only_for_those_who_are_signed_in(server: LiveServer, editor_token: str) -> None:
    path = "/api/v1/files/signed.bin"
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    content = bytes(range(256)) * (LARGE // 256)
    # The whole body is sent before the answer is read, which must not get lost.
    link.request("PUT", path, content, {"Host": "localhost"})
    answer = link.getresponse()
    assert (answer.status, b'"not_signed_in"' in answer.read()) == (401, True)
    # The same connection serves on.
    headers = {"Host": "localhost", "Authorization": f"Bearer {editor_token}"}
    link.request("PUT", path, content, headers)
    answer = link.getresponse()
    assert (answer.status, answer.read()[:1]) == (201, b"{")
    link.request("GET", path, headers=headers)
    assert link.getresponse().read() == content
    link.request("DELETE", path, headers=headers)
    assert link.getresponse().status == 204
    link.close()


def test_a_session_may_send_a_large_body_too(server: LiveServer, client: object) -> None:
    session = accounts_session(client)
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Host": "localhost", "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
    link.request("PUT", "/api/v1/files/session.bin", bytes(body.OPEN_BYTES_MAX + 1), headers)
    # It is read; what is missing is the token of the form.
    assert link.getresponse().status == 403
    link.close()


def accounts_session(client: object) -> str:
    client.force_login(accounts.create_user("sam", "admin", by="test"))  # type: ignore[attr-defined]
    return str(client.session.session_key)  # type: ignore[attr-defined]


def test_a_client_that_sends_too_little_is_let_go(
    server: LiveServer, editor_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.2)
    with client(server, "POST /sign-in/", b"a", length=100) as silent:
        assert is_let_go(server, silent)
    # Never silent, but too slow on the whole.
    with client(server, "PUT /api/v1/files/slow.bin", token=editor_token, length=LARGE) as slow:
        port = slow.getsockname()[1]

        def trickle() -> bool:
            with contextlib.suppress(OSError):
                slow.send(b"x")
            return port not in held(server.port)

        wait_until(trickle)


def test_a_client_that_takes_too_little_is_let_go(
    server: LiveServer, token: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.2)
    with client(server, f"GET /api/v1/files/{file}", token=token) as silent:
        assert is_let_go(server, silent)


def test_a_client_that_leaves_the_end_of_a_response_unread_is_let_go(
    server: LiveServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(http_connection, "LEAST_BYTES_PER_SECOND", 1 << 20)
    # Answers to many requests on one connection, none of which is read.
    with client(server, "GET /api/v1/schema/", token=token) as greedy:
        greedy.settimeout(0.2)
        more = f"GET /api/v1/schema/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        with contextlib.suppress(OSError):
            for _ in range(200):
                greedy.sendall(more)
        monkeypatch.setattr(pace, "GRACE_SECONDS", 0.2)
        assert is_let_go(server, greedy)


def test_a_head_that_does_not_end_is_given_up(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "HEAD_SECONDS_MAX", 0.2)
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        assert is_let_go(server, silent)
    with socket.create_connection(("127.0.0.1", server.port)) as begun:
        begun.sendall(b"GET / HTTP/1.1\r\nHost: local")
        assert is_let_go(server, begun)


def test_a_head_that_is_too_large_is_refused(server: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (http_connection.HEAD_BYTES_MAX + 1))
        assert status(link) == 431


def test_a_refused_body_is_not_read_for_ever(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "LINGER_SECONDS_MAX", 0.2)
    with client(server, "PUT /api/v1/files/x.bin", b"x" * 1000, length=LARGE) as refused:
        assert status(refused) == 401
        assert is_let_go(server, refused)


def test_a_connection_without_a_request_makes_room_for_a_new_one(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "CONNECTIONS_MAX", 2)
    with contextlib.ExitStack() as connected:
        idle = connected.enter_context(client(server, "GET /healthz"))
        assert whole(idle) == 200
        link = connected.enter_context(busy(server, "POST /sign-in/"))
        assert page(server) == 200
        assert is_let_go(server, idle)
        link.sendall(b"ab")
        assert status(link) == 403


def test_health_is_answered_while_all_connections_have_a_request(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(http_connection, "SPARE", 1)
    with contextlib.ExitStack() as connected:
        for _ in range(2):
            connected.enter_context(busy(server, "POST /sign-in/"))
        assert page(server) == 503
        wait_until(lambda: len(held(server.port)) == 2)
        third = connected.enter_context(busy(server, "POST /healthz"))
        with socket.create_connection(("127.0.0.1", server.port)) as fourth:
            assert is_let_go(server, fourth)
        third.sendall(b"ab")
        assert whole(third) == 405
        third.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(third) == 200


@pytest.fixture
def hung_threads() -> Iterator[None]:
    """Every thread of the pages waits for something."""
    release = threading.Event()
    for _ in range(THREADS):
        asgi.http.threads.submit(release.wait)
    yield
    release.set()


def test_health_is_answered_while_no_thread_is_free(server: LiveServer, hung_threads: None) -> None:
    for method in ("GET", "HEAD"):
        with client(server, f"{method} /healthz") as link:
            assert status(link) == 200


def test_a_request_that_gets_no_thread_is_answered_busy(
    server: LiveServer, hung_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_bridge, "WAIT_SECONDS_MAX", 0.1)
    assert page(server) == 503
    monkeypatch.setattr(thread_bridge, "WAIT_SECONDS_MAX", 60)
    monkeypatch.setattr(thread_bridge, "WAITING_MAX", -THREADS)
    assert page(server) == 503
