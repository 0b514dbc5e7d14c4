"""Hands its input on through one port: by a condition, or the first case that holds."""

from __future__ import annotations

from engine.expressions.rendering import truth
from engine.worker.errors import BadInput
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

BINDS = frozenset({"condition", "cases"})
"""The whole text of these is an expression, evaluated here: cases after the first that holds are not looked at."""
INSTANT = True


def run(task: Task) -> StoredOutput:
    taken = _port(task.config, task.expression_context)
    return StoredOutput(_input(task), [] if taken is None else [taken])


def _port(config: dict[str, Any], context: dict[str, Any]) -> str | None:
    """The port that is taken; None: no case holds and there is no default."""
    if "condition" in config:
        return "true" if truth(config["condition"], context) else "false"
    for case in config["cases"]:
        if truth(case["when"], context):
            port: str = case["port"]
            return port
    return config.get("default")


def _input(task: Task) -> dict[str, Any]:
    """What is handed on: the one input as it is stored, or several as one object by port.

    Null is what a node that only orders gives, and stands for no input beside another one.
    """
    inputs: dict[str, dict[str, Any]] = task.envelope.get("inputs") or {}
    given = {port: one for port, one in inputs.items() if "path" in one or one.get("value") is not None}
    if len(given) == 1:
        return task.input_form(next(iter(given)))
    if not given:
        return {"kind": "json", "value": None, "bytes": 4}
    table = next((port for port, one in given.items() if one["kind"] == "table"), None)
    if table is not None:
        raise BadInput(
            f'A branch hands one table on, and this one has {len(given)} inputs, of which "{table}" is a table. '
            "Leave one edge into it, and connect the other values to the nodes after it."
        )
    return task.json_form({port: task.inputs[port] for port in given})
