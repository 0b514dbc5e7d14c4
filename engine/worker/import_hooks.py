"""Calls back when an attempt imports a module that must be prepared but is too large to import for every attempt."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _CallbackFinder:
    """Finds modules as the interpreter does, and calls back after they have been executed."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[[], object]] = {}
        self.path = list(sys.path)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        callback = self.callbacks.get(name)
        if callback is None:
            return None
        # From the path at the start, or that of its package: a file of the author's must not take the module's place.
        spec = PathFinder.find_spec(name, self.path if path is None else path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                callback()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_finder = _CallbackFinder()
sys.meta_path.insert(0, _finder)


def when_imported(name: str, callback: Callable[[], object]) -> None:
    """Call `callback` when the standard module `name` is imported; at once if it is imported already."""
    _finder.callbacks[name] = callback
    if name in sys.modules:
        callback()
