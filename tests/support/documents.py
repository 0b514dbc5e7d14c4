"""Small definitions for tests."""

import itertools
from typing import Any


def chain(*names: str, **settings: Any) -> dict[str, Any]:
    """No-op nodes in a row; `a`, `b` when none are named."""
    names = names or ("a", "b")
    document: dict[str, Any] = {
        "schema": "interlock/1",
        "nodes": [{"id": name, "type": "noop"} for name in names],
        "edges": [{"source": one, "target": other} for one, other in itertools.pairwise(names)],
    }
    if settings:
        document["settings"] = settings
    return document


def with_policy(**policy: Any) -> dict[str, Any]:
    """One no-op node `a` with this policy."""
    return {"schema": "interlock/1", "nodes": [{"id": "a", "type": "noop", "policy": policy}], "edges": []}


def with_input() -> dict[str, Any]:
    """One no-op node; the input `month` is a whole number, 1 by default."""
    return {
        **chain("a"),
        "inputs": {
            "type": "object",
            "properties": {"month": {"type": "integer", "default": 1}},
            "additionalProperties": False,
        },
    }
