"""Deploy: put a version live. Each workflow has two places, blue and green; one of them is live."""

from dataclasses import dataclass

from django.db import transaction

from engine import clock
from engine.errors import NotAvailableYet
from engine.models import Pool
from versions import queries
from versions.actions import audit
from versions.actions.locks import lock
from versions.errors import Archived, PoolMissing
from versions.models import Deployment, Workflow, WorkflowVersion

STRATEGIES = ("immediate", "blue_green", "canary")
BLUE, GREEN = "blue", "green"


@dataclass(frozen=True)
class Deployed:
    deployment: Deployment
    created: bool
    """False if that version was live already; nothing was changed."""
    replaced: Deployment | None
    """The deployment that was live before."""


def deploy(workflow: Workflow, number: int, *, by: str, strategy: str = "immediate") -> Deployed:
    """Put version `number` live: place it in the idle colour and make that colour live, in one transaction.

    Raises UnknownVersion, Archived, PoolMissing, NotAvailableYet.
    """
    if strategy != "immediate":
        raise NotAvailableYet(f"strategy {strategy}")
    with transaction.atomic():
        workflow = lock(workflow)
        if workflow.archived_at is not None:
            raise Archived(workflow.slug)
        version = queries.version(workflow, number)
        live = queries.live_deployment(workflow)
        if live is not None and live.version_id == version.pk:
            return Deployed(live, created=False, replaced=None)
        require_pools(workflow, version)
        deployment = switch(workflow, version, by=by, live=live)
        audit.record(
            "deployed",
            by=by,
            workflow=workflow.slug,
            from_version=live.version.number if live is not None else None,
            to_version=number,
            details={"strategy": strategy, "colour": deployment.colour},
        )
        return Deployed(deployment, created=True, replaced=live)


def switch(workflow: Workflow, version: WorkflowVersion, *, by: str, live: Deployment | None = None) -> Deployment:
    """Place `version` in the idle colour and make it live. The caller holds the workflow's lock and audits.

    The first live version of a workflow is blue.
    """
    now = clock.now()
    if live is not None:
        live.state, live.ended_at = "replaced", now
        live.save(update_fields=["state", "ended_at"])
    return Deployment.objects.create(
        workflow=workflow,
        version=version,
        strategy="immediate",
        colour=GREEN if live is not None and live.colour == BLUE else BLUE,
        state="live",
        by=by,
        at=now,
    )


def require_pools(workflow: Workflow, version: WorkflowVersion) -> None:
    """Refuse a version whose pools are missing or too small, because its nodes would wait forever.

    The rows are locked, so that a pool is not deleted while the version goes live. Raises PoolMissing.
    """
    named = queries.pools_named(version)
    if not named:
        return
    rows = Pool.objects.select_for_update().filter(name__in=named).order_by("id")
    sizes = {pool.name: pool.slots for pool in rows}
    for name, slots in sorted(named.items()):
        if sizes.get(name, 0) < slots:
            raise PoolMissing(workflow.slug, version.number, name, slots, sizes.get(name))
