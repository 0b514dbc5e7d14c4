"""Reads the policies of the nodes of a definition that may be any value."""

from collections.abc import Iterator
from typing import Any


def node_policies(document: Any) -> Iterator[tuple[int, dict[str, Any], str | None, dict[str, Any]]]:
    """Yield (index, node, id, policy) for each node with a policy. The id is None if it is not text."""
    nodes = document.get("nodes") if isinstance(document, dict) else None
    for place, node in enumerate(nodes if isinstance(nodes, list) else ()):
        policy = node.get("policy") if isinstance(node, dict) else None
        if isinstance(policy, dict):
            name = node.get("id")
            yield place, node, name if isinstance(name, str) else None, policy
