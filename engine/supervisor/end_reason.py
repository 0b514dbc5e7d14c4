"""Why a node process is being ended."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Cause(Enum):
    KILLED = auto()
    """One of its attempts was killed."""
    CHILDREN_LEFT = auto()
    """Its attempt ended but left child processes."""
    DIED = auto()
    """It ended by itself."""
    RETIRED = auto()
    """It is used up or not needed any more."""
    STOPPED = auto()
    """The supervisor stops."""
    CHANNEL_BROKEN = auto()
    """It sent something that is no frame, or closed its pipe."""
    UNRESPONSIVE = auto()
    """It did not start the work that it was sent."""
    NOT_READY = auto()
    """It did not become ready in time."""


FAULTY = frozenset({Cause.DIED, Cause.CHANNEL_BROKEN, Cause.UNRESPONSIVE, Cause.NOT_READY})
"""Causes that are the process's fault: work that it has not started counts as a failed start."""


@dataclass(slots=True)
class EndReason:
    cause: Cause
    claim: str | None = None
    """The attempt that is meant; others in the process are interrupted."""
    state: str = "lost"
    """The state of that attempt, or of all, unless something else is known about it."""
    error: dict[str, Any] | None = None
