"""Tables for node code. A table is a Parquet file that DuckDB reads.

Code of authors and `Table` use DuckDB's default connection, which belongs to one attempt at a time.
"""

from __future__ import annotations

import os
import re

from engine.worker import duck, soft_limit
from engine.worker.errors import BadOutput, MissingPackage, python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INTEGER = re.compile(r"DECIMAL\(\d+,0\)")
_WITH_ZONE = "TIMESTAMP WITH TIME ZONE"


class Table:
    """An input that is a table. Other nodes use the same file: read it, never change it."""

    def __init__(self, path: str, schema: list[dict[str, str]], row_count: int) -> None:
        self.path = path
        """Parquet file."""
        self.schema = schema
        """[{name, type}], with DuckDB's names of types."""
        self.row_count = row_count

    def __repr__(self) -> str:
        columns = ", ".join(f"{column['name']} {column['type']}" for column in self.schema)
        return f"Table({self.row_count} rows: {columns})"

    def __len__(self) -> int:
        return self.row_count

    def rows(self, n: int | None = None) -> list[dict[str, Any]]:
        """Return the first `n` rows, or all, as {column: Python value}. Times with a zone are in UTC."""
        import datetime

        columns = [column["name"] for column in self.schema]
        integers = {at for at, column in enumerate(self.schema) if _INTEGER.fullmatch(column["type"])}
        with_zone = {at for at, column in enumerate(self.schema) if column["type"] == _WITH_ZONE}
        selected = ", ".join(
            f"{duck.name(column)} AT TIME ZONE 'UTC'" if at in with_zone else duck.name(column)
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
        if with_zone or integers:
            found = [
                tuple(
                    value
                    if value is None
                    else value.replace(tzinfo=utc)
                    if at in with_zone
                    else int(value)
                    if at in integers
                    else value
                    for at, value in enumerate(row)
                )
                for row in found
            ]
        return [dict(zip(columns, row)) for row in found]  # noqa: B905 strict takes time, and the widths are equal

    def relation(self) -> Any:
        """Return a relation of DuckDB's default connection, so that `duckdb.sql` finds it by its variable's name."""
        return default_connection().from_parquet(self.path)

    def arrow(self) -> Any:
        """Return a `pyarrow.Table`. Raises MissingPackage."""
        _require("pyarrow", "Table.arrow()")
        relation = self.relation()
        return relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.arrow()

    def df(self) -> Any:
        """Return a `pandas.DataFrame`. Raises MissingPackage."""
        _require("pandas", "Table.df()")
        return self.relation().df()

    def stored(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Return the stored form of this table as an output. It must be an input: the file is not copied."""
        for given in (envelope.get("inputs") or {}).values():
            if given.get("path") == self.path:
                return {
                    "kind": "table",
                    "artifact": os.path.relpath(self.path, envelope["artifacts"]),
                    "schema": self.schema,
                    "row_count": self.row_count,
                    "bytes": os.stat(self.path).st_size,
                }
        raise BadOutput("The output is a Table that is not an input of this node.")


_is_default_used = False
"""Whether the running attempt has used the default connection through this module."""
_settings: dict[str, str] = {}
"""The running attempt's share of the machine, for the default connection."""


def default_connection() -> Any:
    """Return DuckDB's default connection, with the attempt's share of the machine."""
    global _is_default_used
    connection = duck.package().default_connection()
    if not _is_default_used:
        _is_default_used = True
        for name, value in _settings.items():
            connection.execute(f"SET {name} = {value}")
        soft_limit.interrupts.append(connection.interrupt)
    return connection


def set_share(envelope: dict[str, Any]) -> None:
    """Note the attempt's share of the machine, which the default connection gets when it is used first."""
    share = envelope.get("duckdb") or {}
    _settings.clear()
    _settings["temp_directory"] = duck.quote(os.path.join(envelope.get("scratch") or "", ".duckdb"))
    if "memory_bytes" in share:
        _settings["memory_limit"] = duck.quote(f"{share['memory_bytes'] // 1024}KiB")
    if "threads" in share:
        _settings["threads"] = str(share["threads"])
    # Only then DuckDB counts how far a query is.
    _settings.update(enable_progress_bar="true", enable_progress_bar_print="false")


def close_default(*, even_if_unused: bool) -> None:
    """Close the default connection, so that the next attempt finds none of this one's tables and settings.

    `even_if_unused`: although no Table has used it, because the author's code may have.
    """
    global _is_default_used
    if _is_default_used or even_if_unused:
        _is_default_used = False
        duck.package().default_connection().close()


def _require(package: str, what: str) -> None:
    try:
        __import__(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingPackage(
            f"{what} needs the package {package}, which is not installed in {python_name()}. "
            "Install it there, or use .rows() or .relation()."
        ) from None
