"""Querysets that the partial indexes serve.

SQLite uses a partial index only when the query repeats the index's condition as literal text; a bound parameter,
which is what the ORM writes, proves nothing to it. A query without one of these would read all finished history.
"""

from __future__ import annotations

from django.db.models import QuerySet

from engine.models.runs import NODE_UNFINISHED, RUN_UNFINISHED, Attempt, NodeRun, Run


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def unfinished_runs() -> QuerySet[Run]:
    """Runs that are not over (index run_unfinished)."""
    return Run.objects.extra(where=[f"engine_run.state IN ({_listed(RUN_UNFINISHED)})"])  # noqa: S610 - constants


def runs_without_success() -> QuerySet[Run]:
    """Runs that did not succeed, also those that still may (index run_no_success)."""
    return Run.objects.extra(where=["NOT (engine_run.state = 'succeeded')"])


def unfinished_nodes() -> QuerySet[NodeRun]:
    """Node runs that are ready, running, waiting or retrying (index node_run_unfinished)."""
    return NodeRun.objects.extra(where=[f"engine_noderun.state IN ({_listed(NODE_UNFINISHED)})"])  # noqa: S610


def running_attempts() -> QuerySet[Attempt]:
    """Attempts that have not ended (index attempt_running)."""
    return Attempt.objects.extra(where=["engine_attempt.state = 'running'"])


def holding_nodes() -> QuerySet[NodeRun]:
    """Node runs that hold slots of a pool: sent or running (index node_run_holds)."""
    return NodeRun.objects.extra(where=["NOT (engine_noderun.claim = '')", "NOT (engine_noderun.pool = '')"])


def with_artifact() -> QuerySet[NodeRun]:
    """Node runs whose output is an artifact (index node_run_artifact)."""
    return NodeRun.objects.extra(where=["NOT (engine_noderun.artifact = '')"])
