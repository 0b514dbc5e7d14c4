"""The node types: the built-in ones, then those of installed packages (entry point group `interlock.nodes`).

Loading a type imports its schema module only; its `run` module is imported in node processes.
"""

import functools
import importlib
import importlib.metadata
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from engine.nodes.base import CATEGORIES, NodeType

GROUP = "interlock.nodes"
BUILT_IN = ("table_read", "table_sql", "table_write", "python", "python_function", "shell", "branch", "noop")
NOT_YET = ("http.request", "sql.query", "map", "subworkflow", "wait", "approval", "notify")
"""Types of the contract that are not available yet. A definition that uses one gets a problem of its own."""
_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """An installed package whose node types cannot be used, and the reason."""

    package: str
    entry_point: str
    reason: str

    def __str__(self) -> str:
        return f'Package "{self.package}" (entry point "{self.entry_point}"): {self.reason}'


@dataclass(frozen=True, slots=True)
class _Registry:
    types: dict[str, NodeType]
    broken: tuple[BrokenPackage, ...]
    translations: dict[str, dict[str, str]]
    """Texts of packages: {language: {English text: translation}}."""


def get(type: str) -> NodeType | None:
    """Return the node type with this name; None if there is none."""
    return _load().types.get(type)


def all_types() -> list[NodeType]:
    """Return every usable node type, built-in ones first."""
    return list(_load().types.values())


def broken_packages() -> list[BrokenPackage]:
    """Return the installed packages whose node types could not be loaded."""
    return list(_load().broken)


def describe(translate: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """Return all node types as JSON in the order of the palette; see NodeType.describe."""
    return [node_type.describe(translate) for node_type in all_types()]


def translation(text: str, language: str) -> str | None:
    """Return a package's translation of its English `text` into a language (`zh-hant`); None if there is none."""
    return _load().translations.get(language, {}).get(text)


def reload() -> None:
    """Load all types again, with packages that were installed meanwhile."""
    _load.cache_clear()


@functools.cache
def _load() -> _Registry:
    types: dict[str, NodeType] = {}
    for folder in BUILT_IN:
        node_type: NodeType = importlib.import_module(f"engine.nodes.{folder}.schema").NODE_TYPE
        types[node_type.type] = node_type
    broken: list[BrokenPackage] = []
    translations: dict[str, dict[str, str]] = {}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        package = entry.dist.name if entry.dist else entry.value
        try:
            new_types = _checked(entry.load(), types)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # a package may raise anything while it is imported, also SystemExit
            reason = str(error) if isinstance(error, _Unusable) else f"{type(error).__name__}: {error}"
            broken.append(BrokenPackage(package, entry.name, reason))
            continue
        for node_type in new_types:
            types[node_type.type] = node_type
            for language, texts in node_type.translations.items():
                translations.setdefault(language, {}).update(texts)
    return _Registry(types, tuple(broken), translations)


class _Unusable(Exception):
    """The object of an entry point is not a valid node type; the message says why."""


def _checked(offered: Any, existing: dict[str, NodeType]) -> list[NodeType]:
    """Return the node types of an entry point's object, a NodeType or an iterable of them. Raises _Unusable."""
    from engine.nodes.json_schema import ValidationError, compile_schema  # only packages need it

    node_types = [offered] if isinstance(offered, NodeType) else offered
    if not isinstance(node_types, Iterable) or isinstance(node_types, (str, bytes, dict)):
        raise _Unusable(f"it is of type {type(offered).__name__}, not a NodeType or a list of them.")
    node_types = list(node_types)
    names = set(existing)
    for item in node_types:
        if not isinstance(item, NodeType):
            raise _Unusable(f"it contains a value of type {type(item).__name__}, not only NodeTypes.")
        if not isinstance(item.type, str) or not _TYPE.match(item.type):
            raise _Unusable(f'the type "{item.type}" is not a valid name; use lowercase words joined by dots.')
        if item.type in names or item.type in NOT_YET:
            raise _Unusable(f'the type "{item.type}" already exists.')
        if item.category not in CATEGORIES:
            raise _Unusable(f'the category of "{item.type}" is "{item.category}"; use {", ".join(CATEGORIES)}.')
        try:
            compile_schema(item.config)
        except ValidationError as error:
            raise _Unusable(
                f'the config schema of "{item.type}" is not a valid JSON Schema: {error.message}'
            ) from error
        if item.config.get("type") != "object":
            raise _Unusable(f'the config schema of "{item.type}" must have "type": "object".')
        names.add(item.type)
    return node_types
