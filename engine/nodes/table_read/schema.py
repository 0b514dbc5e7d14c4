"""`table.read`: a file, a glob of files, or an object of object storage, as a table."""

from __future__ import annotations

from engine.nodes.base import NodeType
from engine.nodes.file_path import check_read

_CSV = {
    "delim": {"type": "string", "minLength": 1, "maxLength": 4, "title": "Delimiter (CSV)"},
    "header": {"type": "boolean", "title": "First line holds the names (CSV)"},
    "quote": {"type": "string", "maxLength": 1, "title": "Quote (CSV)"},
    "escape": {"type": "string", "maxLength": 1, "title": "Escape (CSV)"},
    "skip": {"type": "integer", "minimum": 0, "title": "Lines to skip (CSV)"},
    "nullstr": {
        "title": "Texts that mean null (CSV)",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 100}],
    },
    "all_varchar": {"type": "boolean", "title": "Read every column as text (CSV)"},
    "decimal_separator": {"enum": [".", ","], "title": "Decimal separator (CSV)"},
    "dateformat": {"type": "string", "maxLength": 100, "title": "Date format (CSV, JSON)"},
    "timestampformat": {"type": "string", "maxLength": 100, "title": "Timestamp format (CSV, JSON)"},
    "encoding": {"type": "string", "maxLength": 50, "title": "Encoding (CSV)"},
    "ignore_errors": {"type": "boolean", "title": "Leave out lines that do not parse (CSV, JSON)"},
    "sample_size": {"type": "integer", "minimum": -1, "title": "Rows looked at to guess types (CSV, JSON)"},
}

NODE_TYPE = NodeType(
    type="table.read",
    name="Read table",
    category="tables",
    icon="table",
    description="Reads CSV, JSON or Parquet, also compressed, many at once, or from object storage, as a table.",
    run="engine.nodes.table_read.run",
    config={
        "type": "object",
        "properties": {
            "path": {
                "type": "string",
                "title": "Path",
                "description": (
                    "Under the files folder, an absolute path, or a URL (s3, gs, gcs, abfs, abfss, az); also a glob "
                    "(*.csv). Credentials for a URL come from the variables that INTERLOCK_NODE_ENV names."
                ),
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
            "options": {
                "type": "object",
                "title": "Options",
                "properties": {
                    **_CSV,
                    "columns": {
                        "type": "object",
                        "title": "Types by column name",
                        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 1000},
                    },
                    "compression": {"enum": ["auto", "none", "gzip", "zstd"], "title": "Compression"},
                    "union_by_name": {"type": "boolean", "title": "Match columns of several files by name"},
                    "filename": {"type": "boolean", "title": "Add a column with the file's name"},
                    "hive_partitioning": {"type": "boolean", "title": "Columns from folders named key=value"},
                    "records": {"enum": ["auto", True, False], "title": "Objects become columns (JSON)"},
                    "lines": {"type": "boolean", "title": "One value a line (JSON)"},
                },
                "additionalProperties": False,
                "default": {},
            },
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    uses_inputs=False,
    check=check_read,
)
