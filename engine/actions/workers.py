"""What people do with workers. A verb changes the host's row, which the host reads with its next heartbeat."""

from typing import Any

from engine.errors import WrongState
from engine.models import Host
from engine.reads.workers import LOCAL, worker
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.states import HostReason


def drain(name: str) -> dict[str, Any]:
    """Let a worker finish what it runs and take no more work until `resume` or its next start. Return the worker.

    Raises NotFound, and WrongState if it is draining or lost, or is the scheduler's own.
    """
    found = worker(name)
    if name == LOCAL:
        message = _(
            "The scheduler's own node processes cannot be drained. Stop Interlock instead, or run Celery workers with "
            "INTERLOCK_EXECUTOR=celery."
        )
        raise WrongState(Sentence(message), worker=name)
    if found["state"] == "active":
        rows = Host.objects.filter(name=name, state="active")
        if rows.update(state="draining", reason=HostReason.DRAIN_REQUESTED):
            return {**found, "state": "draining"}
        found = worker(name)
    message = _('Worker "{worker}" cannot be drained: {why}.')
    raise WrongState(Sentence(message, {"worker": name, "why": _why(found)}), worker=name)


def resume(name: str) -> dict[str, Any]:
    """Let a worker that a person has drained take work again. Return the worker.

    Raises NotFound, and WrongState if it is active, lost, being stopped, or of another release.
    """
    found = worker(name)
    if found["state"] == "draining" and not found["stopping"]:
        rows = Host.objects.filter(name=name, state="draining", reason=HostReason.DRAIN_REQUESTED)
        if rows.update(state="active", reason=HostReason.NONE):
            return {**found, "state": "active"}
        found = worker(name)
    message = _('Worker "{worker}" cannot be resumed: {why}.')
    raise WrongState(Sentence(message, {"worker": name, "why": _why(found)}), worker=name)


def _why(found: dict[str, Any]) -> Sentence:
    """Say why this cannot be done with a worker in this state."""
    if found["other_release"]:
        return Sentence(_("it runs another release than the scheduler"))
    if found["state"] == "draining":
        return Sentence(_("it is being stopped") if found["stopping"] else _("it is already draining"))
    return Sentence(_("it is lost") if found["state"] == "lost" else _("it is accepting work"))
