"""Reads stored outputs for people and programs: values, rows of tables, files to download.

The stored form is the one that node processes report: {kind: "json", value | artifact, bytes, ports} or {kind: "table",
artifact, schema: [{name, type}], row_count, bytes, ports}.
"""

import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, Any

from cachetools import LRUCache, cached

from engine.artifacts import Artifacts
from engine.artifacts.s3 import ArtifactStoreError, WrongContent
from engine.sentences import Sentence, Text
from engine.sentences import gettext_noop as _
from engine.text import dump
from engine.worker import duck

FORMATS = ("csv", "parquet", "json")
CHUNK_BYTES = 256 * 1024
ROWS_AT_ONCE = 1000
INTEGER_DIGITS_MAX = 4000
"""Python refuses to read or write longer integers, whose limit is 4300 digits."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FRACTIONS = ("FLOAT", "DOUBLE")
_NO_FORMULA = frozenset((*_NUMBERS, "UHUGEINT", *_FRACTIONS, "BOOLEAN", "DATE", "UUID"))
"""Types whose cells a spreadsheet cannot interpret as a formula."""
_TEXTS = ("VARCHAR", "BOOLEAN")
_NUMBER_TEXT = re.compile(r"\b(?:FLOAT|DOUBLE|DECIMAL\((?:1[6-9]|[23]\d),)")
"""Types of numbers, also within other types, of which a JSON number cannot say all. A double has 15 exact digits."""
_MAYBE_TEXT = re.compile(r"NaN|Infinity|[\d.]{17}")
"""Found in every row with such a number. Others need no look at their values."""
_connections: dict[str, Any] = {}
_lock = threading.Lock()


class UnreadableOutput(ValueError):
    """The artifact of an output is missing or has wrong content; `sentence` names it."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class UnreachableOutput(UnreadableOutput):
    """The object store with the artifact cannot be used now; `sentence` says why."""


class ExportError(ValueError):
    """The output cannot be exported in this format."""


def load_value(stored: Mapping[str, Any], artifacts: Artifacts) -> Any:
    """Return the JSON value of an output. Raises UnreadableOutput."""
    if "artifact" not in stored:
        return stored.get("value")
    try:
        with artifacts.open(stored["artifact"]) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise _unreadable(stored, error) from error


def table_rows(stored: Mapping[str, Any], artifacts: Artifacts, offset: int, limit: int) -> dict[str, Any]:
    """Return {schema, row_count, rows}: at most `limit` rows from `offset` on, each {column: JSON value}.

    Times are in ISO 8601, those with a zone in UTC. What a JSON number cannot say exactly is text: `NaN`, `Infinity`,
    `-Infinity`, and decimals that a double would round. Columns that may hold such text have `number_text` in the
    schema. Raises UnreadableOutput.
    """
    schema: list[dict[str, Any]] = stored["schema"]
    sql = f"{_json_rows(stored, artifacts)} LIMIT {max(0, limit)} OFFSET {max(0, offset)}"
    rows = [_parse_row(row[0]) for row in _run(stored, artifacts, sql)]
    times = [column["name"] for column in schema if column["type"].startswith("TIMESTAMP")]
    for row in rows:
        for name in times:
            value = row.get(name)
            if isinstance(value, str):
                row[name] = _iso(value)
    marked = [{**column, "number_text": True} if _NUMBER_TEXT.search(column["type"]) else column for column in schema]
    return {"schema": marked, "row_count": stored["row_count"], "rows": rows}


def _json_rows(stored: Mapping[str, Any], artifacts: Artifacts) -> str:
    """Return the query for all rows of a table as texts; NaN and infinities in them are not JSON yet."""
    # The alias of the row must not be the name of a column.
    alias, columns = "r", {column["name"].lower() for column in stored["schema"]}
    while alias in columns:
        alias += "_"
    return f"SELECT to_json({alias}) FROM {_source(stored, artifacts)} AS {alias}"  # noqa: S608 quoted


def _parse_row(text: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(text, parse_constant=str, parse_int=_integer, parse_float=_exact)
    return row


NULLS_ROWS_MAX = 1_000_000


# A name stands for one content.
def _artifact_name(stored: Mapping[str, Any], artifacts: Artifacts) -> str:
    return str(stored["artifact"])


@cached(LRUCache(maxsize=256), key=_artifact_name, lock=threading.Lock())
def null_counts(stored: Mapping[str, Any], artifacts: Artifacts) -> tuple[list[int], int]:
    """Return the number of nulls in each column of a table, in the order of its schema, and in how many rows.

    They are taken from the file's statistics if it has them, else counted in the first NULLS_ROWS_MAX rows. Raises
    UnreadableOutput.
    """
    return _nulls_of_statistics(stored, artifacts) or _count_nulls(stored, artifacts)


def _nulls_of_statistics(stored: Mapping[str, Any], artifacts: Artifacts) -> tuple[list[int], int] | None:
    """Return None if a column has no statistics; nested ones never have."""
    path = duck.quote(str(artifacts.path(stored["artifact"])))
    sql = (
        "SELECT path_in_schema, sum(stats_null_count), count(*) = count(stats_null_count) "  # noqa: S608 quoted
        f"FROM parquet_metadata({path}) GROUP BY path_in_schema"
    )
    nulls = {row[0]: int(row[1]) for row in _run(stored, artifacts, sql) if row[2]}
    names = [column["name"] for column in stored["schema"]]
    if stored["row_count"] == 0:
        return [0] * len(names), 0
    return ([nulls[name] for name in names], stored["row_count"]) if all(name in nulls for name in names) else None


def _count_nulls(stored: Mapping[str, Any], artifacts: Artifacts) -> tuple[list[int], int]:
    columns = ", ".join(f"count({duck.name(column['name'])})" for column in stored["schema"])
    sql = (
        f"SELECT count(*), {columns} FROM "  # noqa: S608 quoted
        f"(SELECT * FROM {_source(stored, artifacts)} LIMIT {NULLS_ROWS_MAX})"
    )
    ((rows, *filled),) = _run(stored, artifacts, sql)
    return [rows - number for number in filled], rows


DISTINCT_ROWS_MAX = 200_000
DISTINCT_COLUMNS_MAX = 50


@cached(LRUCache(maxsize=256), key=_artifact_name, lock=threading.Lock())
def distinct_counts(stored: Mapping[str, Any], artifacts: Artifacts) -> dict[str, int]:
    """Return {column: number of distinct values without null} for the columns of text and booleans.

    Nothing is counted in a table of more than DISTINCT_ROWS_MAX rows. Raises UnreadableOutput.
    """
    if stored["row_count"] > DISTINCT_ROWS_MAX:
        return {}
    wanted = [column["name"] for column in stored["schema"] if column["type"] in _TEXTS][:DISTINCT_COLUMNS_MAX]
    counted: dict[str, int] = {}
    if wanted:
        columns = ", ".join(f"count(DISTINCT {duck.name(column)})" for column in wanted)
        sql = f"SELECT {columns} FROM {_source(stored, artifacts)}"  # noqa: S608 quoted
        counted = dict(zip(wanted, _run(stored, artifacts, sql)[0], strict=True))
    return counted


def export(stored: Mapping[str, Any], artifacts: Artifacts, format: str) -> Iterator[bytes]:
    """Return the whole output as a file, in pieces. `format`: csv, parquet or json; only json for a JSON value.

    In CSV, text that a spreadsheet would interpret as a formula gets a leading `'`. Everything that can fail does so
    before this returns: ExportError, UnreadableOutput.
    """
    if format not in FORMATS:
        raise ExportError(f'There is no format "{format}"; there are {", ".join(FORMATS)}.')
    if stored["kind"] != "table":
        if format != "json":
            raise ExportError("The output is a JSON value, no table: it comes as json only.")
        if "artifact" not in stored:
            return iter([json.dumps(stored.get("value"), ensure_ascii=False).encode()])
        return _stream(_open(stored, artifacts))
    if format == "parquet":
        return _stream(_open(stored, artifacts))
    return _stream(_converted(stored, artifacts, format))


def _converted(stored: Mapping[str, Any], artifacts: Artifacts, format: str) -> IO[bytes]:
    """Write the table to a file in another format; return it open and without a name."""
    os.makedirs(artifacts.staging, mode=0o700, exist_ok=True)
    path = os.path.join(artifacts.staging, f"export-{secrets.token_hex(8)}.{format}")
    try:
        if format == "csv":
            _write_csv(stored, artifacts, path)
        else:
            _write_json(stored, artifacts, path)
        return open(path, "rb")
    finally:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def _write_json(stored: Mapping[str, Any], artifacts: Artifacts, path: str) -> None:
    """Write the rows as a list; the numbers are written as `table_rows` returns them."""
    with _query(stored, artifacts, _json_rows(stored, artifacts)) as found, open(path, "w", encoding="utf-8") as file:
        before = "[\n\t"
        while rows := found.fetchmany(ROWS_AT_ONCE):
            for (text,) in rows:
                file.write(before)
                file.write(dump(_parse_row(text)) if _MAYBE_TEXT.search(text) else text)
                before = ",\n\t"
        file.write("\n]\n" if before[0] == "," else "[]\n")


def _write_csv(stored: Mapping[str, Any], artifacts: Artifacts, path: str) -> None:
    columns = ", ".join(f"{_csv_cell(column)} AS {duck.name(_csv_text(column['name']))}" for column in stored["schema"])
    query = f"SELECT {columns} FROM {_source(stored, artifacts)}"  # noqa: S608 quoted
    _run(stored, artifacts, f"COPY ({query}) TO {duck.quote(path)} (FORMAT csv, HEADER true, USE_TMP_FILE false)")


def _csv_cell(column: Mapping[str, str]) -> str:
    name, kind = duck.name(column["name"]), column["type"]
    if kind in _NO_FORMULA or kind.startswith(("DECIMAL", "TIME")):
        return name
    text = f"CAST({name} AS VARCHAR)"
    risky = "'=', '+', '-', '@', chr(9), chr(10), chr(13)"
    return f"CASE WHEN left({text}, 1) IN ({risky}) THEN '''' || {text} ELSE {text} END"


def _csv_text(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\n", "\r")) else text


def _source(stored: Mapping[str, Any], artifacts: Artifacts) -> str:
    return duck.reader([str(artifacts.path(stored["artifact"]))])


def _run(stored: Mapping[str, Any], artifacts: Artifacts, sql: str) -> list[Any]:
    """Return the rows of a query of ours on the artifact. Raises UnreadableOutput."""
    with _query(stored, artifacts, sql) as found:
        rows: list[Any] = found.fetchall()
    return rows


@contextmanager
def _query(stored: Mapping[str, Any], artifacts: Artifacts, sql: str) -> Iterator[Any]:
    """Yield the cursor with the result of a query of ours on the artifact. Raises UnreadableOutput."""
    try:
        with artifacts.as_file(stored["artifact"]):
            yield _connection(artifacts.root).cursor().execute(sql)
    except (OSError, duck.package().Error) as error:
        raise _unreadable(stored, error) from error


def _connection(root: str) -> Any:
    """Return the one connection of this process for artifacts under `root`; each use takes its own cursor."""
    with _lock:
        found = _connections.get(root)
        if found is None:
            found = _connections[root] = duck.lock(duck.connect(folders=[root], threads=2))
        return found


def _open(stored: Mapping[str, Any], artifacts: Artifacts) -> IO[bytes]:
    try:
        return artifacts.open(stored["artifact"])
    except OSError as error:
        raise _unreadable(stored, error) from error


def _stream(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _unreadable(stored: Mapping[str, Any], error: Exception) -> UnreadableOutput:
    values: dict[str, Text] = {"artifact": stored["artifact"]}
    if isinstance(error, ArtifactStoreError):
        values["why"] = error.sentence
        # A store that cannot be used now may answer later; wrong content stays wrong.
        kind = UnreadableOutput if isinstance(error, WrongContent) else UnreachableOutput
        return kind(Sentence(_("The artifact {artifact} cannot be read now. {why}"), values))
    gone = isinstance(error, FileNotFoundError)
    values["why"] = Sentence(_("it no longer exists")) if gone else str(error).partition("\n")[0]
    return UnreadableOutput(Sentence(_("The artifact {artifact} cannot be read: {why}."), values))


def _exact(text: str) -> float | str:
    """Return a number as a float if that has the same digits, else its text."""
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _integer(text: str) -> int | str:
    """Return an integer, or its text if Python refuses one of that length, which only a column of JSON may hold."""
    return int(text) if len(text) <= INTEGER_DIGITS_MAX else text


def _iso(text: str) -> str:
    text = text.replace(" ", "T", 1)
    return text[:-3] + "Z" if text.endswith("+00") else text
