"""The definitions that bench runs. Pure."""

from typing import Any

PYTHON = {"code": "def main(inputs, ctx):\n    return 1\n"}


def _node(name: str, kind: str) -> dict[str, Any]:
    return {"id": name, "type": "python", "config": PYTHON} if kind == "python" else {"id": name, "type": "noop"}


def chains(width: int, depth: int, kind: str) -> dict[str, Any]:
    """Return `width` parallel chains of `depth` nodes. `kind`: noop or python (`return 1`)."""
    nodes = [_node(f"n{a}_{b}", kind) for a in range(width) for b in range(depth)]
    edges = [{"source": f"n{a}_{b}", "target": f"n{a}_{b + 1}"} for a in range(width) for b in range(depth - 1)]
    return {"schema": "interlock/1", "nodes": nodes, "edges": edges}


def five(kind: str) -> dict[str, Any]:
    """Return five nodes: one, three in parallel, one."""
    names = ("a", "b", "c", "d", "e")
    edges = [
        {"source": source, "target": target}
        for source, target in (("a", "b"), ("a", "c"), ("a", "d"), ("b", "e"), ("c", "e"), ("d", "e"))
    ]
    return {"schema": "interlock/1", "nodes": [_node(name, kind) for name in names], "edges": edges}
