"""Passes its input to one port: true or false by a condition, or that of the first case that matches."""

from __future__ import annotations

from engine.expressions.rendering import truth
from engine.worker.errors import BadInput
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

BINDS = frozenset({"condition", "cases"})
"""The whole text of these is an expression. It is evaluated here; cases after the first match are not evaluated."""
INSTANT = True


def run(task: Task) -> StoredOutput:
    port = _port(task.config, task.expression_context)
    return StoredOutput(_input(task), [] if port is None else [port])


def _port(config: dict[str, Any], context: dict[str, Any]) -> str | None:
    """Return the port; None if no case matches and there is no default."""
    if "condition" in config:
        return "true" if truth(config["condition"], context) else "false"
    for case in config["cases"]:
        if truth(case["when"], context):
            port: str = case["port"]
            return port
    return config.get("default")


def _input(task: Task) -> dict[str, Any]:
    """Return what is passed on: a single input as it is stored, or an object of several by port.

    Null inputs are left out, because nodes that only order have null as their output.
    """
    inputs: dict[str, dict[str, Any]] = task.envelope.get("inputs") or {}
    not_null = {port: one for port, one in inputs.items() if "path" in one or one.get("value") is not None}
    if len(not_null) == 1:
        return task.input_form(next(iter(not_null)))
    if not not_null:
        return {"kind": "json", "value": None, "bytes": 4}
    table = next((port for port, one in not_null.items() if one["kind"] == "table"), None)
    if table is not None:
        raise BadInput(
            f'A branch can pass on one table only. This one has {len(not_null)} inputs, and "{table}" is a table. '
            "Keep one edge into the branch and connect the other values to the nodes after it."
        )
    return task.json_form({port: task.inputs[port] for port in not_null})
