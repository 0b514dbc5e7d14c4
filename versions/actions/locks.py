"""One lock per workflow: whoever publishes, deploys, rolls back, launches or deletes takes it first."""

from __future__ import annotations

from engine.errors import NotFound
from versions.models import Workflow


def lock(workflow: Workflow) -> Workflow:
    """The workflow's row, locked and fresh. Call it first in a transaction.

    On PostgreSQL the row lock makes others wait. On SQLite the lock clause does nothing, silently: there every
    transaction is IMMEDIATE, so the one that got here is the only writer. Raises NotFound when it was deleted
    meanwhile.
    """
    try:
        return Workflow.objects.select_for_update().get(pk=workflow.pk)
    except Workflow.DoesNotExist:
        raise NotFound.workflow(workflow.slug) from None
