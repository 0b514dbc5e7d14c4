"""`table.write`: the input as a file."""

from engine.nodes.base import NodeType
from engine.nodes.file_path import FORMAT, PATH, check_write
from engine.sentences import gettext_noop as _

NODE_TYPE = NodeType(
    type="table.write",
    name=_("Write table"),
    category="tables",
    icon="file-output",
    description=_("Writes its input to a CSV, JSON or Parquet file. Output: path, row_count and bytes."),
    run="engine.nodes.table_write.run",
    config={
        "type": "object",
        "properties": {
            "path": {
                **PATH,
                "description": _("A path under the files folder, or an absolute path."),
                "x-path": "write",
            },
            "format": FORMAT,
            "if_exists": {
                "enum": ["replace", "fail", "skip"],
                "enumNames": [_("Replace it"), _("Fail"), _("Keep it")],
                "title": _("If the file exists"),
                "default": "replace",
            },
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    needs_input=True,
    one_table=True,
    names_inputs=False,
    output="value",
    check=check_write,
    fails_on_null=lambda config, port: True,
    followed_by=("python", "shell", "notify"),
    preceded_by=("table.sql", "table.read", "python"),
)
