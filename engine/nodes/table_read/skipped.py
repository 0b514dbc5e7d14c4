"""What reading leaves out: with the option `ignore_errors`, lines of CSV and values of JSON that cannot be read."""

from __future__ import annotations

from engine.worker import duck
from engine.worker.errors import BadData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TEXT_CHARS_MAX = 200

# A record with an open quote takes many lines with it. Of a record with several errors, its structure tells more than
# the type of a value.
_CSV = """
    WITH records AS (
        SELECT DISTINCT ON (scan_id, file_id, line, line_byte_position) *
        FROM reject_errors ORDER BY scan_id, file_id, line, line_byte_position, error_type = 'CAST', column_idx
    )
    SELECT sum(length(rtrim(csv_line, chr(10))) - length(replace(rtrim(csv_line, chr(10)), chr(10), '')) + 1)::BIGINT,
        (SELECT [file_path, line::VARCHAR, left(csv_line, 1000), error_message]
         FROM records JOIN reject_scans USING (scan_id, file_id) ORDER BY file_id, line LIMIT 1)
    FROM records
"""
_JSON = """
    SELECT count(*), min(place) FROM (
        SELECT json, row_number() OVER () AS place FROM read_json_objects([{file}], ignore_errors = true, {options})
    ) WHERE json IS NULL
"""


def of_csv(connection: Any, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return {lines, first: {file, line, text, reason}} of what the connection's scans rejected; None: nothing.

    `names`: the names of files for people, where they differ from their paths.
    """
    try:
        lines, first = connection.execute(_CSV).fetchone()
    except duck.package().CatalogException:
        # The tables are made by the first scan that stores what it rejects.
        return None
    if not lines:
        return None
    file, line, text, reason = first
    return {
        "lines": lines,
        "first": {"file": names.get(file, file), "line": int(line), "text": _short(text), "reason": _short(reason)},
    }


def of_json(connection: Any, files: list[str], options: str, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return {lines, first} of the values that are not valid JSON; their rows have nulls only. None: there are none."""
    total, found = 0, None
    for file in files:
        count, place = connection.execute(_JSON.format(file=duck.quote(file), options=options)).fetchone()
        total += count
        if count and found is None:
            found = {"file": names.get(file, file), "line": place, "text": "", "reason": "It is not valid JSON."}
    return {"lines": total, "first": found} if found is not None else None


def sentence(skipped: Mapping[str, Any], verb: str) -> str:
    """Return `verb` with how many lines, and the first of them."""
    count, first = skipped["lines"], skipped["first"]
    text = f": {first['text']}" if first["text"] else ""
    return (
        f"{verb} {count:,} {'line' if count == 1 else 'lines'} that cannot be read. The first is line "
        f'{first["line"]:,} of "{first["file"]}"{text} ({first["reason"].rstrip(".")}).'
    )


def require_few(skipped: Mapping[str, Any] | None, lines_max: int | None) -> None:
    """Raise BadData if more lines were left out than the option `max_skipped` allows."""
    if skipped is not None and lines_max is not None and skipped["lines"] > lines_max:
        raise BadData(f"{sentence(skipped, 'Would skip')} At most {lines_max:,} may be skipped (max_skipped).")


def _short(text: str | None) -> str:
    line = (text or "").split("\n", 1)[0].rstrip("\r").replace("\x00", "\u2400")
    return line if len(line) <= TEXT_CHARS_MAX else line[:TEXT_CHARS_MAX] + "…"
