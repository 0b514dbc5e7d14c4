"""The parts of `manage.py bench`: modules by name, imported when one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked of a part on the command line."""

    folder: Path
    """For whatever it makes; removed afterwards."""
    repeat: int
    only: Sequence[str]
    """Texts of which a case's name must contain one; empty: all cases."""
    minutes: float
    """How long a measurement goes on that needs time."""
    database: str
    """Address of a PostgreSQL server on which databases may be made; empty: SQLite."""
    say: Callable[[str], None]
    """Tells what is measured now, for who waits."""
    runs: int = 0
    """How many finished runs there are before; 0: as many as the part makes by itself."""
    keep: str = ""
    """Name of a database that stays and is used again; empty: one that is dropped."""

    def wants(self, name: str) -> bool:
        return not self.only or any(text in name for text in self.only)


class Part(Protocol):
    """A module that measures something. One that can do so on PostgreSQL has `POSTGRESQL = True`."""

    def measure(self, wish: Wish) -> dict[str, Any]:
        """The report: one JSON object. Raises Missing."""

    def lines(self, report: dict[str, Any]) -> list[str]:
        """The report for people."""


class Missing(Exception):
    """What a part needs is not on this machine; the text says what to install."""


_MODULES = {
    "celery": "scaled",
    **{name: name for name in ("history", "idle", "live", "load", "page", "paint", "recovery", "remote")},
}


def on_postgresql(part: Part) -> bool:
    """Whether a part takes `Wish.database`."""
    return bool(getattr(part, "POSTGRESQL", False))


def names() -> list[str]:
    return sorted(_MODULES)


def find(name: str) -> Part:
    return cast(Part, import_module(f"tests.bench.{_MODULES[name]}"))
