"""The graph of a run as compact JSON, for the canvas.

It says what never changes about a run: nodes, where their author placed them, edges, and an icon for each type. States
come over the socket. A definition never changes under its hash, so the bytes are made once for each of the last few
definitions, and browsers keep what they got under an address that names the hash.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.views.decorators.http import require_GET

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page
from engine import queries
from engine.definition import Document
from engine.nodes import registry

KEPT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of the bytes of all graphs that are kept; one of 10,000 nodes and 50,000 edges takes about 1.3 MB."""
LASTING: Final = "private, max-age=31536000, immutable"
ASK_AGAIN: Final = "private, no-cache"

_SPRITE: Final[Mapping[str, str]] = {
    "circle-dot": "dot",
    "code": "py",
    "database": "sql",
    "file-output": "out",
    "globe": "globe",
    "mail": "mail",
    "split": "split",
    "square-function": "py",
    "square-terminal": "shell",
    "table": "table",
}
"""The icon of templates/components/_sprite.html for the lucide name that a node type gives."""


class Kept:
    """Bytes by the hash of their definition, the least used ones dropped beyond `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, digest: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
                return found
        made = make()
        with self._lock:
            if digest not in self._kept:
                self._size += len(made)
            self._kept[digest] = made
            while self._size > self._bytes_max and self._kept:
                _digest, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)
        return made

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


kept = Kept(KEPT_BYTES_MAX)


@require_GET
@page(Right.VIEW, lasting=True)
def graph(request: HttpRequest, run_id: int) -> HttpResponse:
    """`{nodes, edges, icons}` (see `compact`); `?v=` names the beginning of the definition's hash."""
    run = access.run(request.user, run_id)
    digest = run.definition.hash
    etag = f'"{digest[:32]}"'
    version = request.GET.get("v", "")
    named = len(version) >= 12 and digest.startswith(version)
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
    else:
        body = kept.get(digest, lambda: compact(queries.document(run)))
        response = HttpResponse(body, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = LASTING if named else ASK_AGAIN
    return response


def compact(document: Document) -> bytes:
    """A document's graph as JSON.

    `nodes`: `[id, name, type]`, and x and y where the author placed it, in document order. `edges`: `[source, target]`
    as places in `nodes`, and both ports where one of them is not the default (`out`, the source's id). `icons`: the
    sprite's icon for each type.
    """
    place = {node.id: node.index for node in document.nodes}
    value = {
        "nodes": [
            [node.id, node.name, node.type, *node.position] if node.position else [node.id, node.name, node.type]
            for node in document.nodes
        ],
        "edges": [
            [place[edge.source], place[edge.target]]
            if edge.source_port == "out" and edge.target_port == edge.source
            else [place[edge.source], place[edge.target], edge.source_port, edge.target_port]
            for edge in document.edges
        ],
        "icons": {type_: icon(type_) for type_ in sorted({node.type for node in document.nodes})},
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def icon(type_: str) -> str:
    """The sprite's icon of a node type; a dot for one that it does not have."""
    known: Any = registry.get(type_)
    return _SPRITE.get(known.icon, "dot") if known else "dot"
