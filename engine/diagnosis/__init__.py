"""Why a run is as it is: facts from the database (facts.py), pure rules that make findings of them.

A finding names its cause, the evidence it rests on, and the calls that help. Nothing here writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.diagnosis.finding import Diagnosis

if TYPE_CHECKING:
    from engine.models import Run

__all__ = ["Diagnosis", "diagnose"]


def diagnose(run: Run, *, node: str | None = None) -> Diagnosis:
    """Why `run` is as it is, or what concerns one node of it, then also what is in order. Raises NotFound."""
    # Pure modules of this package are read where no Django is set up.
    from engine.diagnosis import gather, rules

    return rules.diagnosis(gather.gather(run, node))
