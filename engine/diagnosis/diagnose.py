"""The diagnosis of a run."""

from engine.diagnosis import rules
from engine.diagnosis.finding import Diagnosis
from engine.diagnosis.gather import gather
from engine.models import Run


def diagnose(run: Run, *, node: str | None = None) -> Diagnosis:
    """Diagnose `run`, or one node of it. For one node, what is in order is explained too. Raises NotFound."""
    return rules.diagnosis(gather(run, node))
