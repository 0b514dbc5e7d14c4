"""How `bench load` tells what it measured, and its second process against a server that is slow."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.bench import load, parts, reader
from tests.support.wait import wait_until


def test_the_report_says_what_was_found_beside_what_was_asked():
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
    told = "\n".join(parts.find("load").lines(report))
    for text in ("70 % (asked: 65 %)", "overview 41 ms", "90 ms for 99 % (asked: 150)", "12 ms (asked: 50)"):
        assert text.replace(" %", "%") in told.replace(" %", "%")


FRAMES = b"frames that nobody parses"


class Server(http.server.ThreadingHTTPServer):
    late: threading.Event
    """Set: the first page that was asked for is answered."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Answers everything with nothing; the first page it is asked for only when `late` is set."""
    late = threading.Event()
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
                late.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    found = Server(("127.0.0.1", 0), Handler)
    found.late = late
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    late.set()
    found.shutdown()
    found.server_close()


def test_a_late_answer_counts_from_when_it_was_due_and_holds_no_other_up(server, monkeypatch):
    monkeypatch.setattr(reader, "RATE", 100.0)
    asking = reader.Reader(server.server_address[1], "name=value")
    asking.watch("1")
    # The first is of the overview, and nobody answers it yet; the others come all the same.
    wait_until(lambda: len(asking.seconds["nodes"]) >= 5)
    server.late.set()
    wait_until(lambda: max(asking.seconds["overview"], default=0) > 0.05)
    wait_until(lambda: all(one.received for one in asking._watchers))
    found = asking.end()
    assert found["socket_bytes"] == reader.SOCKETS * len(FRAMES)


def test_a_refused_request_is_an_error_of_the_measurement(server):
    server.late.set()
    asking = reader.Reader(server.server_address[1], "")
    server.RequestHandlerClass.do_GET = lambda self: self.send_error(403)
    asking.watch("1")
    wait_until(lambda: asking.errors)
    with pytest.raises(RuntimeError, match="403"):
        asking.end()


def test_bench_knows_the_part_by_name():
    assert parts.find("load") is load
