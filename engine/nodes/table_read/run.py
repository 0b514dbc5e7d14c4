"""Reads CSV, JSON or Parquet files as a table."""

from __future__ import annotations

import os
import re

from engine.nodes.table_read import skipped
from engine.worker import csv_files, duck, object_storage, soft_limit, table_output
from engine.worker.errors import BadConfig, BadData
from engine.worker.paths import Roots, url_scheme
from engine.worker.task import StoredOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

EXTENSIONS = {
    "csv": "csv", "tsv": "csv", "txt": "csv", "tab": "csv", "psv": "csv",
    "json": "json", "ndjson": "json", "jsonl": "json",
    "parquet": "parquet", "pq": "parquet",
}  # fmt: skip
_ALL = frozenset({"union_by_name", "filename", "hive_partitioning"})
_TEXT = frozenset(
    {"dateformat", "timestampformat", "ignore_errors", "max_skipped", "sample_size", "columns", "compression"}
)
_CSV = frozenset(
    {"delim", "header", "quote", "escape", "skip", "nullstr", "all_varchar", "decimal_separator", "encoding"}
)
OPTIONS = {"csv": _ALL | _TEXT | _CSV, "json": _ALL | _TEXT | {"records", "lines"}, "parquet": _ALL}
"""Options that are allowed, by format: those of DuckDB's reader and _OWN."""
_OWN = frozenset({"lines", "max_skipped"})
_NAMES = {"csv": "CSV", "json": "JSON", "parquet": "Parquet"}
JSON_VALUE_BYTES_MAX = 256 * 1024 * 1024
_OUR_QUERY = re.compile(r"^LINE \d+: ", re.MULTILINE)
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")


def run(task: Task) -> StoredOutput:
    config = task.config
    path: str = config["path"]
    options: dict[str, Any] = config.get("options") or {}
    copies: dict[str, str] = {}
    if url_scheme(path):
        roots = task.envelope.get("data_roots") or []
        copies = object_storage.copy(path, os.path.join(task.scratch, ".objects"), roots)
        files = list(copies)
    else:
        files = Roots.of(task.envelope).to_read(path)
    if all(os.path.getsize(file) == 0 for file in files):
        raise BadData(f'"{path}" is empty.')
    format = _format(config, files[0])
    skips = format in ("csv", "json") and options.get("ignore_errors") is True
    # DuckDB cannot keep what it rejects while it matches columns by name.
    keeps = skips and format == "csv" and not options.get("union_by_name")
    source = _source(format, files, options, keeps_rejects=keeps)
    if copies and options.get("filename"):
        source = _with_urls(source, copies)
    staged = task.artifacts.stage(task.claim, ".parquet")
    connection = duck.for_task(task.envelope, [*files, staged])
    soft_limit.interrupts.append(connection.interrupt)
    duck.lock(connection)
    duckdb = duck.package()
    reader = csv_files.CsvCheck(connection, files, options, _compression(files[0])) if format == "csv" else None
    try:
        try:
            inspect = reader.inspect if reader else None
            left_out: dict[str, Any] | None = None

            names = copies or {file: path if len(files) == 1 else os.path.basename(file) for file in files}

            def look_for_skipped() -> None:
                nonlocal left_out
                left_out = _skipped(connection, format, files, options, keeps, names)
                skipped.require_few(left_out, options.get("max_skipped"))

            after = look_for_skipped if skips else None
            stored = table_output.write_query(connection, f"FROM {source}", None, staged, task, inspect, after)
            rows, columns = stored["row_count"], len(stored["schema"])
            task.ctx.log(f'Read {rows:,} rows of {columns} columns from "{path}".')
            if left_out is not None:
                stored["skipped"] = left_out
                task.ctx.log(skipped.sentence(left_out, "Skipped"), "warning")
            return StoredOutput(stored)
        except duckdb.InvalidInputException as error:
            if reader and "Error when sniffing" in str(error):
                # DuckDB found no dialect. Read strictly, so that the error names the line.
                reader.check()
            raise
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadData(_explain(str(error), path, format)) from None
    finally:
        connection.close()


def _skipped(
    connection: Any, format: str, files: list[str], options: dict[str, Any], kept: bool, names: dict[str, str]
) -> dict[str, Any] | None:
    """Return what the files have that cannot be read (see `skipped`). `kept`: the scan has kept it."""
    if format == "json":
        layout = _json_layout(options, files[0])
        if "compression" in options:
            layout.append(f"compression = {_literal(options['compression'])}")
        return skipped.of_json(connection, files, ", ".join(layout), names)
    if not kept:
        alone = {name: value for name, value in options.items() if name != "union_by_name"}
        for file in files:
            # Every value has to be read, or it is not known whether it can be.
            source = _source("csv", [file], alone, keeps_rejects=True)
            connection.execute(f"SELECT count(COLUMNS(*)) FROM {source}").fetchall()  # noqa: S608 all quoted
    return skipped.of_csv(connection, names)


def source_of(config: dict[str, Any], files: list[str]) -> tuple[str, str]:
    """Return the format of the files and the call of DuckDB's reader for them. Raises BadConfig."""
    format = _format(config, files[0])
    return format, _source(format, files, config.get("options") or {})


def _format(config: dict[str, Any], file: str) -> str:
    format: str | None = config.get("format")
    if format and format != "auto":
        return format
    parts = file.rsplit("/", 1)[-1].lower().split(".")
    while len(parts) > 1 and parts[-1] in ("gz", "gzip", "zst", "zstd"):
        parts.pop()
    format = EXTENSIONS.get(parts[-1]) if len(parts) > 1 else None
    if format is None:
        raise BadConfig(f'"{config["path"]}" has no known file extension. Set the format to CSV, JSON or Parquet.')
    return format


def _source(format: str, files: list[str], options: dict[str, Any], *, keeps_rejects: bool = False) -> str:
    for option in options:
        if option not in OPTIONS[format]:
            raise BadConfig(f'The option "{option}" does not apply to {_NAMES[format]} files. Remove it.')
    arguments = [f"[{', '.join(duck.quote(file) for file in files)}]"]
    if format == "csv":
        options = {**csv_files.DEFAULTS, **options}
    arguments += [f"{name} = {_literal(value)}" for name, value in options.items() if name not in _OWN]
    if format == "json":
        arguments += _json_layout(options, files[0])
    elif "compression" not in options and format == "csv":
        arguments.append(f"compression = {duck.quote(_compression(files[0]))}")
    if keeps_rejects:
        arguments.append("store_rejects = true")
    return f"read_{format}({', '.join(arguments)})"


def _json_layout(options: dict[str, Any], file: str) -> list[str]:
    """Return the arguments by which every reader of JSON finds the values of a file."""
    lines = options.get("lines")
    layout = "auto" if lines is None else "newline_delimited" if lines else "array"
    arguments = [f"format = '{layout}'", f"maximum_object_size = {JSON_VALUE_BYTES_MAX}"]
    if "compression" not in options:
        arguments.append(f"compression = {duck.quote(_compression(file))}")
    return arguments


def _with_urls(source: str, copies: dict[str, str]) -> str:
    """Return `source` with the URLs of objects instead of the paths of their copies in the column `filename`."""
    names, urls = (", ".join(duck.quote(one) for one in part) for part in (copies, copies.values()))
    return f"(SELECT * REPLACE (MAP([{names}], [{urls}])[filename] AS filename) FROM {source})"  # noqa: S608 all quoted


def _compression(file: str) -> str:
    extension = file.lower().rsplit(".", 1)[-1]
    return {"gz": "gzip", "gzip": "gzip", "zst": "zstd", "zstd": "zstd"}.get(extension, "auto")


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return duck.quote(value)
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, dict):
        # A struct with quoted names. DuckDB parses the types in it, which are strings, as types only.
        return "{" + ", ".join(f"{duck.quote(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    raise BadConfig(f"An option has a value of the wrong type: {value!r}.")


def _explain(text: str, path: str, format: str) -> str:
    """Return DuckDB's message after the place, without our query and without hints at options of DuckDB."""
    line = _CSV_LINE.search(text)
    place = f'Line {line.group(1)} of "{path}"' if line else f'"{path}"'
    message = []
    for part in _OUR_QUERY.split(text)[0].partition("  file = ")[0].splitlines():
        if part.startswith(("Possible ", "Potential ", "The search space", "* ")):
            break
        if part.strip():
            message.append(part.removeprefix("Invalid Input Error: ").removeprefix("Conversion Error: "))
    hint = ["If the file is correct, adjust the reading options."] if format == "csv" else []
    return "\n".join([f"{place} is not valid {_NAMES[format]}.", *message, *hint])
