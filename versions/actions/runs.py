"""Commands of people on runs and nodes: the engine's actions, each with its audit entry in the same transaction.

The engine has no audit log, so pages, API and commands call these.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from engine.actions import deletion
from engine.actions import runs as engine_runs
from engine.models import Run
from engine.states import RUN_TERMINAL
from versions.actions import audit


def cancel(run: Run, *, by: str, reason: str = "") -> Run:
    """Request the cancellation of a run with all its nodes. Raises WrongState if it has ended."""
    with transaction.atomic():
        engine_runs.cancel(run, by=by)
        audit.record("run_cancelled", by=by, workflow=run.workflow, run=run.pk, reason=reason)
    return run


def retry(
    run: Run,
    *,
    nodes: Sequence[str] | None = None,
    from_: str = "checkpoint",
    policy: Mapping[str, Mapping[str, Any]] | None = None,
    by: str,
) -> Run:
    """Request another attempt of nodes; without `nodes`, of all that failed, timed out or were cancelled.

    Raises WrongState, NotFound (a node), InvalidValue (the policy).
    """
    with transaction.atomic():
        engine_runs.retry(run, nodes=nodes, from_=from_, policy=policy, by=by)
        details = {"nodes": list(nodes) if nodes is not None else None, "from": from_, "policy": policy or {}}
        audit.record("run_retried", by=by, workflow=run.workflow, run=run.pk, details=details)
    engine_runs.wait_until_taken_up(run)
    return run


def cancel_node(run: Run, node: str, *, by: str, reason: str = "") -> Run:
    """Request the cancellation of one node. Raises NotFound, WrongState if it has ended."""
    with transaction.atomic():
        engine_runs.cancel_node(run, node, by=by)
        audit.record("node_cancelled", by=by, workflow=run.workflow, run=run.pk, node=node, reason=reason)
    return run


def skip_node(run: Run, node: str, *, output: str | None = None, by: str, reason: str = "") -> Run:
    """Request that the run continues without one node. `output`: what it hands on, null or `empty_table`.

    Raises NotFound, InvalidValue if no schema of its table is known, WrongState if it succeeded or is skipped.
    """
    # Before the transaction, because it may upload the table.
    stored = engine_runs.skip_output(run, node, output)
    details = {"output": output}
    with transaction.atomic():
        engine_runs.skip_node(run, node, output=stored, by=by)
        audit.record(
            "node_skipped", by=by, workflow=run.workflow, run=run.pk, node=node, reason=reason, details=details
        )
    if run.state in RUN_TERMINAL:
        engine_runs.wait_until_taken_up(run, "skip")
    return run


def retry_node(
    run: Run, node: str, *, from_: str = "checkpoint", policy: Mapping[str, Any] | None = None, by: str
) -> Run:
    """Request another attempt of one node. A current attempt is ended first. Raises the errors of `retry`."""
    with transaction.atomic():
        engine_runs.retry_node(run, node, from_=from_, policy=policy, by=by)
        details = {"from": from_, "policy": dict(policy or {})}
        audit.record("node_retried", by=by, workflow=run.workflow, run=run.pk, node=node, details=details)
    engine_runs.wait_until_taken_up(run)
    return run


def delete(run: Run, *, by: str) -> None:
    """Delete an ended run with its outputs and logs. Raises WrongState if it has not ended."""
    with transaction.atomic():
        audit.record(
            "run_deleted",
            by=by,
            workflow=run.workflow,
            run=run.pk,
            details={"state": run.state, "version": run.version},
        )
        deletion.delete(run)
