"""The parts of `manage.py bench`: modules by name, imported on use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's options for a part."""

    folder: Path
    """Folder for files of the measurement; deleted afterwards."""
    repeat: int
    only: Sequence[str]
    """Texts of which a case's name must contain one; empty: all cases."""
    minutes: float
    """Duration of measurements that watch something."""
    database: str
    """URL of a PostgreSQL server on which databases can be created; empty: SQLite."""
    progress: Callable[[str], None]
    """Prints what is being measured."""
    runs: int = 0
    """Number of finished runs to create; 0: the part's default."""
    keep: str = ""
    """Name of a database that is kept and used again; empty: a temporary one."""

    def includes(self, name: str) -> bool:
        return not self.only or any(text in name for text in self.only)


class Part(Protocol):
    """A module that measures something. One that supports PostgreSQL has `POSTGRESQL = True`."""

    def measure(self, options: Options) -> dict[str, Any]:
        """Return the report as one JSON object. Raises Missing."""

    def lines(self, report: dict[str, Any]) -> list[str]:
        """Return the report for people."""


class Missing(Exception):
    """Something that a part needs is missing on this machine. The text says what to install."""


_MODULES = {
    "celery": "celery_nodes",
    **{name: name for name in ("history", "idle", "live", "load", "page", "paint", "recovery", "remote")},
}


def supports_postgresql(part: Part) -> bool:
    """Return whether a part supports `Options.database`."""
    return bool(getattr(part, "POSTGRESQL", False))


def names() -> list[str]:
    return sorted(_MODULES)


def find(name: str) -> Part:
    return cast(Part, import_module(f"tests.bench.{_MODULES[name]}"))
