"""The inputs of a node as views in one restricted connection."""

from __future__ import annotations

import json
import os

from engine.worker import duck, soft_limit
from engine.worker.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

JSON_BYTES_MAX = 256 * 1024 * 1024


def open_with_inputs(task: Task, *more: str) -> Any:
    """Return a locked connection in which every input is a view or table with the name of its port.

    JSON that is a list of objects, or one object, becomes a table too; other JSON is left out. Beside the files of the
    inputs the connection can open only the paths `more`.
    """
    inputs: dict[str, dict[str, Any]] = task.envelope.get("inputs") or {}
    tables = {port: given["path"] for port, given in inputs.items() if given["kind"] == "table"}
    values = {port: path for port, given in inputs.items() if given["kind"] != "table" and (path := _file(task, port))}
    connection = duck.for_task(task.envelope, [*tables.values(), *values.values(), *more])
    soft_limit.interrupts.append(connection.interrupt)
    for port, path in tables.items():
        connection.execute(f"CREATE VIEW {duck.name(port)} AS FROM {duck.reader([path])}")
    for port, path in values.items():
        try:
            source = f"read_json({duck.quote(path)}, maximum_object_size = {JSON_BYTES_MAX})"
            connection.execute(f"CREATE TABLE {duck.name(port)} AS FROM {source}")
        except duck.package().Error as error:
            raise BadInput(f'The input "{port}" cannot be read as a table: {error}') from None
    return duck.lock(connection)


def null_by_skip(task: Task, port: str) -> str:
    """Say that an input is null because a person skipped the node before it, and what to do; empty if it is not."""
    skipped = (task.envelope.get("inputs") or {}).get(port, {}).get("skipped")
    if not skipped:
        return ""
    return (
        f'The input "{port}" is null, because the node "{skipped}" was skipped. Retry "{skipped}"; '
        "when you skip it again, let it hand on an empty table."
    )


def is_tabular(value: Any) -> bool:
    """Return whether a JSON value can be a table: a list of objects, or one object, none of them empty."""
    rows = value if isinstance(value, list) else [value]
    return bool(rows) and all(isinstance(row, dict) and row for row in rows)


def _file(task: Task, port: str) -> str | None:
    """Write the JSON input `port` to a file and return its path; None if its value cannot be a table."""
    value = task.inputs[port]
    if not is_tabular(value):
        return None
    folder = os.path.join(task.scratch, ".inputs")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{port}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
    return path
