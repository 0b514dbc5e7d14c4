"""Messages of the live protocol, as they cross the wire. Pure: no database, no sockets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.shapes import encodable, encoded

MISSED_MAX = 10_000
"""Events that a client may have missed and still gets one by one; beyond it gets a snapshot."""
SEQ_MAX = 2**63 - 1
MESSAGE_BYTES_MAX = 64 * 1024
"""Of a message that a client sends over a socket: a hello is far smaller."""

CLOSE_BAD_MESSAGE = 4400
CLOSE_RIGHT_LOST = 4403
CLOSE_GONE = 4404
CLOSE_SILENT = 4408


@dataclass(frozen=True, slots=True)
class Hello:
    """The client's first word, and its word after a gap."""

    after: int | None
    """The last `seq` that it has; None: it knows nothing."""


class BadMessage(Exception):
    """A message that is none of the protocol; the text says what was expected (at most 123 bytes, for a close)."""


def parse(text: str | None) -> Hello:
    """The message of a client. Raises BadMessage."""
    if text is None:
        raise BadMessage("Send text, not bytes.")
    if len(text) > MESSAGE_BYTES_MAX:
        raise BadMessage("A message is far smaller.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("A message is a JSON object.") from None
    if not isinstance(message, dict) or message.get("type") != "hello":
        raise BadMessage('Expected {"type": "hello", "after": seq}.')
    after = message.get("after")
    if after is None:
        return Hello(None)
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= SEQ_MAX:
        raise BadMessage('"after" is the last seq that you have: a whole number from 0.')
    return Hello(after)


def dump(value: Any) -> str:
    """One JSON text."""
    return encodable(encoded(value))


def snapshot(seq: int, run: Mapping[str, Any], nodes: Iterable[tuple[str, str]]) -> str:
    """All of a run as it was at `seq`; of each node its id and its JSON text."""
    told = ",".join([f'"{node}":{text}' for node, text in nodes])
    return f'{{"type":"snapshot","seq":{seq},"run":{dump(run)},"nodes":{{{told}}}}}'


def events(after: int, texts: Sequence[str]) -> str:
    """Events `after` + 1 and on, without a gap; each is given as its own JSON text. None at all is allowed."""
    return f'{{"type":"events","first":{after + 1},"seq":{after + len(texts)},"events":[{",".join(texts)}]}}'


def samples(found: Iterable[Mapping[str, Any]]) -> str:
    """The newest measurement of each running node."""
    return dump({"type": "samples", "samples": list(found)})


def overview(counters: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    return dump({"type": "snapshot", "counters": counters, "runs": runs})


def changes(counters: Mapping[str, Any] | None, runs: Sequence[Mapping[str, Any]]) -> str:
    """What is different since the last message; what is the same is left out."""
    message: dict[str, Any] = {"type": "changes"}
    if counters is not None:
        message["counters"] = counters
    if runs:
        message["runs"] = runs
    return dump(message)
