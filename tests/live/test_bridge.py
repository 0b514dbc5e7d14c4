"""Answers and bodies between the server's loop and the threads of Django."""

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.serving import thread_bridge
from dashboard.serving.thread_bridge import PART_BYTES, Bridge, IncomingBody

SCOPE: dict[str, Any] = {
    "method": "PUT",
    "path": "/é",
    "query_string": b"a=b",
    "http_version": "1.1",
    "scheme": "http",
    "server": ("::1", 8000),
    "client": ("::1", 5),
    "headers": [(b"content-type", b"text/plain"), (b"accept", b"a"), (b"accept", b"b")],
}


class Answer:
    """What Django's handler returns, as far as the bridge looks at it."""

    def __init__(self, parts: list[bytes], streaming: bool) -> None:
        self.parts, self.streaming, self.closed = parts, streaming, False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        self.closed = True


def asked(handler: Callable[..., Any], coming: Callable[[], Any] = io.BytesIO) -> list[dict[str, Any]]:
    """The messages of one request. Raises what the handler raises."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        await Bridge(handler, 1)(SCOPE, coming(), send)

    asyncio.run(ask())
    return sent


def test_a_whole_answer_crosses_from_its_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    crossings: list[Any] = []
    monkeypatch.setattr(thread_bridge, "wait_for", lambda awaited, loop: crossings.append(awaited))
    answer = Answer([b"one", b"two"], False)

    def handler(environ: dict[str, Any], start: Any) -> Answer:
        assert environ["PATH_INFO"].encode("latin-1").decode() == "/é"
        assert (environ["CONTENT_TYPE"], environ["HTTP_ACCEPT"]) == ("text/plain", "a,b")
        start("201 Created", [("X-Name", "é")])
        return answer

    head, body = asked(handler)
    assert (head["status"], head["headers"]) == (201, [(b"x-name", b"\xe9")])
    assert body["body"] == b"onetwo"
    assert not body.get("more_body")
    assert answer.closed
    assert crossings == []


def test_a_stream_arrives_whole_in_few_parts() -> None:
    content = bytes(range(256)) * 2048
    answer = Answer([content[at : at + 4096] for at in range(0, len(content), 4096)], True)

    def handler(environ: dict[str, Any], start: Any) -> Answer:
        start("200 OK", [])
        return answer

    _, *parts = asked(handler)
    assert b"".join(part["body"] for part in parts) == content
    assert len(parts) == len(content) // PART_BYTES + 1
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert answer.closed


def test_a_body_that_is_still_coming_is_read_as_it_comes_and_its_break_is_told() -> None:
    messages = [
        {"type": "http.request", "body": b"first ", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b"second\nthird", "more_body": False},
    ]
    broken = messages[:2]

    def whole(environ: dict[str, Any], start: Any) -> Answer:
        body = environ["wsgi.input"]
        read = [body.read(3), body.readline(), body.read(), body.read()]
        start("200 OK", [])
        return Answer(read, False)

    def of(given: list[dict[str, Any]]) -> Callable[[], Any]:
        left = list(given)

        async def receive() -> Any:
            if not left:
                raise ConnectionError("gone")
            return left.pop(0)

        return lambda: io.BufferedReader(IncomingBody(receive))

    assert asked(whole, of(messages))[1]["body"] == b"first second\nthird"
    with pytest.raises(ConnectionError):
        asked(whole, of(broken))
