"""What a node returned, put into the form in which outputs are stored.

{"kind": "json", "value" | "artifact", "bytes", "ports"} or {"kind": "table", "artifact", "schema", "row_count",
"bytes", "ports"}. Everything leaves here as JSON text, so that a value is encoded once.
"""

from __future__ import annotations

from engine.worker import frames, json_value
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

NOTHING = b'{"kind":"json","value":null,"bytes":4,"ports":["out"]}'
_TABLES = frozenset({"duckdb", "_duckdb", "pyarrow", "pandas", "polars"})


def store(value: Any, task: Task) -> bytes:
    """Store `value`, the result of `task`; its stored form. Raises BadOutput and what writing a table raises."""
    if value is None:
        return NOTHING
    if isinstance(value, StoredOutput):
        return frames.text(value.form)
    kind = type(value)
    if kind.__module__.partition(".")[0] in _TABLES:
        from engine.worker import tables

        stored = tables.store(value, task)
        if stored is not None:
            return frames.text(stored)
    if kind.__name__ == "Table" and kind.__module__ == "engine.worker.tables":
        return frames.text({**value.stored(task), "ports": ["out"]})
    data = json_value.encode(value)
    if len(data) <= task.envelope.get("inline_bytes", 32768):
        return b'{"kind":"json","value":%b,"bytes":%d,"ports":["out"]}' % (data, len(data))
    name = task.artifacts.put_bytes(data, ".json", claim=task.claim)
    return frames.text({"kind": "json", "artifact": name, "bytes": len(data), "ports": ["out"]})
