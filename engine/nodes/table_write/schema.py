"""`table.write`: the input as a file."""

from __future__ import annotations

from engine.nodes.base import NodeType
from engine.nodes.file_path import check_write

NODE_TYPE = NodeType(
    type="table.write",
    name="Write table",
    category="tables",
    icon="file-output",
    description="Writes its one input as CSV, JSON or Parquet; gives path, row_count and bytes.",
    run="engine.nodes.table_write.run",
    config={
        "type": "object",
        "properties": {
            "path": {
                "type": "string",
                "title": "Path",
                "description": "Under the files folder, or an absolute path.",
                "minLength": 1,
                "maxLength": 4096,
                "x-editor": "path",
                "x-expression": True,
            },
            "format": {
                "enum": ["auto", "csv", "json", "parquet"],
                "title": "Format",
                "description": "auto: by the file's ending",
                "default": "auto",
            },
            "if_exists": {
                "enum": ["replace", "fail", "skip"],
                "title": "When the file exists",
                "default": "replace",
            },
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    needs_input=True,
    check=check_write,
)
