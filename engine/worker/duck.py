"""DuckDB connections that can do only what they were opened for.

DuckDB is imported only when a table is used, because the import takes about 90 ms and 60 MiB.
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
_import_bytes = 0
"""Memory that importing DuckDB took, until `take_import_bytes` is called."""
running: dict[int, tuple[Any, str, str]] = {}
"""Connection, statement and file of the queries that run now, for who asks for the stacks of this process."""


def package() -> ModuleType:
    """Return the module `duckdb`. Raises MissingPackage."""
    global _module, _import_bytes
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
        # The first database loads more, which stays loaded.
        duckdb.connect(":memory:").close()
        _module = duckdb
        _import_bytes += max(0, resident_bytes() - before)
    return _module


def take_import_bytes() -> int:
    """Return the memory that importing DuckDB took since the last call."""
    global _import_bytes
    taken, _import_bytes = _import_bytes, 0
    return taken


def connect(
    *,
    paths: Iterable[str] = (),
    folders: Iterable[str] = (),
    memory_bytes: int = MEMORY_BYTES,
    threads: int = 1,
    temporary: str | None = None,
) -> Any:
    """Return a connection to a new database in memory, which can open only `paths` and files in `folders`.

    Its SQL sees no Python variables and loads no extensions. `temporary`: the folder for data that does not fit in
    memory; None to write nothing to disk. Call `lock` when the connection is set up.
    """
    connection = package().connect(":memory:", config={"python_enable_replacements": "false"})
    settings = {
        "allowed_paths": _list(paths),
        "allowed_directories": _list(folders),
        "memory_limit": quote(f"{max(memory_bytes, 32 * 1024 * 1024) // 1024}KiB"),
        "threads": str(max(1, threads)),
        "temp_directory": quote(temporary or ""),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "TimeZone": "'UTC'",
        "enable_external_access": "false",
        # Only then DuckDB counts how far a query is.
        "enable_progress_bar": "true",
        "enable_progress_bar_print": "false",
    }
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")
    return connection


def for_task(envelope: dict[str, Any], paths: Iterable[str] = ()) -> Any:
    """Return a connection with the attempt's share of the machine and its folder for temporary data."""
    share = envelope.get("duckdb") or {}
    return connect(
        paths=paths,
        memory_bytes=share.get("memory_bytes", MEMORY_BYTES),
        threads=share.get("threads", 1),
        temporary=os.path.join(envelope["scratch"], ".duckdb"),
    )


def lock(connection: Any) -> Any:
    """Prevent further changes of the settings of `connection`, and return it."""
    connection.execute("SET lock_configuration = true")
    return connection


def quote(text: str) -> str:
    """Return `text` as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Return `text` as an identifier."""
    return '"' + text.replace('"', '""') + '"'


def reader(paths: Sequence[str]) -> str:
    """Return SQL for the rows of Parquet files."""
    return f"read_parquet({_list(paths)})"


def _list(texts: Iterable[str]) -> str:
    return "[" + ", ".join(quote(text) for text in texts) + "]"
