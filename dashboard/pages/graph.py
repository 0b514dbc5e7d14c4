"""The graph of a run as compact JSON, for the canvas.

It contains what never changes about a run: nodes, their positions, edges, and an icon per type. States come over the
websocket. A definition never changes under its hash, so the bytes of the last few definitions are cached, and browsers
cache them under a URL that contains the hash.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any, Final

from cachetools import LRUCache, cached
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page
from dashboard.presenters import node_types
from engine.definition import Document, Edge
from engine.models import Run
from engine.reads import queries

CACHE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Total size of the cached graphs. A graph of 10,000 nodes and 50,000 edges takes about 1.3 MB."""
CACHE_FOREVER: Final = "private, max-age=31536000, immutable"
REVALIDATE: Final = "private, no-cache"


@require_safe
@page(Right.VIEW, cacheable=True)
def graph(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return `{nodes, edges, icons}` (see `compact`). `?v=` is the beginning of the definition's hash."""
    run = access.run(request.user, run_id)
    digest = run.definition.hash
    etag = f'"{digest[:32]}"'
    version = request.GET.get("v", "")
    named = len(version) >= 12 and digest.startswith(version)
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(_body(run), content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_FOREVER if named else REVALIDATE
    return response


@cached(LRUCache(CACHE_BYTES_MAX, getsizeof=len), key=lambda run: run.definition.hash, lock=threading.Lock())
def _body(run: Run) -> bytes:
    return compact(queries.document(run))


def compact(document: Document) -> bytes:
    """Return a document's graph as JSON.

    `nodes`: `[id, name, type]`, plus x and y if the author placed it, in document order. `edges`: `[source, target]` as
    indexes into `nodes`, plus both ports if one of them is not the default (`out`, the source's id); for an edge that
    only orders, both ports and true. `icons`: the sprite's icon of each type.
    """
    place = {node.id: node.index for node in document.nodes}
    value = {
        "nodes": [
            [node.id, node.name, node.type, *node.position] if node.position else [node.id, node.name, node.type]
            for node in document.nodes
        ],
        "edges": [_compact_edge(edge, place) for edge in document.edges],
        "icons": node_types.icons(document),
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _compact_edge(edge: Edge, place: Mapping[str, int]) -> list[Any]:
    ends = [place[edge.source], place[edge.target]]
    if edge.order:
        return [*ends, edge.source_port, edge.target_port, True]
    if edge.source_port == "out" and edge.target_port == edge.source:
        return ends
    return [*ends, edge.source_port, edge.target_port]
