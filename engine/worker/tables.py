"""Tables as nodes see and return them. A table is a Parquet file; DuckDB reads and writes it."""

from __future__ import annotations

import json
import os
import re

from engine.worker import duck, soft_limit
from engine.worker.errors import BadOutput, MissingPackage, SqlError, python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.worker.task import Task

SCHEMA_BYTES_MAX = 1024 * 1024
"""The schema travels with every attempt that gets the table, and stands in the database."""
_WIDE = re.compile(r"U?HUGEINT")
_WHOLE = re.compile(r"DECIMAL\(\d+,0\)")
_ZONED = "TIMESTAMP WITH TIME ZONE"


class Table:
    """An input that is a table. Its file is shared with other nodes: read it, never change it."""

    def __init__(self, path: str, schema: list[dict[str, str]], row_count: int) -> None:
        self.path = path
        """Parquet file."""
        self.schema = schema
        """[{name, type}], types as DuckDB names them."""
        self.row_count = row_count

    def __repr__(self) -> str:
        columns = ", ".join(f"{column['name']} {column['type']}" for column in self.schema)
        return f"Table({self.row_count} rows: {columns})"

    def __len__(self) -> int:
        return self.row_count

    def rows(self, n: int | None = None) -> list[dict[str, Any]]:
        """The first `n` rows, or all, as {column: Python value}; times with a zone are in UTC, whole numbers int."""
        import datetime

        columns = [column["name"] for column in self.schema]
        whole = {at for at, column in enumerate(self.schema) if _WHOLE.fullmatch(column["type"])}
        zoned = {at for at, column in enumerate(self.schema) if column["type"] == _ZONED}
        selected = ", ".join(
            f"{duck.name(column)} AT TIME ZONE 'UTC'" if at in zoned else duck.name(column)
            for at, column in enumerate(columns)
        )
        limit = "" if n is None else f" LIMIT {max(0, int(n))}"
        cursor = default_connection().cursor()
        interrupt = cursor.interrupt
        soft_limit.interrupts.append(interrupt)
        try:
            found = cursor.execute(f"SELECT {selected} FROM {duck.reader([self.path])}{limit}").fetchall()  # noqa: S608
        finally:
            if interrupt in soft_limit.interrupts:
                soft_limit.interrupts.remove(interrupt)
            cursor.close()
        utc = datetime.timezone.utc  # noqa: UP017 datetime.UTC came with Python 3.11
        if zoned or whole:
            found = [
                tuple(
                    value
                    if value is None
                    else value.replace(tzinfo=utc)
                    if at in zoned
                    else int(value)
                    if at in whole
                    else value
                    for at, value in enumerate(row)
                )
                for row in found
            ]
        return [dict(zip(columns, row)) for row in found]  # noqa: B905 strict costs time, and the widths are equal

    def relation(self) -> Any:
        """A relation of DuckDB's default connection, so that `duckdb.sql` can use it by its variable's name."""
        return default_connection().from_parquet(self.path)

    def arrow(self) -> Any:
        """A `pyarrow.Table`. Raises MissingPackage."""
        _need("pyarrow", "Table.arrow()")
        relation = self.relation()
        return relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.arrow()

    def df(self) -> Any:
        """A `pandas.DataFrame`. Raises MissingPackage."""
        _need("pandas", "Table.df()")
        return self.relation().df()

    def stored(self, task: Task) -> dict[str, Any]:
        """The form of this table as an output: an input that a node returns is handed on, not copied."""
        for given in (task.envelope.get("inputs") or {}).values():
            if given.get("path") == self.path:
                return {
                    "kind": "table",
                    "artifact": os.path.relpath(self.path, task.envelope["artifacts"]),
                    "schema": self.schema,
                    "row_count": self.row_count,
                    "bytes": os.stat(self.path).st_size,
                }
        raise BadOutput("The output is a Table that is no input of this node.")


_default_used = False
"""Whether the running attempt has used the default connection through a Table."""
_share: dict[str, Any] = {}


def default_connection() -> Any:
    """DuckDB's default connection, with this attempt's share of the machine."""
    global _default_used
    connection = duck.package().default_connection()
    if not _default_used:
        _default_used = True
        for name, value in _share.items():
            connection.execute(f"SET {name} = {value}")
        soft_limit.interrupts.append(connection.interrupt)
    return connection


def share(task: Task) -> None:
    """What `default_connection` is to set for the running attempt."""
    given = task.envelope.get("duckdb") or {}
    _share.clear()
    _share["temp_directory"] = duck.quote(os.path.join(task.scratch, ".duckdb"))
    if "memory_bytes" in given:
        _share["memory_limit"] = duck.quote(f"{given['memory_bytes'] // 1024}KiB")
    if "threads" in given:
        _share["threads"] = str(given["threads"])


def forget_default(also_unused: bool) -> None:
    """Close the default connection, so that the next attempt finds none of this one's tables and settings.

    `also_unused`: even if no Table has used it, for the author's code may have.
    """
    global _default_used
    if _default_used or also_unused:
        _default_used = False
        duck.package().default_connection().close()


def store(value: Any, task: Task) -> dict[str, Any] | None:
    """Store a relation, an Arrow table or a DataFrame as a Parquet artifact; its stored form.

    None: `value` is not a table. Raises MissingPackage, BadOutput and what DuckDB raises while it runs the query.
    """
    share(task)
    kind = type(value).__name__
    package = type(value).__module__.partition(".")[0]
    if package in ("duckdb", "_duckdb"):
        if kind == "DuckDBPyConnection":
            raise BadOutput("The output is a DuckDB connection. Return a relation: use .sql(...), not .execute(...).")
        if kind != "DuckDBPyRelation":
            return None
        return write(value, task)
    if package == "pyarrow":
        if kind not in ("Table", "RecordBatch", "RecordBatchReader"):
            return None
        if kind == "RecordBatch":
            import pyarrow  # type: ignore[import-not-found, unused-ignore]

            value = pyarrow.Table.from_batches([value])
    elif kind != "DataFrame":
        return None
    else:
        columns = [str(column) for column in value.columns]
        double = next((column for column in columns if columns.count(column) > 1), None)
        if double is not None:
            raise BadOutput(f'The output is a DataFrame with two columns "{double}". Give each a name of its own.')
        if not columns:
            raise BadOutput("The output is a DataFrame without columns.")
    connection = default_connection()
    try:
        if package == "pandas":
            relation = connection.from_df(value)
        else:
            relation = connection.from_arrow(value if package == "pyarrow" else value.to_arrow())
    except duck.package().Error as error:
        raise BadOutput(f"The output, a {package} {kind}, is no table that can be stored: {error}") from None
    return write(relation, task)


def write(relation: Any, task: Task) -> dict[str, Any]:
    """Run a relation of the author's into a Parquet artifact; its stored form."""
    columns, types = list(relation.columns), [str(one) for one in relation.types]
    if not columns:
        raise BadOutput("The output is a table without columns.")
    if any(_WIDE.fullmatch(one) for one in types):
        relation = relation.project(", ".join(_narrowed(columns, columns, types)))
    staged = task.artifacts.stage(task.claim, ".parquet")
    try:
        relation.write_parquet(staged, compression="zstd", overwrite=True)
        return adopt(staged, task, default_connection().cursor())
    except duck.package().OutOfMemoryException:
        raise
    except duck.package().Error as error:
        # Its rows are computed only here, where no line of the author's code runs any more.
        raise SqlError(f"The relation that was returned fails when its rows are read.\n{error}") from None
    finally:
        task.artifacts.discard(task.claim)


def write_query(
    connection: Any,
    sql: str,
    parameters: dict[str, Any] | None,
    staged: str,
    task: Task,
    inspect: Callable[[list[str]], None] | None = None,
) -> dict[str, Any]:
    """Run one query into the Parquet file `staged`, which `connection` may write, and make it an artifact.

    `inspect` sees the names of the columns before the query runs, and may raise. In what DuckDB raises, line
    numbers are one too high: the query begins on a line of its own.
    """
    described = connection.execute(f"DESCRIBE\n{sql}", parameters).fetchall()
    columns, types = [row[0] for row in described], [row[1] for row in described]
    if inspect is not None:
        inspect(columns)
    if any(_WIDE.fullmatch(one) for one in types):
        places = [f"c{at}" for at in range(len(columns))]
        narrowed = ", ".join(_narrowed(places, columns, types))
        selected = f"SELECT {narrowed} FROM (\n{sql}\n) AS t({', '.join(places)})"  # noqa: S608 names are quoted
    else:
        selected = f"\n{sql}\n"
    # No second name while it is written: the connection may open only this one.
    options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
    try:
        connection.execute(f"COPY ({selected}) TO {duck.quote(staged)} ({options})", parameters)
        return adopt(staged, task, connection)
    finally:
        task.artifacts.discard(task.claim)


def _narrowed(sources: list[str], columns: list[str], types: list[str]) -> list[str]:
    """Select list in which 128-bit integers are decimals.

    Parquet has no such integers, and DuckDB would write doubles: sum() of whole numbers would lose its last digits.
    """
    return [
        f"CAST({duck.name(source)} AS DECIMAL(38, 0)) AS {duck.name(column)}"
        if _WIDE.fullmatch(kind)
        else f"{duck.name(source)} AS {duck.name(column)}"
        for source, column, kind in zip(sources, columns, types)  # noqa: B905
    ]


def adopt(staged: str, task: Task, connection: Any) -> dict[str, Any]:
    """Make a staged Parquet file an artifact; its stored form. `connection` may read the file."""
    schema, row_count = shape(staged, connection)
    if len(json.dumps(schema)) > SCHEMA_BYTES_MAX:
        raise BadOutput(
            f"The table has {len(schema):,} columns, and their names and types take more than "
            f"{SCHEMA_BYTES_MAX:,} bytes. Turn columns into rows, for instance with unpivot."
        )
    size = os.stat(staged).st_size
    name = task.artifacts.adopt(staged, ".parquet")
    return {
        "kind": "table",
        "artifact": name,
        "schema": schema,
        "row_count": row_count,
        "bytes": size,
        "ports": ["out"],
    }


def shape(path: str, connection: Any) -> tuple[list[dict[str, str]], int]:
    """Schema, as [{name, type}], and number of rows of a Parquet file, as it will be read."""
    source = duck.reader([path])
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    count = connection.execute(f"SELECT count(*) FROM {source}").fetchone()[0]  # noqa: S608
    return [{"name": row[0], "type": row[1]} for row in described], count


def _need(package: str, what: str) -> None:
    try:
        __import__(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingPackage(
            f"{what} needs the package {package}, which is not installed in {python_name()}. "
            "Install it there, or use .rows() or .relation()."
        ) from None
