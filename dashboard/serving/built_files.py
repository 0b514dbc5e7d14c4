"""Built files as browsers are given them: packed, and kept for good where their address says what they hold."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles import finders
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

PACKED: Final = (".js", ".css", ".svg")
"""Fonts are packed as they are."""
SMALL_BYTES: Final = 500
"""Below this, packing saves no packet."""
KEPT: Final = f"max-age={WhiteNoiseMiddleware.FOREVER}, public, immutable"
_GZIP: Final = re.compile(r"\bgzip\b(?!;\s*q=0(?:\.0*)?(?:,|$))")


@cache
def digest(name: str) -> str:
    """Of a built file's content; empty where there is no such file."""
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@cache
def _packed(path: Path) -> bytes:
    """In memory, some 1 MB in all, made when first asked for: there is nothing to build, to ship or to keep in step."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@cache
def _found() -> Any:
    """WhiteNoise, which looks for all files when it is made: once in a process."""
    return WhiteNoiseMiddleware(lambda request: HttpResponse(status=404))


class BuiltFiles:
    """The middleware: WhiteNoise finds the file, and answers for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._found = _found()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        file = self._found.files.get(request.path_info)
        if file is None:
            return self._get_response(request)
        response: FileResponse = self._found.serve(file, request)
        name = request.path_info.removeprefix(self._found.static_prefix)
        if request.GET.get("v", "-") == digest(name):
            response["Cache-Control"] = KEPT
        if not name.endswith(PACKED) or int(response.headers.get("Content-Length", SMALL_BYTES)) < SMALL_BYTES:
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        if response.status_code != 200 or not _GZIP.search(request.headers.get("Accept-Encoding", "")):
            return response
        return _given_packed(response, _packed(Path(file.alternatives[0][1])), request.method == "HEAD")


def _given_packed(plain: FileResponse, content: bytes, head: bool) -> HttpResponse:
    headers: dict[str, Any] = dict(plain.items())
    # The file alone: the end of a response is told to all that hear of ended requests.
    if plain.file_to_stream:
        plain.file_to_stream.close()
    response = HttpResponse(b"" if head else content, headers=headers)
    response["Content-Encoding"] = "gzip"
    response["Content-Length"] = str(len(content))
    return response
