"""`table.read`: a file, a glob of files, or an object of object storage, as a table."""

from engine.nodes.base import NodeType
from engine.nodes.file_path import FORMAT, PATH
from engine.nodes.table_read.check import check_read
from engine.sentences import gettext_noop as _

_OPTIONS = {
    "delim": {"type": "string", "minLength": 1, "maxLength": 4, "title": _("Delimiter (CSV)")},
    "header": {"type": "boolean", "title": _("First row is a header (CSV)")},
    "quote": {"type": "string", "maxLength": 1, "title": _("Quote character (CSV)")},
    "escape": {"type": "string", "maxLength": 1, "title": _("Escape character (CSV)")},
    "skip": {"type": "integer", "minimum": 0, "title": _("Lines to skip (CSV)")},
    "nullstr": {
        "title": _("Values treated as null (CSV)"),
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 100}],
    },
    "all_varchar": {"type": "boolean", "title": _("Read all columns as text (CSV)")},
    "decimal_separator": {"enum": [".", ","], "title": _("Decimal separator (CSV)")},
    "dateformat": {"type": "string", "maxLength": 100, "title": _("Date format (CSV, JSON)")},
    "timestampformat": {"type": "string", "maxLength": 100, "title": _("Timestamp format (CSV, JSON)")},
    "encoding": {"type": "string", "maxLength": 50, "title": _("Encoding (CSV)")},
    "ignore_errors": {"type": "boolean", "title": _("Skip invalid rows (CSV, JSON)")},
    "max_skipped": {"type": "integer", "minimum": 0, "title": _("Fail if more rows are skipped (CSV, JSON)")},
    "sample_size": {"type": "integer", "minimum": -1, "title": _("Rows sampled to detect types (CSV, JSON)")},
    "columns": {
        "type": "object",
        "title": _("Column types"),
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 1000},
    },
    "compression": {"enum": ["auto", "none", "gzip", "zstd"], "title": _("Compression")},
    "union_by_name": {"type": "boolean", "title": _("Match columns of several files by name")},
    "filename": {"type": "boolean", "title": _("Add a column with the file name")},
    "hive_partitioning": {"type": "boolean", "title": _("Add columns from folders named key=value")},
    "records": {"enum": ["auto", True, False], "title": _("Turn objects into columns (JSON)")},
    "lines": {"type": "boolean", "title": _("One value per line (JSON)")},
}

NODE_TYPE = NodeType(
    type="table.read",
    name=_("Read table"),
    category="tables",
    icon="table",
    description=_("Reads CSV, JSON or Parquet files as one table, compressed or not, also from object storage."),
    run="engine.nodes.table_read.run",
    config={
        "type": "object",
        "properties": {
            "path": {
                **PATH,
                "description": _(
                    "A path under the files folder, an absolute path, or a URL (s3, gs, gcs, abfs, abfss, az); also a "
                    "pattern such as *.csv. Credentials for a URL come from the variables listed in INTERLOCK_NODE_ENV."
                ),
                "x-path": "read",
            },
            "format": FORMAT,
            "options": {
                "type": "object",
                "title": _("Options"),
                "properties": _OPTIONS,
                "additionalProperties": False,
                "default": {},
            },
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    uses_inputs=False,
    names_inputs=False,
    output="table",
    file_reader="engine.nodes.table_read.run",
    check=check_read,
    followed_by=("table.sql", "python", "table.write"),
    start_rank=1,
)
