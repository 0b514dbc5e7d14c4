"""Stores a table that a node returns: as a Parquet file that becomes an artifact."""

from __future__ import annotations

import json
import os
import re

from engine.worker import duck
from engine.worker.errors import BadOutput, SqlError
from engine.worker.table import default_connection, set_share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.artifacts import Artifacts
    from engine.worker.task import Task

SCHEMA_BYTES_MAX = 1024 * 1024
"""The schema is in the envelope of every attempt that reads the table, and in the database."""
PARQUET = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"
"""How a table is written. A temporary name is not used, because the connection can open only the staged one."""
_INT128 = re.compile(r"U?HUGEINT")


def store(value: Any, task: Task) -> dict[str, Any] | None:
    """Store a relation, an Arrow table or a DataFrame as a Parquet artifact and return its stored form.

    Return None if `value` is not a table. Raises MissingPackage, BadOutput, and DuckDB's errors of the query.
    """
    set_share(task.envelope)
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
        duplicate = next((column for column in columns if columns.count(column) > 1), None)
        if duplicate is not None:
            raise BadOutput(f'The output is a DataFrame with two columns "{duplicate}". Rename one of them.')
        if not columns:
            raise BadOutput("The output is a DataFrame without columns.")
    connection = default_connection()
    try:
        if package == "pandas":
            relation = connection.from_df(value)
        else:
            relation = connection.from_arrow(value if package == "pyarrow" else value.to_arrow())
    except duck.package().Error as error:
        raise BadOutput(f"The output, a {package} {kind}, cannot be stored as a table: {error}") from None
    return write(relation, task)


def write(relation: Any, task: Task) -> dict[str, Any]:
    """Run the author's relation, store its rows as a Parquet artifact, and return the stored form."""
    columns, types = list(relation.columns), [str(one) for one in relation.types]
    if not columns:
        raise BadOutput("The output is a table without columns.")
    if any(_INT128.fullmatch(one) for one in types):
        relation = relation.project(", ".join(_as_decimals(columns, columns, types)))
    staged = task.artifacts.stage(task.claim, ".parquet")
    try:
        relation.write_parquet(staged, compression="zstd", overwrite=True)
        return adopt(staged, task, default_connection().cursor())
    except duck.package().OutOfMemoryException:
        raise
    except duck.package().Error as error:
        # Its rows are computed only now, after the author's code has returned, so the error has no line.
        raise SqlError(f"The relation that was returned failed when its rows were read.\n{error}") from None
    finally:
        task.artifacts.discard(task.claim)


def write_query(
    connection: Any,
    sql: str,
    parameters: dict[str, Any] | None,
    staged: str,
    task: Task,
    inspect: Callable[[list[str]], None] | None = None,
    after: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Run a query into the Parquet file `staged`, which `connection` may write, and make it an artifact.

    `inspect` is called with the names of the columns before the query runs, `after` when its rows are written; both may
    raise. Line numbers in DuckDB's
    errors are one too high, because the query begins on the second line.
    """
    described = connection.execute(f"DESCRIBE\n{sql}", parameters).fetchall()
    columns, types = [row[0] for row in described], [row[1] for row in described]
    if inspect is not None:
        inspect(columns)
    if any(_INT128.fullmatch(one) for one in types):
        places = [f"c{at}" for at in range(len(columns))]
        narrowed = ", ".join(_as_decimals(places, columns, types))
        selected = f"SELECT {narrowed} FROM (\n{sql}\n) AS t({', '.join(places)})"  # noqa: S608 names are quoted
    else:
        selected = f"\n{sql}\n"
    try:
        duck.running[id(connection)] = connection, sql, staged
        connection.execute(f"COPY ({selected}) TO {duck.quote(staged)} ({PARQUET})", parameters)
        if after is not None:
            after()
        return adopt(staged, task, connection)
    finally:
        duck.running.pop(id(connection), None)
        task.artifacts.discard(task.claim)


def _as_decimals(sources: list[str], columns: list[str], types: list[str]) -> list[str]:
    """Return a SELECT list in which 128-bit integers are decimals.

    Parquet has no such integers, and DuckDB would write doubles: a sum() of integers would lose its last digits.
    """
    return [
        f"CAST({duck.name(source)} AS DECIMAL(38, 0)) AS {duck.name(column)}"
        if _INT128.fullmatch(kind)
        else f"{duck.name(source)} AS {duck.name(column)}"
        for source, column, kind in zip(sources, columns, types)  # noqa: B905
    ]


def adopt(staged: str, task: Task, connection: Any) -> dict[str, Any]:
    """Make a staged Parquet file an artifact and return its stored form. `connection` may read the file."""
    schema, row_count = shape(staged, connection)
    if len(json.dumps(schema)) > SCHEMA_BYTES_MAX:
        raise BadOutput(
            f"The table has {len(schema):,} columns, and their names and types take more than "
            f"{SCHEMA_BYTES_MAX:,} bytes. Turn columns into rows, for example with UNPIVOT."
        )
    return add(staged, schema, row_count, task.artifacts)


def add(staged: str, schema: list[dict[str, str]], row_count: int, artifacts: Artifacts) -> dict[str, Any]:
    """Make a staged Parquet file of this `shape` an artifact and return its stored form."""
    size = os.stat(staged).st_size
    name = artifacts.add_staged(staged, ".parquet")
    return {
        "kind": "table",
        "artifact": name,
        "schema": schema,
        "row_count": row_count,
        "bytes": size,
        "ports": ["out"],
    }


def shape(path: str, connection: Any) -> tuple[list[dict[str, str]], int]:
    """Return the schema, as [{name, type}], and the number of rows of a Parquet file, as it will be read."""
    source = duck.reader([path])
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    count = connection.execute(f"SELECT count(*) FROM {source}").fetchone()[0]  # noqa: S608
    return [{"name": row[0], "type": row[1]} for row in described], count
