"""The audit log: who did what, when and why. Entries are written in the transaction of the change."""

from typing import Any

from django.db import transaction

from engine import clock
from engine.text import clean_text
from versions.models import AuditEntry


def record(
    action: str,
    *,
    by: str,
    workflow: str = "",
    run: int | None = None,
    node: str = "",
    from_version: int | None = None,
    to_version: int | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry. Must be called in the transaction of the change that it records, so that neither exists without
    the other."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"The audit entry {action!r} must be written in the transaction of its change.")
    return AuditEntry.objects.create(
        at=clock.now(),
        by=by,
        action=action,
        workflow=workflow,
        run=run,
        node=node,
        from_version=from_version,
        to_version=to_version,
        reason=clean_text(reason),
        details=details or {},
    )
