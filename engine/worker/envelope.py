"""Envelopes as they come in: one JSON object a message, or the name of a file that holds one."""

from __future__ import annotations

import _socket
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MESSAGE_BYTES_MAX = 256 * 1024
"""More than the supervisor ever puts into one message (64 KiB)."""

_decode = json.JSONDecoder().decode


class Inbox:
    """The node process' end of the supervisor's SOCK_SEQPACKET pair.

    The supervisor holds a copy of this end to take unread envelopes back, so the socket must never be made
    non-blocking: that flag would be shared.
    """

    def __init__(self, fd: int, before_delay: Callable[[], object]) -> None:
        """`before_delay` is called when the next envelope will take a while."""
        self._socket = _socket.socket(fileno=fd)
        self._socket.settimeout(None)
        self._before_delay = before_delay

    def next(self) -> dict[str, Any] | None:
        """The next envelope, waiting for it; None when the supervisor is gone."""
        self._before_delay()
        while True:
            message = self._socket.recv(MESSAGE_BYTES_MAX)
            if not message:
                return None
            envelope = self._read(message)
            if envelope is not None:
                return envelope

    def next_now(self) -> dict[str, Any] | None:
        """The next envelope when one is there already, else None (also when the supervisor is gone)."""
        try:
            message = self._socket.recv(MESSAGE_BYTES_MAX, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        return self._read(message) if message else None

    def wait_for_end(self) -> None:
        """Wait until the supervisor is gone, without taking what it may still have sent."""
        import select

        self._before_delay()
        poll = select.poll()
        poll.register(self._socket.fileno(), 0)
        poll.poll()

    def _read(self, message: bytes) -> dict[str, Any] | None:
        """The envelope of a message; None when its file is gone, for then the supervisor took it back."""
        envelope: dict[str, Any] = _decode(message.decode())
        if "file" not in envelope:
            return envelope
        self._before_delay()
        path = envelope["file"]
        try:
            with open(path, "rb") as file:
                envelope = json.load(file)
            os.unlink(path)
        except FileNotFoundError:
            return None
        return envelope
