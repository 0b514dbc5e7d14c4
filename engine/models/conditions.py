"""Querysets that use the partial indexes.

SQLite uses a partial index only if the query repeats the index's condition as literal text; the ORM writes bound
parameters instead. A query without one of these conditions would read the whole history.
"""

from django.db.models import QuerySet

from engine.models.runs import NODE_UNFINISHED, RUN_UNFINISHED, Attempt, NodeRun, Run


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def unfinished_runs() -> QuerySet[Run]:
    """Return runs that have not ended (index run_unfinished)."""
    return Run.objects.extra(where=[f"engine_run.state IN ({_listed(RUN_UNFINISHED)})"])  # noqa: S610 - constants


def runs_without_success() -> QuerySet[Run]:
    """Return runs that have not succeeded, including unfinished ones (index run_no_success)."""
    return Run.objects.extra(where=["NOT (engine_run.state = 'succeeded')"])


def unfinished_nodes() -> QuerySet[NodeRun]:
    """Return node runs that are ready, running, waiting or retrying (index node_run_unfinished)."""
    return NodeRun.objects.extra(where=[f"engine_noderun.state IN ({_listed(NODE_UNFINISHED)})"])  # noqa: S610


def running_attempts() -> QuerySet[Attempt]:
    """Return attempts that have not ended (index attempt_running)."""
    return Attempt.objects.extra(where=["engine_attempt.state = 'running'"])


def holding_nodes() -> QuerySet[NodeRun]:
    """Return node runs that hold slots of a pool: dispatched or running (index node_run_holds)."""
    return NodeRun.objects.extra(where=["NOT (engine_noderun.claim = '')", "NOT (engine_noderun.pool = '')"])


def with_artifact() -> QuerySet[NodeRun]:
    """Return node runs whose output is an artifact (index node_run_artifact)."""
    return NodeRun.objects.extra(where=["NOT (engine_noderun.artifact = '')"])
