"""Receives envelopes: one JSON object per message, or the name of a file that holds one."""

from __future__ import annotations

import _socket
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MESSAGE_BYTES_MAX = 256 * 1024
"""More than the supervisor ever sends in one message (64 KiB)."""

_decode = json.JSONDecoder().decode


class EnvelopeReceiver:
    """The node process's end of the SOCK_SEQPACKET pair.

    The supervisor has a copy of this end, from which it recalls unread envelopes. So the socket must never be made
    non-blocking: that flag would be shared.
    """

    def __init__(self, fd: int, before_delay: Callable[[], object]) -> None:
        """`before_delay` is called before anything that may take long."""
        self._socket = _socket.socket(fileno=fd)
        self._socket.settimeout(None)
        self._before_delay = before_delay

    def wait(self) -> dict[str, Any] | None:
        """Wait for the next envelope and return it; None if the supervisor has ended."""
        self._before_delay()
        while True:
            message = self._socket.recv(MESSAGE_BYTES_MAX)
            if not message:
                return None
            envelope = self._read(message)
            if envelope is not None:
                return envelope

    def poll(self) -> dict[str, Any] | None:
        """Return the next envelope if it has come already, else None."""
        try:
            message = self._socket.recv(MESSAGE_BYTES_MAX, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        return self._read(message) if message else None

    def wait_for_end(self) -> None:
        """Wait until the supervisor has ended, and leave what it still sends unread."""
        import select

        self._before_delay()
        poll = select.poll()
        poll.register(self._socket.fileno(), 0)
        poll.poll()

    def _read(self, message: bytes) -> dict[str, Any] | None:
        """Return the envelope of a message; None if its file is missing because the supervisor has recalled it."""
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
