"""Workers: which there are, their states, and what each runs now.

With INTERLOCK_EXECUTOR=local there is one, the scheduler's own node processes; with celery, each Celery worker is one.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from engine.database.heartbeat import LEASE_SECONDS, is_alive
from engine.errors import NotFound
from engine.models import Host, Leader
from engine.models.conditions import running_attempts
from engine.shapes import iso, optional_micros
from engine.states import HostReason, ended_silently

LOCAL = "local"
"""The name of the scheduler's own node processes."""
STATES = ("active", "draining", "lost")
LOST_HOURS = 24
"""How long a lost worker stays listed."""


def workers() -> list[dict[str, Any]]:
    """Return the contract's workers by name, without those that were stopped."""
    found = [*_local(), *_hosts()]
    running: dict[str, list[dict[str, Any]]] = {one["name"]: [] for one in found}
    if found:
        rows = running_attempts().order_by("started_at", "id")
        for worker, run, workflow, node, number, pid, since in rows.values_list(
            "worker", "run_id", "run__workflow", "node", "number", "pid", "started_at"
        ):
            # After the last slash comes the number of the process on its host.
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


def counts(beat_age: float | None) -> dict[str, int]:
    """Return how many workers are in each state: {active, draining, lost}. `beat_age`: seconds since the scheduler's
    heartbeat, which decides for its own node processes."""
    if settings.INTERLOCK.executor == "local":
        states = [] if beat_age is None else ["active" if is_alive(beat_age) else "lost"]
    else:
        states = [one["state"] for one in _hosts()]
    return {state: states.count(state) for state in STATES}


def worker(name: str) -> dict[str, Any]:
    """Return the contract's worker. Raises NotFound."""
    for one in workers():
        if one["name"] == name:
            return one
    raise NotFound.worker(name)


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
    """Return the newest registration of each host."""
    rows = (
        Host.objects.annotate(silent=Now() - F("beat_at"))
        .filter(beat_at__gt=Now() - timedelta(hours=LOST_HOURS))
        .order_by("id")
        .values_list("name", "queues", "capacity", "state", "reason", "beat_at", "load", "silent")
    )
    newest = {row[0]: row for row in rows}
    found = []
    for name, queues, capacity, state, reason, beat_at, load, silent in newest.values():
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
