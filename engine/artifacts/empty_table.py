"""Stores tables without rows: what a node that a person skips may hand on."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from engine.artifacts import Artifacts
from engine.worker import duck, table_output


def store_empty_table(columns: Sequence[Mapping[str, str]], artifacts: Artifacts) -> dict[str, Any] | None:
    """Store a table with these columns, [{name, type}], and no rows; return its stored form.

    Returns None if DuckDB has no such type, as after a change of its release.
    """
    staged = artifacts.stage("empty", ".parquet")
    connection = duck.lock(duck.connect(paths=[staged]))
    try:
        try:
            # A node process, which the author's code can make say anything, reported the types: they must not be SQL.
            types = [str(connection.sqltype(column["type"])) for column in columns]
        except duck.package().ProgrammingError:
            return None
        listed = ", ".join(
            f"CAST(NULL AS {kind}) AS {duck.name(column['name'])}" for column, kind in zip(columns, types, strict=True)
        )
        connection.execute(f"COPY (SELECT {listed} WHERE false) TO {duck.quote(staged)} ({table_output.PARQUET})")
        return table_output.add(staged, *table_output.shape(staged, connection), artifacts)
    finally:
        connection.close()
        if os.path.lexists(staged):
            os.unlink(staged)
