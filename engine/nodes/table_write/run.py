"""Writes the input as a file: complete or not at all."""

from __future__ import annotations

import os

from engine.nodes.table_read.run import ENDINGS
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
                f'"{path}" is there already. Remove it, or set "When the file exists" to replace or skip.'
            )
        return _skipped(task, path, target, port)
    # In the same folder, for only there a rename is one step; by claim, for a lost attempt may still write.
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
    """The input that is written: the one table, else the one JSON value that can be a table. Others only order."""
    inputs: dict[str, dict[str, Any]] = task.envelope.get("inputs") or {}
    found = [port for port, given in inputs.items() if given["kind"] == "table"]
    if not found:
        found = [port for port in inputs if input_views.is_tabular(task.inputs[port])]
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(f"A file holds one table, and {', '.join(sorted(found))} are tables. Leave one of these edges.")
    raise BadInput("No input is a table, or a list of objects that could be one. Connect a node that gives a table.")


def _format(config: dict[str, Any]) -> tuple[str, str | None]:
    parts = config["path"].rsplit("/", 1)[-1].lower().split(".")
    compression = _COMPRESSIONS.get(parts[-1]) if len(parts) > 1 else None
    if compression:
        parts.pop()
    format = config.get("format") or "auto"
    if format == "auto":
        format = ENDINGS.get(parts[-1]) if len(parts) > 1 else None
        if format is None:
            raise BadConfig(
                f'The format of "{config["path"]}" cannot be told from its ending. Set format to csv, json or parquet.'
            )
    if format == "parquet" and compression:
        raise BadConfig(f'"{config["path"]}": Parquet compresses by itself. Leave the ending .{parts[-1]} off.')
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
            ending = task.config["path"].lower().split(".")[-2 if compression else -1]
            options.append(f"ARRAY {'false' if ending in ('ndjson', 'jsonl') else 'true'}")
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
    """Give the finished file its name; its size. What is there is replaced in one step, or not at all."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        size = os.fstat(descriptor).st_size
        # Node processes make files for their user alone; these are for people.
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)
    if replace:
        os.replace(partial, target)
    else:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise TableExists(f'"{path}" was made by another while this node wrote. Nothing was changed.') from None
        os.unlink(partial)
    folder = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def _skipped(task: Task, path: str, target: str, port: str) -> dict[str, Any]:
    task.ctx.log(f'"{path}" is there already and was left as it is.')
    count = getattr(task.inputs[port], "row_count", None)
    return {"path": path, "row_count": count, "bytes": os.stat(target).st_size}
