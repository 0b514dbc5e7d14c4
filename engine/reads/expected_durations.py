"""The expected duration of each node of a run, including nodes that have not started."""

from engine.models import NodeStat, Run
from engine.reads import queries


def expected_durations(run: Run) -> dict[str, float]:
    """Return {node: seconds}: what the author set, else the median of the last successes; without either it is missing.

    What the run noted when a node became ready takes precedence (NodeRun.expected). Two queries.
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
