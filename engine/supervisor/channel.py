"""Messages between the supervisor and a node process.

Frames come over a pipe: 4 bytes of length, little-endian, and a JSON object. Envelopes go over a SEQPACKET socket, one
per message; a large one goes as a file. Nothing here blocks.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from engine.executors.base import Work

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode

FRAME_BYTES_MAX = 8 * 1024 * 1024
MESSAGE_BYTES_MAX = 64 * 1024


class FrameReader:
    """Splits what was read from a node process into frames."""

    __slots__ = ("_needed", "_rest", "error")

    def __init__(self) -> None:
        self.error: str | None = None
        """Why the data is not a frame. Nothing is read after that, because the process cannot be trusted any more."""
        self._rest = bytearray()
        self._needed = 4

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the frames that `data` completes, in order, up to the first that is wrong. Sets `error` for that."""
        if self._rest:
            self._rest += data
            # A large frame comes in many reads; it is parsed once, when it is complete.
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
        frames: list[dict[str, Any]] = []
        at, end = 0, len(data)
        needed = 4
        while end - at >= 4 and self.error is None:
            size = int.from_bytes(data[at : at + 4], "little")
            if size > FRAME_BYTES_MAX:
                self.error = f"A frame of {size} bytes was announced; at most {FRAME_BYTES_MAX} are taken."
                break
            if end - at - 4 < size:
                needed = size + 4
                break
            try:
                frame = _decode(data[at + 4 : at + 4 + size].decode())
            except (ValueError, RecursionError) as error:
                self.error = f"A frame is not JSON: {error}"
                break
            if type(frame) is not dict:
                self.error = "A frame is not an object."
                break
            frames.append(frame)
            at += 4 + size
        self._needed = needed
        self._rest = bytearray(data[at:])
        return frames

    @property
    def is_incomplete(self) -> bool:
        """Whether the start of a frame was read, but not its end."""
        return bool(self._rest)


def frame_time(at: Any) -> float:
    """Return the unix time in a frame; now if it cannot be one, because the node's code can write frames too."""
    now = time.time()
    at = float(at)
    return at if now - 86400.0 < at < now + 60.0 else now


def encode_envelope(work: Work, scratch: Path) -> bytes:
    """Return the message with the envelope of `work`. A large one is written to a file, which the reader deletes.

    Raises OSError if the file cannot be written.
    """
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
    """Return where a large envelope of `claim` waits for the node process."""
    return scratch / f"{claim}.envelope"


def remove_envelope_file(claim: str, scratch: Path) -> None:
    """Delete the envelope's file, if there is one."""
    try:
        os.unlink(envelope_file(claim, scratch))
    except OSError:
        pass


def claim_of(message: bytes) -> str:
    """Return the claim in an envelope's message."""
    return str(json.loads(message)["claim"])
