"""Groups of the channel layer and the hints that go to them: "look", never what is to be seen.

A layer may drop, repeat and delay them. Only samples travel in a hint, for they may be lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

OVERVIEW: Final = "overview"


def run(pk: int) -> str:
    """Name of the group of all who watch this run."""
    return f"run.{pk}"


def moved(seq: int) -> dict[str, Any]:
    """The run has an event `seq`."""
    return {"type": "run.moved", "seq": seq}


def sampled(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """New measurements of the run's nodes."""
    return {"type": "run.sampled", "samples": list(samples)}


def overview_moved(at: float) -> dict[str, Any]:
    """Something that the overview shows was different at the unix time `at`."""
    return {"type": "overview.moved", "at": at}
