"""Drain and resume workers, with entries in the audit log."""

from typing import Any

from django.db import transaction

from engine.actions import workers
from versions.actions import audit


def drain(name: str, *, by: str) -> dict[str, Any]:
    """Let a worker finish its work and accept no more. Return the worker. Raises NotFound, WrongState."""
    with transaction.atomic():
        found = workers.drain(name)
        audit.record("worker_drained", by=by, details={"worker": name})
    return found


def resume(name: str, *, by: str) -> dict[str, Any]:
    """Let a draining worker accept work again. Return the worker. Raises NotFound, WrongState."""
    with transaction.atomic():
        found = workers.resume(name)
        audit.record("worker_resumed", by=by, details={"worker": name})
    return found
