"""Modules that must be prepared for an attempt, when it imports them: they are large, and most attempts do without."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _Finder:
    """Finds the modules that something waits for as the interpreter would, and calls that after they have run."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[], object]] = {}
        self.path = list(sys.path)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        action = self.waiting.get(name)
        if action is None:
            return None
        # Not what the author may have put before it: the engine needs these very modules.
        spec = PathFinder.find_spec(name, self.path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                action()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_finder = _Finder()
sys.meta_path.insert(0, _finder)


def when_imported(name: str, action: Callable[[], object]) -> None:
    """Call `action` as soon as the standard module `name` is imported, now when it is already."""
    _finder.waiting[name] = action
    if name in sys.modules:
        action()
