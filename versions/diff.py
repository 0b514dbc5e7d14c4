"""The differences between two definitions as typed changes. Pure: takes documents, valid or not, returns plain values.

A change is {kind, node?, name?, fields?, edge?}:
`kind`      node_added node_removed node_changed edge_added edge_removed edge_changed settings_changed inputs_changed
            requires_changed.
`node`      id; `name` is its label (for nodes).
`fields`    sorted paths that differ inside the node, the edge or the settings: "config.sql", "policy.retries", "order".
`edge`      {source, target, source_port, target_port, order} with the defaults filled in.
Order: nodes in the order of the newer document, then removed ones, then edges, settings, inputs, requirements.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Change = dict[str, Any]


def changes(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[Change]:
    """Return every difference between two documents; empty if they are equal."""
    found: list[Change] = []
    before, after = nodes_by_id(older), nodes_by_id(newer)
    for key, node in after.items():
        if key not in before:
            found.append({"kind": "node_added", "node": key, "name": _name(node)})
        elif before[key] != node:
            fields = sorted(_differing_paths(before[key], node))
            found.append({"kind": "node_changed", "node": key, "name": _name(node), "fields": fields})
    found += [
        {"kind": "node_removed", "node": key, "name": _name(node)} for key, node in before.items() if key not in after
    ]
    edges_before, edges_after = _edges(older), _edges(newer)
    found += [{"kind": "edge_added", "edge": edge} for key, edge in edges_after.items() if key not in edges_before]
    found += [{"kind": "edge_removed", "edge": edge} for key, edge in edges_before.items() if key not in edges_after]
    found += [
        {"kind": "edge_changed", "edge": edge, "fields": ["order"]}
        for key, edge in edges_after.items()
        if key in edges_before and edges_before[key] != edge
    ]
    for part in ("settings", "inputs", "requires"):
        if older.get(part) != newer.get(part):
            fields = sorted(_differing_paths(_mapping(older.get(part)), _mapping(newer.get(part))))
            found.append({"kind": f"{part}_changed", "fields": fields})
    return found


def nodes_by_id(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the nodes of a document, valid or not, by id; the first one of duplicates."""
    nodes = document.get("nodes")
    found: dict[str, Mapping[str, Any]] = {}
    for node in nodes if isinstance(nodes, list) else ():
        if isinstance(node, Mapping) and isinstance(node.get("id"), str):
            found.setdefault(node["id"], node)
    return found


def _edges(document: Mapping[str, Any]) -> dict[tuple[str, ...], Change]:
    edges = document.get("edges")
    found: dict[tuple[str, ...], Change] = {}
    for edge in edges if isinstance(edges, list) else ():
        if isinstance(edge, Mapping):
            source = str(edge.get("source", ""))
            key = {
                "source": source,
                "target": str(edge.get("target", "")),
                "source_port": str(edge.get("source_port") or "out"),
                "target_port": str(edge.get("target_port") or source),
            }
            found.setdefault(tuple(key.values()), {**key, "order": edge.get("order") is True})
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("name") or node.get("id"))


# A config may be nested deeply; two levels name the field that a person edits.
_DEPTH = 2


def _differing_paths(was: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[str]:
    for key in {**was, **now}:
        one, other = was.get(key), now.get(key)
        if one == other and (key in was) == (key in now):
            continue
        path = f"{prefix}{key}"
        if depth < _DEPTH and key != "position" and (isinstance(one, Mapping) or isinstance(other, Mapping)):
            yield from _differing_paths(_mapping(one), _mapping(other), f"{path}.", depth + 1)
        else:
            yield path
