"""The report of `bench load`, and its second process against a slow server."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.bench import load, parts, reader
from tests.support.wait import wait_until


def test_the_report_shows_results_and_targets():
    report = {
        "machine": {"python": "3", "cores": 2},
        "repeat": 5,
        "cases": [
            {
                "name": "noop: 100 x 100",
                "unit": "nodes/s",
                "value": 700.0,
                "alone": 1000.0,
                "ratio": 0.7,
                "request_p95_ms": {"all": 40.0, "overview": 41.0},
                "requests": 200,
            },
            {
                "name": "writes: launch",
                "unit": "ms",
                "value": 90.0,
                "median": 9.0,
                "count": 250,
                "engine_nodes_per_second": 700.0,
            },
            {"name": "launch: 10,000 nodes", "unit": "ms", "value": 12.0, "p95": 20.0},
        ],
    }
    output = "\n".join(parts.find("load").lines(report))
    for text in ("70 % (target: 65 %)", "overview 41 ms", "90 ms for 99 % (target: 150)", "12 ms (target: 50)"):
        assert text.replace(" %", "%") in output.replace(" %", "%")


FRAMES = b"frames that nobody parses"


class Server(http.server.ThreadingHTTPServer):
    release: threading.Event
    """When set, the first page request is answered."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Answer everything with an empty body, the first page request only when `release` is set."""
    release = threading.Event()
    first = iter([True])

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/ws/"):
                self.send_response(101)
                self.end_headers()
                self.wfile.write(FRAMES)
                self.close_connection = True
                while self.connection.recv(100):
                    pass
                return
            if self.path == "/" and next(first, False):
                release.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    found = Server(("127.0.0.1", 0), Handler)
    found.release = release
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    release.set()
    found.shutdown()
    found.server_close()


def test_a_late_answer_counts_from_its_due_time_and_delays_no_other(server, monkeypatch):
    monkeypatch.setattr(reader, "RATE", 100.0)
    client = reader.Reader(server.server_address[1], "name=value")
    client.watch("1")
    # The first request is for the overview and stays unanswered; the others are sent anyway.
    wait_until(lambda: len(client.seconds["nodes"]) >= 5)
    server.release.set()
    wait_until(lambda: max(client.seconds["overview"], default=0) > 0.05)
    wait_until(lambda: all(one.received for one in client._watchers))
    found = client.end()
    assert found["socket_bytes"] == reader.SOCKETS * len(FRAMES)


def test_a_refused_request_is_an_error_of_the_measurement(server):
    server.release.set()
    client = reader.Reader(server.server_address[1], "")
    server.RequestHandlerClass.do_GET = lambda self: self.send_error(403)
    client.watch("1")
    wait_until(lambda: client.errors)
    with pytest.raises(RuntimeError, match="403"):
        client.end()


def test_the_part_is_found_by_name():
    assert parts.find("load") is load
