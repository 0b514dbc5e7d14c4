"""Groups of the channel layer and the messages that are sent to them.

The layer may drop, repeat and delay messages. They only say where to look in the database; only samples, which may be
lost, are contained in them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

OVERVIEW: Final = "overview"


def run(pk: int) -> str:
    """Return the name of the group of all who watch this run."""
    return f"run.{pk}"


def run_moved(seq: int) -> dict[str, Any]:
    """The run has an event `seq`."""
    return {"type": "run.moved", "seq": seq}


def run_sampled(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """New samples of the run's nodes."""
    return {"type": "run.sampled", "samples": list(samples)}


def overview_moved(at: float) -> dict[str, Any]:
    """Something on the overview was different at the unix time `at`."""
    return {"type": "overview.moved", "at": at}
