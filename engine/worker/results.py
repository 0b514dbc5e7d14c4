"""Converts what a node returned to the form in which outputs are stored.

{"kind": "json", "value" | "artifact", "bytes", "ports"} or {"kind": "table", "artifact", "schema", "row_count",
"bytes", "ports"}, as JSON text, so that a value is encoded only once.
"""

from __future__ import annotations

from engine.worker import json_value
from engine.worker.frames import to_json
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

NULL = b'{"kind":"json","value":null,"bytes":4,"ports":["out"]}'
_TABLE_PACKAGES = frozenset({"duckdb", "_duckdb", "pyarrow", "pandas", "polars"})


def store(value: Any, task: Task) -> bytes:
    """Store the result of `task` and return its stored form. Raises BadOutput and the errors of writing a table."""
    if value is None:
        return NULL
    if isinstance(value, StoredOutput):
        return to_json(value.form)
    kind = type(value)
    if kind.__module__.partition(".")[0] in _TABLE_PACKAGES:
        from engine.worker import table_output

        stored = table_output.store(value, task)
        if stored is not None:
            return to_json(stored)
    if kind.__name__ == "Table" and kind.__module__ == "engine.worker.table":
        return to_json({**value.stored(task.envelope), "ports": ["out"]})
    data = json_value.encode(value)
    if len(data) <= task.envelope.get("inline_bytes", 32768):
        return b'{"kind":"json","value":%b,"bytes":%d,"ports":["out"]}' % (data, len(data))
    name = task.artifacts.put_bytes(data, ".json", claim=task.claim)
    return to_json({"kind": "json", "artifact": name, "bytes": len(data), "ports": ["out"]})
