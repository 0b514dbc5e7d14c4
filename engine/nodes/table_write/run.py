"""Writes the input to a file, completely or not at all."""

from __future__ import annotations

import os

from engine.nodes.table_read.run import EXTENSIONS
from engine.worker import duck, input_views
from engine.worker.errors import BadConfig, BadInput, TableExists
from engine.worker.paths import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.worker.task import Task

_COMPRESSIONS = {"gz": "gzip", "zst": "zstd"}


def run(task: Task) -> dict[str, Any]:
    config = task.config
    port = _port(task)
    path: str = config["path"]
    format, compression = _format(config)
    target = Roots.of(task.envelope).to_write(path)
    if_exists = config.get("if_exists", "replace")
    if if_exists != "replace" and os.path.lexists(target):
        if if_exists == "fail":
            raise TableExists(
                f'"{path}" already exists. Remove it, or set "If the file exists" to "Replace it" or "Keep it".'
            )
        return _skipped(task, path, target, port)
    # In the same folder, because a rename is atomic only there; named by claim, because a lost attempt may still write.
    partial = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:100]}.{task.claim}.partial")
    try:
        count = _write(task, port, partial, format, compression)
        size = _publish(partial, target, replace=if_exists == "replace", path=path)
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)
    task.ctx.log(f'Wrote {count:,} rows, {size:,} bytes, to "{path}".')
    return {"path": path, "row_count": count, "bytes": size}


def _port(task: Task) -> str:
    """Return the input to write: the only table, else the only JSON value that can be a table."""
    inputs: dict[str, dict[str, Any]] = task.envelope.get("inputs") or {}
    tables = [port for port, stored in inputs.items() if stored["kind"] == "table"]
    if not tables:
        tables = [port for port in inputs if input_views.is_tabular(task.inputs[port])]
    if len(tables) == 1:
        return tables[0]
    if tables:
        raise BadInput(
            f"Only one table can be written, but {', '.join(sorted(tables))} are tables. Keep one of these edges."
        )
    skipped = next(filter(None, (input_views.null_by_skip(task, port) for port in sorted(inputs))), "")
    raise BadInput(skipped or "No input is a table or a list of objects. Connect a node that outputs a table.")


def _format(config: dict[str, Any]) -> tuple[str, str | None]:
    parts = config["path"].rsplit("/", 1)[-1].lower().split(".")
    compression = _COMPRESSIONS.get(parts[-1]) if len(parts) > 1 else None
    if compression:
        parts.pop()
    format = config.get("format") or "auto"
    if format == "auto":
        format = EXTENSIONS.get(parts[-1]) if len(parts) > 1 else None
        if format is None:
            raise BadConfig(f'"{config["path"]}" has no known file extension. Set the format to CSV, JSON or Parquet.')
    if format == "parquet" and compression:
        raise BadConfig(f'"{config["path"]}": Parquet files are always compressed. Remove the compression extension.')
    return format, compression


def _write(task: Task, port: str, partial: str, format: str, compression: str | None) -> int:
    connection = input_views.open_with_inputs(task, partial)
    try:
        options = [f"FORMAT {format}", "USE_TMP_FILE false"]
        if format == "csv":
            options.append("HEADER true")
            if task.config["path"].lower().split(".")[-2 if compression else -1] in ("tsv", "tab"):
                options.append("DELIMITER '\t'")
        elif format == "json":
            extension = task.config["path"].lower().split(".")[-2 if compression else -1]
            options.append(f"ARRAY {'false' if extension in ('ndjson', 'jsonl') else 'true'}")
        else:
            options.append("COMPRESSION zstd")
        if compression:
            options.append(f"COMPRESSION {compression}")
        copied = connection.execute(
            f"COPY (FROM {duck.name(port)}) TO {duck.quote(partial)} ({', '.join(options)})"
        ).fetchone()
    finally:
        connection.close()
    return int(copied[0])


def _publish(partial: str, target: str, *, replace: bool, path: str) -> int:
    """Give the finished file its name atomically; return its size. Raises TableExists."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
        # The umask of node processes allows their user only; this file is for people.
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)
    if replace:
        os.replace(partial, target)
    else:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise TableExists(f'"{path}" was created by another process meanwhile. It was not replaced.') from None
        os.unlink(partial)
    folder = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def _skipped(task: Task, path: str, target: str, port: str) -> dict[str, Any]:
    task.ctx.log(f'"{path}" already exists and was kept.')
    count = getattr(task.inputs[port], "row_count", None)
    return {"path": path, "row_count": count, "bytes": os.stat(target).st_size}
