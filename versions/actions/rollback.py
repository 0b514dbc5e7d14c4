"""Roll back: put an earlier version live at once, with a reason."""

from dataclasses import dataclass

from django.db import transaction

from versions import queries
from versions.actions import audit, deploy
from versions.actions.locks import lock
from versions.errors import AlreadyLive, NothingToRollBackTo, ReasonMissing
from versions.models import AuditEntry, Deployment, Workflow


@dataclass(frozen=True)
class RolledBack:
    from_version: int
    to_version: int
    deployment: Deployment
    entry: AuditEntry


def rollback(workflow: Workflow, *, version: int | None = None, reason: str, by: str) -> RolledBack:
    """Put another version live. Active runs continue on their own version.

    Without a number, it is the version that was live before the current one. Archived workflows can be rolled back too,
    because that starts nothing. Raises ReasonMissing, AlreadyLive, NothingToRollBackTo, UnknownVersion, PoolMissing.
    """
    if not reason.strip():
        raise ReasonMissing(workflow.slug)
    with transaction.atomic():
        workflow = lock(workflow)
        live = queries.live_deployment(workflow)
        if live is None:
            raise NothingToRollBackTo(workflow.slug, None)
        if version is None:
            before = queries.deployment_before(live)
            if before is None:
                raise NothingToRollBackTo(workflow.slug, live.version.number)
            target = before.version
        else:
            target = queries.version(workflow, version)
            if target.pk == live.version_id:
                raise AlreadyLive(workflow.slug, version)
        deploy.require_pools(workflow, target)
        deployment = deploy.switch(workflow, target, by=by, live=live)
        entry = audit.record(
            "rolled_back",
            by=by,
            workflow=workflow.slug,
            from_version=live.version.number,
            to_version=target.number,
            reason=reason.strip(),
            details={"colour": deployment.colour},
        )
        return RolledBack(live.version.number, target.number, deployment, entry)
