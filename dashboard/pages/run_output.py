"""The output of a node for its panel: a value as text, or a table with columns and rows."""

import json
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from dashboard.files import Files
from dashboard.presenters import amounts
from dashboard.presenters.sentences import error_message
from dashboard.presenters.text import first_line
from engine.artifacts import Artifacts, artifacts_of, outputs
from engine.errors import InterlockError
from engine.models import Run
from engine.reads import queries

ROWS = 200
COLUMNS_MAX = 200
"""Columns whose cells are shown. A wider table can be downloaded."""
VALUE_CHARACTERS = 64 * 1024
REASON_CHARACTERS = 600
"""Maximum length of the reason why an output cannot be read. It ends with what to do."""
PARSED_BYTES_MAX = 4 * 1024 * 1024
"""Larger values are not parsed just to show their beginning."""


def output_of(found: Run, node: str, offset: int = 0) -> dict[str, Any]:
    """Return the output: at most ROWS rows of a table from `offset`, or the beginning of a value as indented JSON."""
    stored = queries.node_output(found, node)
    if stored is None:
        return {"output": None}
    artifacts = artifacts_of(settings.INTERLOCK)
    context: dict[str, Any] = {"output": stored, "taken": [port for port in stored["ports"] if port != "out"]}
    try:
        return {**context, **(_table if stored["kind"] == "table" else _value)(stored, artifacts, offset)}
    except (OSError, ValueError, LookupError) as error:
        return {**context, "unreadable": first_line(error_message(error), REASON_CHARACTERS)}


def _table(stored: dict[str, Any], artifacts: Artifacts, offset: int) -> dict[str, Any]:
    table = outputs.table_rows(stored, artifacts, offset, ROWS)
    columns = table["schema"]
    nulls, counted = outputs.null_counts(stored, artifacts)
    rows = [[row.get(column["name"]) for column in columns[:COLUMNS_MAX]] for row in table["rows"]]
    whole = table["row_count"]
    return {
        "columns": [
            {
                **column,
                "nulls": number,
                "null_share": amounts.percent(number, counted) if number else "",
            }
            for column, number in zip(columns, nulls, strict=True)
        ],
        "shown_columns": columns[:COLUMNS_MAX],
        "nulls_over": counted if counted < whole else None,
        "rows": rows,
        "row_count": whole,
        "offset": offset,
        "first_shown": offset + 1,
        "last_shown": offset + len(rows),
        "before": max(0, offset - ROWS) if offset else None,
        "following": offset + ROWS if offset + ROWS < whole else None,
    }


def _value(stored: dict[str, Any], artifacts: Artifacts, offset: int) -> dict[str, Any]:
    if "artifact" in stored and stored["bytes"] > PARSED_BYTES_MAX:
        with artifacts.open(stored["artifact"]) as file:
            text = file.read(4 * VALUE_CHARACTERS).decode("utf-8", "replace")
        return {"value": text[:VALUE_CHARACTERS], "cut": True}
    value = outputs.load_value(stored, artifacts)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return {"value": text[:VALUE_CHARACTERS], "cut": len(text) > VALUE_CHARACTERS, "file": _file_of(value)}


def _file_of(value: Any) -> str:
    """Return the file that a value names in its `path`, as `table.write` does, if it is in the files folder; else
    ""."""
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str):
        return ""
    try:
        file, entry = Files(settings.INTERLOCK.files).open(path)
    except (InterlockError, OSError):
        return ""
    file.close()
    return entry.path


def why_none(state: str) -> str:
    """Explain in a sentence why a node has no output."""
    texts = {
        "pending": _("Not run yet."),
        "ready": _("Not run yet."),
        "running": _("Running. The output appears when it succeeds."),
        "waiting": _("Waiting. The output appears when it succeeds."),
        "retrying": _("The last attempt failed. It will be retried."),
        "failed": _("Failed, so there is no output. Retry it to get one."),
        "timed_out": _("Timed out, so there is no output. Retry it to get one."),
        "cancelled": _("Cancelled, so there is no output."),
        "skipped": _("Skipped. Downstream nodes get null."),
        "upstream_failed": _("Not run, because an upstream node failed."),
    }
    return texts.get(state, _("No output."))
