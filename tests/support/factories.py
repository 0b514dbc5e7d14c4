"""Documents and runs, with only what a case is about."""

from collections.abc import Iterable
from typing import Any

PYTHON_ONE = "def main(inputs, ctx):\n    return 1\n"


def node(id: str, type: str = "noop", config: dict[str, Any] | None = None, **policy: Any) -> dict[str, Any]:
    """Return a node; keyword arguments are its policy."""
    made: dict[str, Any] = {"id": id, "type": type}
    if config:
        made["config"] = config
    if policy:
        made["policy"] = policy
    return made


def python(id: str, code: str = PYTHON_ONE, **policy: Any) -> dict[str, Any]:
    """Return a Python node; keyword arguments are its policy."""
    return node(id, "python", {"code": code}, **policy)


def document(nodes: Iterable[dict[str, Any] | str], *edges: str, **settings: Any) -> dict[str, Any]:
    """Return a document. A node may be given by its id (then it is a noop); an edge is "a>b" or "a.port>b"."""
    made: dict[str, Any] = {
        "schema": "interlock/1",
        "nodes": [node(item) if isinstance(item, str) else item for item in nodes],
        "edges": [_edge(edge) for edge in edges],
    }
    if settings:
        made["settings"] = settings
    return made


def _edge(text: str) -> dict[str, Any]:
    source, _, target = text.partition(">")
    source, _, port = source.partition(".")
    edge = {"source": source, "target": target}
    if port:
        edge["source_port"] = port
    return edge


def chain(length: int, make: Any = node, **settings: Any) -> dict[str, Any]:
    """n0 > n1 > ..."""
    return document([make(f"n{i}") for i in range(length)], *(f"n{i}>n{i + 1}" for i in range(length - 1)), **settings)


def chains(width: int, depth: int, make: Any = node, **settings: Any) -> dict[str, Any]:
    """Return `width` chains of `depth` nodes side by side."""
    return document(
        [make(f"n{a}_{b}") for a in range(width) for b in range(depth)],
        *(f"n{a}_{b}>n{a}_{b + 1}" for a in range(width) for b in range(depth - 1)),
        **settings,
    )
