"""What people wish of workers, with its entry in the audit log."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from engine.reads import workers
from versions.actions import audit


def drain(name: str, *, by: str) -> dict[str, Any]:
    """Have a worker finish and take no more; the worker. Raises NotFound, WrongState."""
    with transaction.atomic():
        found = workers.drain(name)
        audit.record("worker_drained", by=by, details={"worker": name})
    return found


def resume(name: str, *, by: str) -> dict[str, Any]:
    """Take that wish back; the worker. Raises NotFound, WrongState."""
    with transaction.atomic():
        found = workers.resume(name)
        audit.record("worker_resumed", by=by, details={"worker": name})
    return found
