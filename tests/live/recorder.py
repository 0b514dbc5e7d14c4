"""A client of the live protocol that checks every message and folds it into what it knows."""

import json
import time
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection


class Connection(Protocol):
    """What a recorder needs of a socket."""

    def send(self, message: str, /) -> None: ...

    def recv(self, timeout: float = ...) -> str | bytes:
        """Raises TimeoutError."""


class Recorder:
    """Knows a run as its messages tell it; fails on a gap, a repeat or a message outside the protocol."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.run: dict[str, Any] | None = None
        self.nodes: dict[str, dict[str, Any]] = {}
        self.lines: dict[int, dict[str, Any]] = {}
        self.messages: list[str] = []
        """Types, in order."""
        self.times: list[float] = []
        self.last: dict[str, Any] = {}

    def hello(self, socket: Connection) -> None:
        """Say what we have."""
        message: dict[str, Any] = {"type": "hello"}
        if self.seq is not None:
            message["after"] = self.seq
        socket.send(json.dumps(message))

    def take(self, socket: Connection, timeout: float = 10) -> str:
        """Receive one message and fold it; its type."""
        message = json.loads(socket.recv(timeout=timeout))
        self.times.append(time.monotonic())
        self.fold(message)
        return str(message["type"])

    def fold(self, message: dict[str, Any]) -> None:
        self.last = message
        self.messages.append(message["type"])
        if message["type"] == "snapshot":
            assert set(message) == {"type", "seq", "run", "nodes"}
            assert self.seq is None or message["seq"] >= self.seq
            self.seq, self.run, self.nodes = message["seq"], message["run"], dict(message["nodes"])
        elif message["type"] == "events":
            assert self.seq is not None or message["first"] == 1
            assert message["first"] == (self.seq or 0) + 1, "a gap between two messages"
            assert [event["seq"] for event in message["events"]] == list(range(message["first"], message["seq"] + 1))
            for event in message["events"]:
                self._event(event)
            self.seq = message["seq"]
        else:
            assert message["type"] == "samples"
            assert "seq" not in message

    def _event(self, event: dict[str, Any]) -> None:
        if event["type"] == "run":
            self.run = event["run"]
        elif event["type"] == "node":
            self.nodes[event["node"]["node"]] = event["node"]
        elif event["type"] == "log":
            assert event["line"]["seq"] == event["seq"]
            self.lines[event["seq"]] = event["line"]
        else:
            assert event["type"] == "progress"
            if node := self.nodes.get(event["node"]):
                progress = {"fraction": event["fraction"], "message": event["message"], "at": event["at"]}
                self.nodes[event["node"]] = {**node, "progress": progress}

    def take_until(self, socket: Connection, seq: int, timeout: float = 10) -> None:
        """Take messages until `seq` is known."""
        deadline = time.monotonic() + timeout
        while self.seq is None or self.seq < seq:
            assert time.monotonic() < deadline, f"at {self.seq}, wants {seq}"
            self.take(socket, timeout=max(0.01, deadline - time.monotonic()))


def close_code(socket: ClientConnection, timeout: float = 20) -> int:
    """Read until the server closes; its code."""
    deadline = time.monotonic() + timeout
    try:
        while True:
            socket.recv(timeout=max(0.01, deadline - time.monotonic()))
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd is not None else 1006
