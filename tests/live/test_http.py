"""HTTP inside the ASGI server: a fixed number of threads and connections, whatever clients do."""

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db.backends.signals import connection_created

from dashboard.serving import http as dashboard_http
from tests.live.server import LiveServer
from tests.support.wait import wait_until


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Names of the threads that have opened a database connection."""
    names: list[str] = []

    def note(**arguments: Any) -> None:
        names.append(threading.current_thread().name)

    connection_created.connect(note)
    yield names
    connection_created.disconnect(note)


def get(server: LiveServer, path: str, **headers: str) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection("localhost", server.port, timeout=20)
    try:
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        answer.read()
        return answer
    finally:
        link.close()


def raw(server: LiveServer, request: bytes) -> bytes:
    """The beginning of the answer to bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall(request)
        return link.recv(65536)


def test_two_hundred_requests_open_no_more_connections_than_there_are_threads(
    server: LiveServer, token: str, opened: list[str]
) -> None:
    def one(number: int) -> int:
        return get(server, "/api/v1/runs/", Authorization=f"Bearer {token}").status

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(one, range(200)))
    assert set(statuses) == {200}
    web = [name for name in opened if name.startswith("WSGI")]
    # Threads of earlier tests in this process may have theirs already.
    assert len(web) == len(set(web)) <= dashboard_http.THREADS
    threads = {thread.name for thread in threading.enumerate() if thread.name.startswith("WSGI")}
    assert set(web) <= threads
    assert len(threads) <= dashboard_http.THREADS


def test_clients_that_send_their_body_slowly_take_no_thread(server: LiveServer) -> None:
    head = b"POST /api/v1/workflows/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3 * dashboard_http.THREADS)]
    try:
        for link in slow:
            link.sendall(head)
        assert get(server, "/healthz").status == 200
    finally:
        for link in slow:
            link.close()


def test_a_chunked_body_arrives_whole_and_a_large_one_needs_a_length(server: LiveServer, token: str) -> None:
    head = (
        "POST /api/v1/workflows/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    # A viewer may not create workflows: 403 says that the request was understood, 400 that its body was not.
    assert b" 403 " in raw(server, head + b'c\r\n{"name": "x"\r\n1\r\n}\r\n0\r\n\r\n').split(b"\r\n")[0]
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = raw(server, head + part * 20)
    assert b" 411 " in answer.split(b"\r\n")[0]


def test_odd_bytes_in_a_url_cause_no_server_error(server: LiveServer) -> None:
    for address in (b"/healthz?q=\xff\xfe", b"/healthz?q=%ff%00", b"/healthz?" + b"&" * 500):
        first = raw(server, b"GET " + address + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 200 " in first.split(b"\r\n")[0] or b" 400 " in first.split(b"\r\n")[0], address


def test_a_forwarded_header_with_underscores_is_ignored(server: LiveServer) -> None:
    scope: dict[str, Any] = {
        "query_string": b"",
        "headers": [(b"x_forwarded_for", b"1.2.3.4"), (b"x-request", b"yes")],
    }
    assert dashboard_http._wsgi_scope(scope, None)["headers"] == [(b"x-request", b"yes")]


def test_an_upload_that_breaks_off_is_not_taken_for_whole(server: LiveServer) -> None:
    head = b"PUT /api/v1/files/half.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(head + b"x" * 2_000_000)
    assert wait_until(lambda: get(server, "/healthz").status == 200)
