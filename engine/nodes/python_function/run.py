"""Calls `function(inputs, ctx, **args)` of an installed package."""

from __future__ import annotations

from importlib import import_module

from engine.worker.errors import BadConfig, python_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.worker.task import Task


def run(task: Task) -> Any:
    function = find(task.config["function"])
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    if code is not None:
        task.filename = code.co_filename
    return function(task.inputs, task.ctx, **(task.config.get("args") or {}))


def may_use_duckdb(config: dict[str, Any]) -> bool:
    """Return True: the function's code is not known, so it may use DuckDB's default connection."""
    return True


def find(path: str) -> Callable[..., Any]:
    """Return the callable at a dotted path: a module, then attributes. Raises BadConfig if a part is missing."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            value: Any = import_module(name)
        except ModuleNotFoundError as error:
            # The module exists but imports a missing one. The author needs that error.
            if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
                raise
            continue
        for part in parts[length:]:
            try:
                value = getattr(value, part)
            except AttributeError:
                missing = ".".join(parts[length:])
                raise BadConfig(f'"{path}": the module {name} has no attribute {missing}.') from None
        if not callable(value):
            raise BadConfig(f'"{path}" is a {type(value).__name__}, not a function.')
        return value  # type: ignore[no-any-return]
    raise BadConfig(
        f'"{path}": {python_name()} has no module {".".join(parts[:-1]) or path}. Install its package there.'
    )
