"""Works that are out on other hosts, as the scheduler remembers them, and how much more fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.executors.base import PREFETCH_MAX, RECALL_SECONDS, Credit


@dataclass(slots=True)
class Flight:
    """One work that is out. Times are monotonic."""

    queue: str
    workflow: str
    node: str
    entry: str
    expected: float | None
    short: bool
    sent_at: float
    host: int | None = None
    """Who has it, once that is known."""
    began_at: float | None = None
    printed: bool = False

    def is_long(self, now: float) -> bool:
        """Whether nothing may stand behind it in its process."""
        return not self.short or (self.began_at is not None and now - self.began_at > RECALL_SECONDS)


@dataclass(frozen=True, slots=True)
class HostView:
    """A live host, as its row says."""

    id: int
    name: str
    queues: frozenset[str]
    capacity: int
    takes: bool
    """It takes more: it does not drain, and speaks our protocol."""


def credits_by_queue(
    hosts: Iterable[HostView], flights: Iterable[Flight], limit: int, now: float
) -> Mapping[str, tuple[Credit, ...]]:
    """By queue that is served, what fits now: into its hosts, and under `limit` for all of them together."""
    taking = [host for host in hosts if host.takes]
    known = {host.id for host in taking}
    by_host: dict[int, list[int]] = {host.id: [0, 0] for host in taking}
    loose: dict[str, list[int]] = {}
    theirs, elsewhere = [0, 0], 0
    for flight in flights:
        long = flight.is_long(now)
        if flight.host is not None and flight.host not in known:
            # It occupies none of these processes: its host drains, or is not buried yet.
            elsewhere += 1
            continue
        theirs[long] += 1
        (loose.setdefault(flight.queue, [0, 0]) if flight.host is None else by_host[flight.host])[long] += 1
    total = sum(host.capacity for host in taking)
    if total + elsewhere <= limit:
        common = _room(total, theirs)
    else:
        # The number of processes does not keep the limit: whatever is out may run.
        left = max(0, limit - sum(theirs) - elsewhere)
        common = Credit(left, left)
    found: dict[str, tuple[Credit, ...]] = {}
    for queue in {queue for host in taking for queue in host.queues}:
        mine = [host for host in taking if queue in host.queues]
        reached = {name for host in mine for name in host.queues}
        counts = [by_host[host.id] for host in mine] + [loose[name] for name in reached if name in loose]
        used = [sum(one[0] for one in counts), sum(one[1] for one in counts)]
        found[queue] = (_room(sum(host.capacity for host in mine), used), common)
    return found


def _room(capacity: int, used: list[int]) -> Credit:
    short, long = used
    return Credit(max(0, capacity - short - long), max(0, (capacity - long) * PREFETCH_MAX - short))
