"""Messages between the supervisor and a node process: frames that come, envelopes that go.

Frames come over a pipe as a 4-byte little-endian length and a JSON object. Envelopes go over a SEQPACKET socket,
one a message; a large one goes as a file. Nothing here blocks.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from engine.executors.base import Work

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode

FRAME_BYTES_MAX = 8 * 1024 * 1024
MESSAGE_BYTES_MAX = 64 * 1024


class FrameReader:
    """Cuts what was read from a node process into frames."""

    __slots__ = ("_needed", "_rest", "broken")

    def __init__(self) -> None:
        self.broken: str | None = None
        """Why what came is no frame, after which nothing more is taken: the process cannot be trusted any more."""
        self._rest = bytearray()
        self._needed = 4

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Frames that `data` completes, in order, those before a fault included. Sets `broken`."""
        if self._rest:
            self._rest += data
            # A large frame comes in many reads; it is looked at once, when it is whole.
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
        frames: list[dict[str, Any]] = []
        at, end = 0, len(data)
        needed = 4
        while end - at >= 4 and self.broken is None:
            size = int.from_bytes(data[at : at + 4], "little")
            if size > FRAME_BYTES_MAX:
                self.broken = f"A frame of {size} bytes was announced; at most {FRAME_BYTES_MAX} are taken."
                break
            if end - at - 4 < size:
                needed = size + 4
                break
            try:
                frame = _decode(data[at + 4 : at + 4 + size].decode())
            except (ValueError, RecursionError) as error:
                self.broken = f"A frame is not JSON: {error}"
                break
            if type(frame) is not dict:
                self.broken = "A frame is not an object."
                break
            frames.append(frame)
            at += 4 + size
        self._needed = needed
        self._rest = bytearray(data[at:])
        return frames

    @property
    def torn(self) -> bool:
        """Whether a frame has begun and is not whole."""
        return bool(self._rest)


def encode_envelope(work: Work, scratch: Path) -> bytes:
    """The message that carries the envelope of `work`. A large one is written to a file, which its reader deletes."""
    text = _encode(work.envelope)
    if work.shared:
        text = f"{{{work.shared},{text[1:]}"
    message = text.encode()
    if len(message) <= MESSAGE_BYTES_MAX:
        return message
    path = envelope_file(work.claim, scratch)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(message)
    return json.dumps({"claim": work.claim, "file": str(path)}).encode()


def envelope_file(claim: str, scratch: Path) -> Path:
    """Where a large envelope of `claim` waits for the node process."""
    return scratch / f"{claim}.envelope"


def claim_of(message: bytes) -> str:
    """The claim of an envelope's message that was taken back."""
    return str(json.loads(message)["claim"])
