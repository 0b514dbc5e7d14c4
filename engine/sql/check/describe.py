"""DuckDB's answers, in the checker process: queries are bound over empty tables, and the head of files is read.

Nothing is executed over data. Every question is answered by a plain value; errors are part of the answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from importlib import import_module

from engine.problems import nearest
from engine.sql.check import head
from engine.worker import csv_files, duck
from engine.worker.errors import BadConfig, NoSuchFile, PathRefused
from engine.worker.paths import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEMORY_BYTES = 128 * 1024 * 1024
COLUMNS_BYTES_MAX = 256 * 1024
"""Of the names and types of one table; the columns of a wider one count as unknown."""
NAMES_MAX = 5000
"""Files of a folder among which a similar name is searched."""
_PARAMETER = re.compile(r"\$p\d+")
_WIDE = re.compile(r"U?HUGEINT")
_STORED = (
    (re.compile(r"ENUM\((?:'(?:[^']|'')*'(?:, )?)*\)"), "VARCHAR"),
    (re.compile(r"\bTIMESTAMP_(?:S|MS)\b"), "TIMESTAMP"),
    (re.compile(r"\b(?:BIT|BIGNUM)\b"), "VARCHAR"),
)
"""Types that Parquet stores as other types."""

_connection: Any = None
_tables: dict[str, str] = {}
"""The empty tables that exist: name -> columns."""


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer one question of `child`."""
    global _connection
    try:
        if question["op"] == "rows":
            return head.rows(question)
        return file(question) if question["op"] == "file" else sql(question)
    except _Failed as error:
        # The database may be unusable after such an error.
        _connection = None
        _tables.clear()
        return {"failed": str(error)}
    except (MemoryError, RecursionError, OSError) as error:
        return {"failed": f"{type(error).__name__}: {error}"}


class _Failed(Exception):
    """DuckDB itself failed, whatever the query."""


# -- queries --------------------------------------------------------------------------------------


def sql(question: dict[str, Any]) -> dict[str, Any]:
    """Return {"columns": [{name, type}] | null} of a query, as they will be stored, or {"error": {...}} (see `_error`).

    `tables`: columns by the names of its inputs, null where they are not known. A query over a table of unknown columns
    is only parsed, but a table that is none of the inputs is found. Columns are also null when they depend on rows.
    """
    duckdb = duck.package()
    connection = _connect()
    text: str = question["sql"]
    tables: dict[str, list[dict[str, str]] | None] = question["tables"]
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        return {"error": _error(error, 0)}
    if len(statements) != 1:
        return {"columns": None}
    kind = statements[0].type.name
    if kind not in ("SELECT", "MULTI"):
        # The validator refuses other statements; they must not be bound either.
        return {"columns": None}
    created = _provide({name: columns for name, columns in tables.items() if columns is not None})
    unknown = {name.lower() for name in tables if name not in created}
    used = _used(connection, text) if kind == "MULTI" or unknown else set()
    if kind == "MULTI" or (unknown and (used is None or used & unknown)):
        # A pivot without column names takes them from the rows.
        missing = [name for name in sorted(used or ()) if name not in unknown and not _exists(connection, name)]
        return {"error": _no_table(missing[0])} if missing else {"columns": None}
    try:
        described = connection.execute(f"DESCRIBE\n{text}", question["parameters"] or None).fetchall()
    except duckdb.Error as error:
        used = used or _used(connection, text)
        return {"error": _error(error, len("DESCRIBE\n")), "used": sorted(used) if used else None}
    return {"columns": _columns(described)}


def _columns(described: list[tuple[str, str]]) -> list[dict[str, str]] | None:
    columns = [{"name": row[0], "type": _stored(row[1])} for row in described]
    size = sum(len(column["name"]) + len(column["type"]) + 24 for column in columns)
    return columns if size <= COLUMNS_BYTES_MAX else None


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') and name.endswith('"') else name


def _connect() -> Any:
    """Return the connection for queries. It can open no file and has only empty tables."""
    global _connection
    if _connection is None:
        _connection = duck.connect(memory_bytes=MEMORY_BYTES)
        _connection.execute("SET errors_as_json = true")
        duck.lock(_connection)
    return _connection


def _provide(tables: dict[str, list[dict[str, str]]]) -> set[str]:
    """Create the wanted tables and drop all others; return the names of those that could be created."""
    duckdb = duck.package()
    connection = _connect()
    shapes = {name: json.dumps(columns) for name, columns in tables.items()}
    for name in [name for name in _tables if name not in shapes]:
        connection.execute(f"DROP TABLE {duck.name(name)}")
        del _tables[name]
    for name, shape in shapes.items():
        if _tables.get(name) == shape:
            continue
        columns = ", ".join(f"{duck.name(column['name'])} {column['type']}" for column in tables[name])
        create = f"CREATE OR REPLACE TABLE {duck.name(name)} ({columns})"
        try:
            if [statement.type.name for statement in connection.extract_statements(create)] != ["CREATE"]:
                continue
            connection.execute(create)
        except duckdb.Error:
            # A type of a missing extension, or two columns of one name. The columns count as unknown.
            if _tables.pop(name, None):
                connection.execute(f"DROP TABLE {duck.name(name)}")
            continue
        _tables[name] = shape
    return set(_tables)


def _used(connection: Any, text: str) -> set[str] | None:
    """Return the lowercase names of the tables that a query reads; None if they cannot be determined."""
    try:
        # get_table_names takes no values for parameters.
        plain = _PARAMETER.sub("NULL", text)
        names = connection.get_table_names(plain, qualified=True)
        # DuckDB also quotes names that are keywords: "load".
        return {_plain(name).lower() for name in names if "." not in name}
    except Exception:  # it binds parts of the query over tables that may not exist
        return None


def _exists(connection: Any, name: str) -> bool:
    try:
        connection.execute(f"DESCRIBE FROM {duck.name(name)}")
    except duck.package().Error:
        return False
    return True


def _no_table(name: str) -> dict[str, Any]:
    return {"kind": "table", "name": name, "message": "", "at": None, "candidates": []}


_FAILURES = frozenset({"OutOfMemoryException", "InternalException", "FatalException", "IOException"})
_PREFIX = re.compile(r"\A[A-Za-z ]+ Error: (?=\{)")
_COLUMN = re.compile(r'\A(?:Table|Values list) "(?P<table>.+?)" does not have a column named "(?P<name>.+?)"\n?')
_EXCLUDED = re.compile(r'\AColumn "(?P<name>.+?)" (?:in [A-Z]+ list not found|does not exist on )')
_QUOTED = re.compile(r'"((?:[^"]|"")+)"')


def _error(error: Any, prefix_bytes: int) -> dict[str, Any]:
    """Return {kind, message, name, table, at: [start, length] in bytes | null, candidates}.

    `kind`: syntax, table, column, function, permission or other. `prefix_bytes`: before the query.
    """
    details: dict[str, Any] = {}
    text = str(error)
    if type(error).__name__ in _FAILURES or "Allocation failure" in text[:200]:
        raise _Failed(text[:200])
    prefix = _PREFIX.match(text)
    if prefix is not None:
        try:
            details = json.loads(text[prefix.end() :])
        except ValueError:
            details = {}
    message = str(details.get("exception_message") or text)
    subtype, kind = details.get("error_subtype", ""), "other"
    name, table = details.get("name"), None
    candidates = [part.strip() for part in str(details.get("candidates") or "").split(",") if part.strip()]
    if type(error).__name__ == "ParserException":
        kind = "syntax"
    elif type(error).__name__ == "PermissionException":
        kind = "permission"
    elif subtype == "COLUMN_NOT_FOUND":
        kind = "column"
    elif subtype == "MISSING_ENTRY":
        entry = str(details.get("type"))
        kind = "table" if entry == "Table" else "function" if "Function" in entry else "other"
    elif match := _COLUMN.match(message) or _EXCLUDED.match(message):
        kind, name = "column", match["name"]
        table = match.groupdict().get("table")
        candidates = [one.replace('""', '"') for one in _QUOTED.findall(message[match.end() :])]
    at = None
    try:
        start, length = json.loads(details.get("location") or "null")
        at = [start - prefix_bytes, length] if start >= prefix_bytes else None
    except (TypeError, ValueError):
        pass
    return {"kind": kind, "message": message, "name": name, "table": table, "at": at, "candidates": candidates}


def _stored(kind: str) -> str:
    if _WIDE.fullmatch(kind):
        return "DECIMAL(38,0)"
    for pattern, instead in _STORED:
        kind = pattern.sub(instead, kind)
    return kind


# -- files ----------------------------------------------------------------------------------------


def file(question: dict[str, Any]) -> dict[str, Any]:
    """Return {"stamp", "columns": [{name, type}] | null} of the files of a node, by their head.

    {"stamp", "same": true} when the files have not changed since the stamp of the question. {"missing": message,
    "near": path | null}, {"refused": message} and {"wrong": message} say why they cannot be read.
    """
    path: str = question["path"]
    roots = Roots.of(question)
    try:
        files = roots.to_read(path)
        stamp = _stamp(files)
        if stamp == question.get("stamp"):
            return {"stamp": stamp, "same": True}
        if all(os.path.getsize(one) == 0 for one in files):
            return {"stamp": stamp, "columns": None, "wrong": f'"{path}" is empty.'}
        format, source = import_module(question["reader"]).source_of(question["config"], files)
    except NoSuchFile as error:
        return {"missing": str(error), "near": _near(roots, path)}
    except PathRefused as error:
        return {"refused": str(error)}
    except BadConfig as error:
        return {"wrong": str(error)}
    return {"stamp": stamp, "columns": _head(source, files, format)}


def _head(source: str, files: list[str], format: str) -> list[dict[str, str]] | None:
    connection = duck.lock(duck.connect(paths=files, memory_bytes=MEMORY_BYTES))
    try:
        described = connection.execute(f"DESCRIBE\nFROM {source}").fetchall()
    except duck.package().Error:
        # Finding the reason would need to read the whole file; a run reports it.
        return None
    finally:
        connection.close()
    if format == "csv" and len(described) == 1 and csv_files.holds_several(described[0][0]):
        return None
    return _columns(described)


def _stamp(files: list[str]) -> str:
    digest = hashlib.sha256()
    for one in files:
        status = os.stat(one)
        line = f"{one}\0{status.st_mtime_ns}\0{status.st_size}\0{status.st_ino}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _near(roots: Roots, path: str) -> str | None:
    """Return an existing path with a similar name."""
    folder, name = os.path.split(path)
    try:
        with os.scandir(roots.folder_of(path)) as entries:
            names = [entry.name for entry, _ in zip(entries, range(NAMES_MAX)) if entry.is_file()]  # noqa: B905
    except (OSError, PathRefused):
        return None
    # People leave out the case and the extension.
    plain = {one.lower().replace("-", "_"): one for one in names}
    starts = (one for one in sorted(plain) if name and one.startswith(name.lower() + "."))
    near = nearest(name, plain) or next(starts, None)
    return os.path.join(folder, plain[near]) if near else None
