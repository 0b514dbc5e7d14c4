"""The lock of a workflow, taken first by whatever publishes, deploys, rolls back, launches or deletes."""

from engine.errors import NotFound
from versions.errors import Archived
from versions.models import Workflow


def lock(workflow: Workflow) -> Workflow:
    """Lock the workflow's row and return it fresh. Must be called first in a transaction.

    On PostgreSQL the row lock makes others wait. SQLite silently ignores the lock clause; there every transaction is
    IMMEDIATE, so it is the only writer. Raises NotFound if the workflow was deleted meanwhile.
    """
    try:
        return Workflow.objects.select_for_update().get(pk=workflow.pk)
    except Workflow.DoesNotExist:
        raise NotFound.workflow(workflow.slug) from None


def lock_for_run(slug: str) -> None:
    """Let nobody delete or archive a workflow until the run is inserted. Raises NotFound, Archived."""
    row = Workflow.objects.select_for_update(no_key=True).filter(slug=slug).values_list("archived_at").first()
    if row is None:
        raise NotFound.workflow(slug)
    if row[0] is not None:
        raise Archived(slug)
