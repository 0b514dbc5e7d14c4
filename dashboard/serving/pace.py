"""How slow a client may be. What it sends and takes passes on the event loop, where a slow one costs no thread."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Final, TypeVar

GRACE_SECONDS: Final = 30.0
"""How long a client may be silent at once, and how long it may pause in all, beside what the least rate allows."""
LEAST_BYTES_PER_SECOND: Final = 2048
WHOLE_SECONDS_MAX: Final = 6 * 3600.0
"""How long one body or one response may take, whatever its size."""
TRANSPORT: Final = "interlock.transport"
"""Key of the ASGI scope for the transport of the connection: asyncio's, by which it can be closed at once."""

T = TypeVar("T")


class ClientGone(ConnectionError):
    """The client left, or is slower than it may be. What it has sent must not be mistaken for the whole."""


class Pace:
    """Counts the time that is spent waiting for one client, and the bytes that came of it."""

    def __init__(self) -> None:
        self.bytes = 0
        self._waited = 0.0

    @property
    def left(self) -> float:
        """Seconds that the client has for its next part."""
        whole = min(GRACE_SECONDS + self.bytes / LEAST_BYTES_PER_SECOND, WHOLE_SECONDS_MAX)
        return max(0.0, min(whole - self._waited, GRACE_SECONDS))

    async def wait(self, part: Awaitable[T]) -> T:
        """Wait for the client. Raises ClientGone if it is too slow on the whole."""
        begin = time.monotonic()
        try:
            async with asyncio.timeout(self.left):
                return await part
        except TimeoutError:
            raise ClientGone("The client is too slow.") from None
        finally:
            self._waited += time.monotonic() - begin
