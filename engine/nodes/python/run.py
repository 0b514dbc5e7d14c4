"""Runs `def main(inputs, ctx)` of the node's own code."""

from __future__ import annotations

import linecache
import sys
import types

from engine.worker.errors import BadConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from engine.worker.task import Task

CACHED_MAX = 64
_compiled: dict[tuple[str, str], CodeType] = {}


def run(task: Task) -> Any:
    source: str = task.config["code"]
    filename = task.filename
    # So that tracebacks and stacks show the text of the line.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = types.ModuleType(f"node_{task.node}", None)
    # Pickle, dataclasses and inspect look a class' module up by its name. It goes with the attempt.
    sys.modules[module.__name__] = module
    exec(_compile(source, filename), module.__dict__)  # noqa: S102 running the code of editors is the product
    main = module.__dict__.get("main")
    if not callable(main):
        raise BadConfig("The code defines no function main(inputs, ctx). Add one; what it returns is the output.")
    return main(task.inputs, task.ctx)


def _compile(source: str, filename: str) -> CodeType:
    key = (filename, source)
    code = _compiled.get(key)
    if code is None:
        code = compile(source, filename, "exec", dont_inherit=True)
        if len(_compiled) >= CACHED_MAX:
            del _compiled[next(iter(_compiled))]
        _compiled[key] = code
    return code
