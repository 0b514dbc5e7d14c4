"""The body of a request: read on the event loop before a thread is taken, into memory or a file without a name."""

import asyncio
import io
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Final

from dashboard.api.parsers import BODY_BYTES_MAX
from dashboard.files import DISK_RESERVE_BYTES
from dashboard.live.handshake import Scope, header
from dashboard.live.sockets import Receive
from dashboard.outage import FULL
from dashboard.serving.pace import ClientGone, Pace

OPEN_BYTES_MAX: Final = 64 * 1024
"""Larger bodies are read only for those who are signed in."""
FORM_BYTES_MAX: Final = 1 << 20
MEMORY_BYTES_MAX: Final = 1 << 20
"""Larger bodies are written to a file."""
FILES: Final = "/api/v1/files/"
"""Uploads below this path may have any size."""
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_disk: Final = ThreadPoolExecutor(2, thread_name_prefix="body")
"""Writes of bodies. They wait for the disk, never for a client."""


@dataclass
class Refused(Exception):
    """The body is not read; this is the answer."""

    status: HTTPStatus
    code: str
    detail: str


class BodyReader:
    """Reads the body of one request. `sized`: whether the client has said its length."""

    def __init__(
        self, scope: Scope, receive: Receive, folder: Path, has_account: Callable[[], Awaitable[bool]]
    ) -> None:
        """`folder` is where large bodies are kept; `has_account` asks whether the client is signed in."""
        self._scope, self._receive, self._folder, self._has_account = scope, receive, folder, has_account
        self.sized = bool(header(scope, b"content-length"))
        self._pace = Pace()

    @property
    def size(self) -> int:
        return self._pace.bytes

    async def read(self) -> IO[bytes]:
        """Return the whole body. Raises Refused and ClientGone."""
        length = int(header(self._scope, b"content-length") or 0)
        if length > (most := self._bytes_max()):
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large",
                          f"A body of this kind may have up to {most // 2**20} MiB.")  # fmt: skip
        is_open = length <= OPEN_BYTES_MAX
        if not is_open:
            await self._require_account()
        if length > MEMORY_BYTES_MAX:
            return await self._to_file(length)
        parts: list[bytes] = []
        while True:
            part, more = await self._next()
            parts.append(part)
            if not more:
                return io.BytesIO(b"".join(parts))
            if is_open and self.size > OPEN_BYTES_MAX:
                is_open = False
                await self._require_account()
            if self.size > MEMORY_BYTES_MAX:
                # WSGI has no bodies without a length; Django would treat this one as empty.
                raise Refused(HTTPStatus.LENGTH_REQUIRED, "length_required",
                              "Send a body of this size with a Content-Length.")  # fmt: skip

    def _bytes_max(self) -> float:
        if header(self._scope, b"content-type").partition(";")[0].strip().lower() in _FORMS:
            return FORM_BYTES_MAX
        return float("inf") if self._scope["path"].startswith(FILES) else BODY_BYTES_MAX

    async def _require_account(self) -> None:
        if not await self._has_account():
            raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in",
                          "Sign in, or send an API token: Authorization: Bearer <token>.")  # fmt: skip

    async def _next(self) -> tuple[bytes, bool]:
        """Return the next part, and whether there are more. Raises ClientGone."""
        message = await self._pace.wait(self._receive())
        if message["type"] != "http.request":
            raise ClientGone("The client left before its request was complete.")
        part = bytes(message.get("body", b""))
        self._pace.bytes += len(part)
        return part, bool(message.get("more_body", False))

    async def _to_file(self, length: int) -> IO[bytes]:
        loop = asyncio.get_running_loop()
        if shutil.disk_usage(self._folder).free < length + DISK_RESERVE_BYTES:
            raise _full()
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - its reader closes it
        try:
            part, more = bytearray(), True
            while more:
                received, more = await self._next()
                part += received
                if len(part) >= MEMORY_BYTES_MAX or not more:
                    await loop.run_in_executor(_disk, file.write, bytes(part))
                    part.clear()
            await loop.run_in_executor(_disk, file.seek, 0)
        except OSError as error:
            file.close()
            if error.errno in FULL:
                raise _full() from None
            raise
        except BaseException:
            file.close()
            raise
        return file


def _full() -> Refused:
    return Refused(HTTPStatus.INSUFFICIENT_STORAGE, "storage_full",
                   "Not enough disk space for this body. Nothing was stored.")  # fmt: skip
