"""Answers and bodies between the server's loop and the threads of Django."""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.serving import thread_bridge
from dashboard.serving.thread_bridge import PART_BYTES, Bridge, Busy

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


def asked(handler: Callable[..., Any]) -> list[dict[str, Any]]:
    """The messages of one request. Raises what the handler raises."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        await Bridge(handler, 1)(SCOPE, io.BytesIO(), send)

    asyncio.run(ask())
    return sent


def test_a_complete_response_is_handed_to_the_loop_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    crossings: list[Any] = []
    run = Bridge.run

    def counted(self: Bridge, *call: Any) -> Any:
        crossings.append(call)
        return run(self, *call)

    monkeypatch.setattr(Bridge, "run", counted)
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
    assert len(crossings) == 1


def test_a_stream_arrives_completely_in_few_parts() -> None:
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


def test_a_stream_is_made_as_its_client_takes_it_and_holds_no_thread_meanwhile() -> None:
    made: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(4):
            made.append(number)
            yield bytes(PART_BYTES)

    answer = Answer(parts(), True)  # type: ignore[arg-type] # a generator is what Django has
    sent: list[dict[str, Any]] = []

    def handler(environ: dict[str, Any], start: Any) -> Answer:
        start("200 OK", [])
        return answer

    async def ask() -> None:
        bridge = Bridge(handler, 1)
        may_read = asyncio.Event()

        async def send(message: Any) -> None:
            sent.append(message)
            await may_read.wait()

        asking = asyncio.create_task(bridge(SCOPE, io.BytesIO(), send))
        while not sent:
            await asyncio.sleep(0)
        # The only thread is free for another request.
        assert await bridge.run(lambda: "free") == "free"
        assert made == [0]
        assert not answer.closed
        may_read.set()
        await asking

    asyncio.run(ask())
    assert sum(len(message.get("body", b"")) for message in sent) == 4 * PART_BYTES
    assert answer.closed


def test_a_stream_is_closed_when_its_client_leaves() -> None:
    answer = Answer([bytes(PART_BYTES)] * 3, True)

    def handler(environ: dict[str, Any], start: Any) -> Answer:
        start("200 OK", [])
        return answer

    async def gone(message: Any) -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        asyncio.run(Bridge(handler, 1)(SCOPE, io.BytesIO(), gone))
    assert answer.closed


def test_requests_wait_for_a_thread_only_so_many_and_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_bridge, "WAITING_MAX", 1)
    monkeypatch.setattr(thread_bridge, "WAIT_SECONDS_MAX", 0.1)
    release = threading.Event()

    async def ask() -> list[Any]:
        bridge = Bridge(None, 1)
        running = asyncio.create_task(bridge.run(release.wait))
        waiting = asyncio.create_task(bridge.run(lambda: "never"))
        await asyncio.sleep(0)
        too_many = await asyncio.gather(bridge.run(lambda: "never"), return_exceptions=True)
        too_long = await asyncio.gather(waiting, return_exceptions=True)
        release.set()
        await running
        return [*too_many, *too_long, await bridge.run(lambda: "again")]

    assert [str(one) or type(one) for one in asyncio.run(ask())] == [Busy, Busy, "again"]
