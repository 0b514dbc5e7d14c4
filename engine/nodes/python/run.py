"""Runs `def main(inputs, ctx)` of the node's own code."""

from __future__ import annotations

import os
import sys
import types

from engine.worker.errors import BadConfig
from engine.worker.import_hooks import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from engine.worker.task import Task

CACHED_MAX = 64
_compiled: dict[str, tuple[CodeType, list[str]]] = {}
"""Source -> (compiled under the file name of the node that used it first, its lines)."""
_module_files: dict[str, tuple[str, str]] = {}
"""Name of the module of the running attempt -> (folder, source) of the file that other processes import it from."""
_linecache_entries: dict[str, tuple[int, None, list[str], str]] = {}
"""Entries of `linecache` for the source of the running attempt, by file name."""


def run(task: Task) -> Any:
    source: str = task.config["code"]
    filename = task.filename
    code, lines = _compile(source, filename)
    _linecache_entries[filename] = (len(source), None, lines, filename)
    _fill_linecache()
    module = types.ModuleType(f"node_{task.node}", None)
    # pickle, dataclasses and inspect look up the module of a class by its name.
    sys.modules[module.__name__] = module
    _module_files[module.__name__] = (os.path.join(task.envelope["scratch"], ".node"), source)
    if "multiprocessing.spawn" in sys.modules:
        _write_module()
    exec(code, module.__dict__)  # noqa: S102 running the code of editors is the product
    main = module.__dict__.get("main")
    if not callable(main):
        raise BadConfig("Define main(inputs, ctx) at the top level. Its return value is the output.")
    return main(task.inputs, task.ctx)


def may_use_duckdb(config: dict[str, Any]) -> bool:
    """Return whether the code may use DuckDB's default connection."""
    return "duckdb" in config["code"]


def forget(node: str) -> None:
    """Remove what `run` registered for the attempt."""
    _linecache_entries.clear()
    _module_files.clear()
    if linecache := sys.modules.get("linecache"):
        linecache.cache.pop(f"<{node}>", None)
    sys.modules.pop(f"node_{node}", None)


def _fill_linecache() -> None:
    """Register the source, so that tracebacks and stacks show its lines."""
    if linecache := sys.modules.get("linecache"):
        linecache.cache.update(_linecache_entries)


when_imported("linecache", _fill_linecache)


def _write_module() -> None:
    """Write the source to a file on `sys.path`. Processes that `multiprocessing` starts by spawn or forkserver get the
    same path, and import the functions that they are to call from that file."""
    for name, (folder, source) in _module_files.items():
        os.makedirs(folder, 0o700, exist_ok=True)
        with open(os.path.join(folder, f"{name}.py"), "w", encoding="utf-8") as file:
            file.write(source)
        if folder not in sys.path:
            sys.path.append(folder)


when_imported("multiprocessing.spawn", _write_module)


def _compile(source: str, filename: str) -> tuple[CodeType, list[str]]:
    entry = _compiled.get(source)
    if entry is None:
        code = compile(source, filename, "exec", dont_inherit=True)
        if len(_compiled) >= CACHED_MAX:
            del _compiled[next(iter(_compiled))]
        entry = _compiled[source] = (code, source.splitlines(keepends=True))
    code, lines = entry
    return (code if code.co_filename == filename else _renamed(code, filename)), lines


def _renamed(code: CodeType, filename: str) -> CodeType:
    """Return `code` as if it had been compiled under `filename`."""
    constants = tuple(_renamed(one, filename) if isinstance(one, types.CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=filename, co_consts=constants)
