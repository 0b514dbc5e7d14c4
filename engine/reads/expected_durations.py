"""How long each node of a run usually takes, also of those that have not begun."""

from __future__ import annotations

from engine.models import NodeStat, Run
from engine.reads import queries


def expected_durations(run: Run) -> dict[str, float]:
    """{node: seconds}: what its author expects, else the median of its last successes; without either it is left out.

    What the run itself noted as a node became ready goes before this (NodeRun.expected). Two queries.
    """
    learned = dict(NodeStat.objects.filter(workflow=run.workflow, median__isnull=False).values_list("node", "median"))
    found: dict[str, float] = {}
    for node in queries.document(run).nodes:
        seconds = node.policy.expected_duration
        if seconds is None:
            seconds = learned.get(node.id)
        if seconds is not None:
            found[node.id] = seconds
    return found
