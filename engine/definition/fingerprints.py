"""Fingerprints of nodes: short hashes of what a node and all nodes upstream of it do.

Pure. If a node's fingerprint is unchanged, the document gives no reason for another output; files, inputs and other
systems may have changed. Names, notes, positions and policies do not count, because they do not change the output.
"""

import hashlib
import json
from typing import Any

from engine import graph

LENGTH = 16
"""Characters; enough to avoid collisions within one workflow."""
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def fingerprints(document: Any) -> dict[str, str]:
    """Return {node id: fingerprint} of a document, which may be invalid.

    A fingerprint covers the node's type and config, the port and fingerprint of each input, and the fingerprints of
    nodes that only have to run before it: what they write may be what it reads. Nodes that are on a cycle or nested too
    deeply have none, nor have nodes downstream of them. Of two nodes with the same id the first
    counts.
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
            (
                "" if edge.get("order") is True else _text(edge.get("target_port")) or source,
                _text(edge.get("source_port")) or "out",
                source,
            )
        )
    result: dict[str, str] = {}
    for name in graph.topological(list(nodes), pairs):
        node = nodes[name]
        try:
            inputs = sorted({(port, source_port, result[source]) for port, source_port, source in into.get(name, ())})
            text = _encode([_normalized(node.get("type")), _normalized(node.get("config") or {}), inputs])
        except (RecursionError, KeyError):
            # The node is nested too deeply, or a node upstream of it is.
            continue
        result[name] = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
    return result


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _normalized(value: Any) -> Any:
    """Return `value` with 1.0 as 1, as a browser writes it. Raises RecursionError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _normalized(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_normalized(each) for each in value]
    return value
