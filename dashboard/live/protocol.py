"""Messages of the live protocol as they are sent. Pure: no database, no sockets."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.shapes import encodable, encoded

MISSED_MAX = 10_000
"""How many events are sent one by one to a client that missed them. If it missed more, it gets a snapshot."""
SEQ_MAX = 2**63 - 1
MESSAGE_BYTES_MAX = 64 * 1024
"""Limit of a client's message. A hello is far smaller."""

CLOSE_BAD_MESSAGE = 4400
CLOSE_RIGHT_LOST = 4403
CLOSE_GONE = 4404
CLOSE_SILENT = 4408


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a client, and its message after a gap."""

    after: int | None
    """The last `seq` that the client has; None if it has nothing."""


class BadMessage(Exception):
    """A message that is not part of the protocol. The text says what was expected (at most 123 bytes, for the close
    frame)."""


def parse(text: str | None) -> Hello:
    """Parse a client's message. Raises BadMessage."""
    if text is None:
        raise BadMessage("Send text, not bytes.")
    if len(text) > MESSAGE_BYTES_MAX:
        raise BadMessage("The message is too large.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("A message must be a JSON object.") from None
    if not isinstance(message, dict) or message.get("type") != "hello":
        raise BadMessage('Expected {"type": "hello", "after": seq}.')
    after = message.get("after")
    if after is None:
        return Hello(None)
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= SEQ_MAX:
        raise BadMessage('"after" must be the last seq that you have: a whole number from 0.')
    return Hello(after)


def dump(value: Any) -> str:
    """Return a value as JSON text."""
    return encodable(encoded(value))


def snapshot(seq: int, run: Mapping[str, Any], nodes: Iterable[tuple[str, str]]) -> str:
    """Return the whole run as of `seq`. `nodes` gives the id and JSON text of each node."""
    nodes_text = ",".join([f'"{node}":{text}' for node, text in nodes])
    return f'{{"type":"snapshot","seq":{seq},"run":{dump(run)},"nodes":{{{nodes_text}}}}}'


def events(after: int, texts: Sequence[str]) -> str:
    """Return the events from `after` + 1 without a gap, each given as JSON text. May be empty."""
    return f'{{"type":"events","first":{after + 1},"seq":{after + len(texts)},"events":[{",".join(texts)}]}}'


def samples(found: Iterable[Mapping[str, Any]]) -> str:
    """Return the newest sample of each running node."""
    return dump({"type": "samples", "samples": list(found)})


def overview(counters: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    return dump({"type": "snapshot", "counters": counters, "runs": runs})


def changes(counters: Mapping[str, Any] | None, runs: Sequence[Mapping[str, Any]]) -> str:
    """Return what is different since the last message, without what is unchanged."""
    message: dict[str, Any] = {"type": "changes"}
    if counters is not None:
        message["counters"] = counters
    if runs:
        message["runs"] = runs
    return dump(message)
