"""Fingerprints of nodes: what a node does, and all before it, in one short text each.

Pure. Two equal fingerprints mean that an output made then is what would be made now, as far as the document says; that
files, inputs or other systems changed meanwhile it does not tell. Names, notes, places and limits are left out: none of
them changes what comes out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine import graph

LENGTH = 16
"""Characters: enough for the nodes of one workflow and its history."""
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def fingerprints(document: Any) -> dict[str, str]:
    """{node id: fingerprint} of a document, which may be wrong in any way.

    Over type, config, the ports through which values come in, and the fingerprints of all before it. Nodes on a cycle
    or nested beyond reading have none, nor has what lies behind them; of two nodes with one id the first counts.
    """
    if not isinstance(document, dict):
        return {}
    nodes: dict[str, dict[str, Any]] = {}
    for node in _list(document.get("nodes")):
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            nodes.setdefault(node["id"], node)
    into: dict[str, list[tuple[str, str, str]]] = {}
    pairs: list[tuple[str, str]] = []
    for edge in _list(document.get("edges")):
        if not isinstance(edge, dict):
            continue
        source, target = edge.get("source"), edge.get("target")
        if not (isinstance(source, str) and isinstance(target, str) and source in nodes and target in nodes):
            continue
        pairs.append((source, target))
        into.setdefault(target, []).append(
            (_text(edge.get("target_port")) or source, _text(edge.get("source_port")) or "out", source)
        )
    found: dict[str, str] = {}
    for name in graph.topological(list(nodes), pairs):
        node = nodes[name]
        try:
            # What the engine takes for the same is the same here.
            ends = sorted({(port, taken, found[source]) for port, taken, source in into.get(name, ())})
            said = [_plain(node.get("type")), _plain(node.get("config") or {}), ends]
            text = _write(said)
        except (RecursionError, KeyError):
            # Nested so deeply that nothing can be said of it, nor of what lies behind it.
            continue
        found[name] = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _plain(value: Any) -> Any:
    """`value` with 1.0 as 1, as a browser writes it. Raises RecursionError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
