"""DuckDB in node processes: a connection that can do nothing but what it was opened for.

The module is loaded only when a table is really touched: loading DuckDB takes some 90 ms and 60 MiB.
"""

from __future__ import annotations

import os
import sys

from engine.worker.baseline import resident_bytes
from engine.worker.errors import MissingPackage, python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
_module: ModuleType | None = None
_taken = 0


def package() -> ModuleType:
    """The module `duckdb`. Raises MissingPackage."""
    global _module, _taken
    if _module is None:
        before = resident_bytes()
        try:
            import duckdb
        except ModuleNotFoundError as error:
            if error.name not in ("duckdb", "_duckdb"):
                raise
            raise MissingPackage(
                f"Tables need the package duckdb, which is not installed in {python_name()}. "
                f"Install it there: {sys.executable} -m pip install duckdb"
            ) from None
        # The first database also loads what stays loaded.
        duckdb.connect(":memory:").close()
        _module = duckdb
        _taken += max(0, resident_bytes() - before)
    return _module


def taken_bytes() -> int:
    """Memory that loading DuckDB took in this process, told once."""
    global _taken
    taken, _taken = _taken, 0
    return taken


def connect(
    *,
    paths: Iterable[str] = (),
    folders: Iterable[str] = (),
    memory_bytes: int = MEMORY_BYTES,
    threads: int = 1,
    temporary: str | None = None,
) -> Any:
    """A connection to an own database in memory that opens only `paths` and what is in `folders`.

    No Python variable is seen by its SQL, no extension is loaded, nothing else is read or written. `temporary`:
    folder for what does not fit in memory; None: nothing is put on disk. Call `lock` when all is set up.
    """
    connection = package().connect(":memory:", config={"python_enable_replacements": "false"})
    wanted = {
        "allowed_paths": _listed(paths),
        "allowed_directories": _listed(folders),
        "memory_limit": quote(f"{max(memory_bytes, 32 * 1024 * 1024) // 1024}KiB"),
        "threads": str(max(1, threads)),
        "temp_directory": quote(temporary or ""),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "TimeZone": "'UTC'",
        "enable_external_access": "false",
    }
    for name, value in wanted.items():
        connection.execute(f"SET {name} = {value}")
    return connection


def for_task(envelope: dict[str, Any], paths: Iterable[str] = ()) -> Any:
    """`connect` with the share of the machine that an attempt has; it spills into the attempt's folder."""
    share = envelope.get("duckdb") or {}
    return connect(
        paths=paths,
        memory_bytes=share.get("memory_bytes", MEMORY_BYTES),
        threads=share.get("threads", 1),
        temporary=os.path.join(envelope["scratch"], ".duckdb"),
    )


def lock(connection: Any) -> Any:
    """Make the settings of `connection` final."""
    connection.execute("SET lock_configuration = true")
    return connection


def quote(text: str) -> str:
    """`text` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """`text` as an identifier."""
    return '"' + text.replace('"', '""') + '"'


def reader(paths: Sequence[str]) -> str:
    """SQL for the rows of Parquet files."""
    return f"read_parquet({_listed(paths)})"


def _listed(texts: Iterable[str]) -> str:
    return "[" + ", ".join(quote(text) for text in texts) + "]"
