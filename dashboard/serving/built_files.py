"""Built files of the front end: compressed, and cached forever if their URL contains their content hash."""

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

COMPRESSED: Final = (".js", ".css", ".svg")
"""Suffixes of files to compress. Fonts are compressed already."""
SMALL_BYTES: Final = 500
"""Compressing smaller files saves no network packet."""
CACHE_FOREVER: Final = f"max-age={WhiteNoiseMiddleware.FOREVER}, public, immutable"
_GZIP: Final = re.compile(r"\bgzip\b(?!;\s*q=0(?:\.0*)?(?:,|$))")


@cache
def digest(name: str) -> str:
    """Return the hash of a built file's content; empty if there is no such file."""
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@cache
def _compressed(path: Path) -> bytes:
    """Compress on first use and keep in memory: about 1 MB in all, and nothing to build or to keep in sync."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@cache
def _whitenoise() -> Any:
    """Return WhiteNoise, which searches all files when it is created: once per process."""
    return WhiteNoiseMiddleware(lambda request: HttpResponse(status=404))


class BuiltFiles:
    """Middleware around WhiteNoise, which finds the file and creates the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._whitenoise = _whitenoise()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        file = self._whitenoise.files.get(request.path_info)
        if file is None:
            return self._get_response(request)
        response: FileResponse = self._whitenoise.serve(file, request)
        name = request.path_info.removeprefix(self._whitenoise.static_prefix)
        if request.GET.get("v", "-") == digest(name):
            response["Cache-Control"] = CACHE_FOREVER
        if not name.endswith(COMPRESSED) or int(response.headers.get("Content-Length", SMALL_BYTES)) < SMALL_BYTES:
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        if response.status_code != 200 or not _GZIP.search(request.headers.get("Accept-Encoding", "")):
            return response
        return _compressed_response(response, _compressed(Path(file.alternatives[0][1])), request.method == "HEAD")


def _compressed_response(plain: FileResponse, content: bytes, head: bool) -> HttpResponse:
    headers: dict[str, Any] = dict(plain.items())
    # Close only the file: closing the response would signal the end of the request.
    if plain.file_to_stream:
        plain.file_to_stream.close()
    response = HttpResponse(b"" if head else content, headers=headers)
    response["Content-Encoding"] = "gzip"
    response["Content-Length"] = str(len(content))
    return response
