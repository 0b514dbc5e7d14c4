"""The scheduler's sign of life: how often it gives one, and after what silence it counts as gone. Pure."""

from __future__ import annotations

from typing import Final

BEAT_SECONDS: Final = 6.0
"""While there is nothing else to write: a beat is then a write of its own, and an idle machine should be left alone.
Beside other writes it comes every second."""
SILENT_SECONDS: Final = 10.0
"""Leaves a beat four seconds to wait for the database's lock and disk."""
AHEAD_SECONDS: Final = 60.0
"""A beat from further in the future tells nothing: the clock was set back since. Hosts may differ by less."""


def is_alive(age: float | None) -> bool:
    """Whether a scheduler whose last beat is `age` seconds old is there; None: it never beat."""
    return age is not None and -AHEAD_SECONDS < age < SILENT_SECONDS
