"""The first rows of the files that a node reads, in the checker process: a preview before any run."""

from __future__ import annotations

import json
from importlib import import_module

from engine.worker import duck
from engine.worker.errors import BadConfig, NoSuchFile, PathRefused
from engine.worker.paths import Roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROWS = 100
COLUMNS_MAX = 200
CELL_CHARACTERS = 300
MEMORY_BYTES = 128 * 1024 * 1024


def rows(question: dict[str, Any]) -> dict[str, Any]:
    """Return {"columns": [{name, type}], "rows": [[text or null]]} of a node's files, at most COLUMNS_MAX and ROWS.

    {"wrong": message} says why there are none. For the question see `child`.
    """
    roots = Roots.of(question)
    try:
        files = roots.to_read(question["path"])
        _format, source = import_module(question["reader"]).source_of(question["config"], files)
    except (NoSuchFile, PathRefused, BadConfig) as error:
        return {"wrong": str(error)}
    connection = duck.lock(duck.connect(paths=files, memory_bytes=MEMORY_BYTES))
    try:
        described = connection.execute(f"DESCRIBE\nFROM {source}").fetchall()[:COLUMNS_MAX]
        chosen = ", ".join(f"CAST({duck.name(column[0])} AS VARCHAR)" for column in described)
        first_rows = connection.execute(f"SELECT {chosen}\nFROM {source}\nLIMIT {ROWS}").fetchall()
    except duck.package().Error as error:
        return {"wrong": str(error).partition("\n")[0]}
    finally:
        connection.close()
    return {
        "columns": [{"name": column[0], "type": column[1]} for column in described],
        "rows": [[None if cell is None else _cut(cell) for cell in row] for row in first_rows],
    }


def _cut(text: str) -> str:
    short = text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
    # A lone surrogate cannot be sent as JSON in UTF-8.
    return json.loads(json.dumps(short)) if short.isascii() else short.encode(errors="replace").decode()
