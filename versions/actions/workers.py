"""What people wish of workers, with its entry in the audit log."""

from __future__ import annotations

from django.db import transaction

from engine import workers
from versions.actions import audit


def drain(name: str, *, by: str) -> None:
    """Have a worker finish and take no more. Raises NotFound, WrongState."""
    with transaction.atomic():
        workers.drain(name)
        audit.record("worker_drained", by=by, details={"worker": name})


def resume(name: str, *, by: str) -> None:
    """Take that wish back. Raises NotFound, WrongState."""
    with transaction.atomic():
        workers.resume(name)
        audit.record("worker_resumed", by=by, details={"worker": name})
