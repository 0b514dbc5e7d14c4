"""The work in flight on other hosts, and how much more may be dispatched. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.executors.base import PREFETCH_MAX, RECALL_SECONDS, Credit


@dataclass(slots=True)
class InFlightDispatch:
    """One dispatch whose end is not reported yet. Times are monotonic."""

    queue: str
    workflow: str
    node: str
    entry: str
    expected: float | None
    short: bool
    sent_at: float
    host: int | None = None
    """The host that took it, once that is known."""
    started_at: float | None = None
    printed: bool = False

    def is_long(self, now: float) -> bool:
        """Return whether it runs so long that no other work may wait behind it in its process."""
        return not self.short or (self.started_at is not None and now - self.started_at > RECALL_SECONDS)


@dataclass(frozen=True, slots=True)
class HostView:
    """A registered host as its row describes it."""

    id: int
    name: str
    queues: frozenset[str]
    capacity: int
    takes_work: bool
    """Whether it takes more work: it does not drain, and it speaks the scheduler's protocol."""


def credits_by_queue(
    hosts: Iterable[HostView], dispatches: Iterable[InFlightDispatch], limit: int, now: float
) -> Mapping[str, tuple[Credit, ...]]:
    """Return, for each served queue, the credit of its hosts and the credit under `limit`, which all queues share.

    Work that one host holds does not reduce the credit of other hosts, even if it is more than the host can run: a host
    that hangs or drains must not stop the others.
    """
    hosts = list(hosts)
    taking = [host for host in hosts if host.takes_work]
    by_host: dict[int, DispatchCounts] = defaultdict(DispatchCounts)
    not_taken: dict[str, DispatchCounts] = defaultdict(DispatchCounts)
    """By queue."""
    for dispatch in dispatches:
        counts = not_taken[dispatch.queue] if dispatch.host is None else by_host[dispatch.host]
        counts.add(dispatch.is_long(now))
    may_run = {host.id: min(host.capacity, by_host[host.id].total) for host in hosts}
    taking_ids = {host.id for host in taking}
    # On hosts that drain, and on ended hosts that were not handled yet, whose capacity is not known any more.
    elsewhere = sum(may_run.get(id, counts.total) for id, counts in by_host.items() if id not in taking_ids)
    if sum(host.capacity for host in taking) + elsewhere <= limit:
        shared = _credit(taking, by_host, not_taken.values())
    else:
        # There are more processes than the limit allows, so all work counts for which a process may exist.
        running = sum(may_run[host.id] for host in taking) + sum(counts.total for counts in not_taken.values())
        left = max(0, limit - running - elsewhere)
        shared = Credit(left, left)
    found: dict[str, tuple[Credit, ...]] = {}
    for queue in {queue for host in taking for queue in host.queues}:
        serving = [host for host in taking if queue in host.queues]
        # These hosts may take what waits in any of their queues.
        queues = {name for host in serving for name in host.queues}
        waiting = [counts for name, counts in not_taken.items() if name in queues]
        found[queue] = (_credit(serving, by_host, waiting), shared)
    return found


@dataclass(slots=True)
class DispatchCounts:
    """Numbers of short and of long dispatches."""

    short: int = 0
    long: int = 0

    def add(self, long: bool) -> None:
        if long:
            self.long += 1
        else:
            self.short += 1

    @property
    def total(self) -> int:
        return self.short + self.long


def _credit(
    hosts: Iterable[HostView], by_host: Mapping[int, DispatchCounts], waiting: Iterable[DispatchCounts]
) -> Credit:
    """Return what these hosts have room for, beside what waits to be taken by one of them."""
    idle = prefetch = 0
    for host in hosts:
        counts = by_host[host.id]
        idle += max(0, host.capacity - counts.total)
        prefetch += max(0, (host.capacity - counts.long) * PREFETCH_MAX - counts.short)
    for counts in waiting:
        idle -= counts.total
        prefetch -= counts.short + counts.long * PREFETCH_MAX
    return Credit(max(0, idle), max(0, prefetch))
