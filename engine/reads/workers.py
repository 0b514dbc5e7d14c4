"""Workers: who runs attempts, what each runs now, and the wish that one takes no more.

In the embedded form there is one, the scheduler's own node processes; in the scaled form each Celery worker's host.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from engine.database.heartbeat import LEASE_SECONDS, is_alive
from engine.errors import NotFound, WrongState
from engine.models import Host, Leader
from engine.models.conditions import running_attempts
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.shapes import iso, optional_micros
from engine.states import HostReason, ended_silently

LOCAL = "local"
"""The worker of the embedded form."""
STATES = ("active", "draining", "lost")
LOST_HOURS = 24
"""For how long a worker is listed that was lost and did not come back."""


def workers() -> list[dict[str, Any]]:
    """The contract's workers, by name; those that ended in order are left out."""
    found = [*_local(), *_hosts()]
    running: dict[str, list[dict[str, Any]]] = {one["name"]: [] for one in found}
    if found:
        rows = running_attempts().order_by("started_at", "id")
        for worker, run, workflow, node, number, pid, since in rows.values_list(
            "worker", "run_id", "run__workflow", "node", "number", "pid", "started_at"
        ):
            # The process's place on its host follows the last slash.
            name = worker.rpartition("/")[0]
            if name in running:
                running[name].append(
                    {"run": str(run), "workflow": workflow, "node": node, "attempt": number, "pid": pid or None,
                     "since": iso(optional_micros(since))}
                )  # fmt: skip
    for one in found:
        one["running"] = running[one["name"]]
        one["busy"] = min(one["capacity"], len({attempt["pid"] for attempt in one["running"]}))
        one["load"] = round(one["busy"] / one["capacity"], 3) if one["capacity"] else 0.0
    return sorted(found, key=lambda one: str(one["name"]))


def counted(beat_age: float | None) -> dict[str, int]:
    """How many workers are in each state: {active, draining, lost}. `beat_age`: of the scheduler, which on one host is
    all that there is to know."""
    if settings.INTERLOCK.executor == "local":
        states = [] if beat_age is None else ["active" if is_alive(beat_age) else "lost"]
    else:
        states = [one["state"] for one in _hosts()]
    return {state: states.count(state) for state in STATES}


def worker(name: str) -> dict[str, Any]:
    """The contract's worker. Raises NotFound."""
    for one in workers():
        if one["name"] == name:
            return one
    raise NotFound.worker(name)


def drain(name: str) -> dict[str, Any]:
    """Have a worker finish what it runs and take no more, until `resume` or its next start; the worker.

    Raises NotFound, and WrongState for one that drains already, is lost, or is the scheduler's own.
    """
    found = worker(name)
    if name == LOCAL:
        message = _(
            "The scheduler's own node processes cannot be drained. Stop Interlock instead, or run Celery workers with "
            "INTERLOCK_EXECUTOR=celery."
        )
        raise WrongState(Sentence(message), worker=name)
    if found["state"] == "active":
        if Host.objects.filter(name=name, state="active").update(state="draining", reason=HostReason.DRAIN_REQUESTED):
            return {**found, "state": "draining"}
        found = worker(name)
    message = _('Worker "{worker}" cannot be drained: {why}.')
    raise WrongState(Sentence(message, {"worker": name, "why": _why(found)}), worker=name)


def resume(name: str) -> dict[str, Any]:
    """Have a worker that drains because it was asked to take work again; the worker.

    Raises NotFound, and WrongState for one that is active, lost, being stopped, or of another release.
    """
    found = worker(name)
    if found["state"] == "draining" and not found["stopping"]:
        if Host.objects.filter(name=name, state="draining", reason=HostReason.DRAIN_REQUESTED).update(
            state="active", reason=""
        ):
            return {**found, "state": "active"}
        found = worker(name)
    message = _('Worker "{worker}" cannot be resumed: {why}.')
    raise WrongState(Sentence(message, {"worker": name, "why": _why(found)}), worker=name)


def _why(found: dict[str, Any]) -> Sentence:
    if found["other_release"]:
        return Sentence(_("it runs another release than the scheduler"))
    if found["state"] == "draining":
        return Sentence(_("it is being stopped") if found["stopping"] else _("it is already draining"))
    return Sentence(_("it is lost") if found["state"] == "lost" else _("it is accepting work"))


def _local() -> list[dict[str, Any]]:
    if settings.INTERLOCK.executor != "local":
        return []
    leader = Leader.seen()
    if leader is None or leader.beat_at is None or leader.silent is None:
        return []
    age = leader.silent.total_seconds()
    return [
        {
            "name": LOCAL,
            "host": leader.host,
            "pid": leader.pid,
            "queues": None,
            "capacity": settings.INTERLOCK.processes,
            "state": "active" if is_alive(age) else "lost",
            "stopping": False,
            "other_release": False,
            "beat_at": iso(optional_micros(leader.beat_at)),
            "silent_seconds": round(max(0.0, age), 1),
        }
    ]


def _hosts() -> list[dict[str, Any]]:
    """The newest life of each."""
    rows = (
        Host.objects.annotate(silent=Now() - F("beat_at"))
        .filter(beat_at__gt=Now() - timedelta(hours=LOST_HOURS))
        .order_by("id")
        .values_list("name", "queues", "capacity", "state", "reason", "beat_at", "load", "silent")
    )
    lives = {row[0]: row for row in rows}
    if not lives:
        return []
    found = []
    for name, queues, capacity, state, reason, beat_at, load, silent in lives.values():
        seconds = max(0.0, silent.total_seconds())
        if state == "gone" and not ended_silently(reason):
            continue
        found.append(
            {
                "name": name,
                "host": name.rpartition("@")[2],
                "pid": load.get("pid"),
                "queues": queues,
                "capacity": capacity,
                "state": "lost" if state == "gone" or seconds > LEASE_SECONDS else state,
                "stopping": state == "draining" and reason == HostReason.STOPPING,
                "other_release": state == "draining" and reason == HostReason.OTHER_RELEASE,
                "beat_at": iso(optional_micros(beat_at)),
                "silent_seconds": round(seconds, 1),
            }
        )
    return found
