"""The work in flight on other hosts, and how much more may be dispatched. Pure."""

from __future__ import annotations

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
    """Return, for each served queue, the credit of its hosts and the credit under `limit`, which all queues share."""
    taking = [host for host in hosts if host.takes_work]
    known = {host.id for host in taking}
    # Counts are [short, long].
    by_host: dict[int, list[int]] = {host.id: [0, 0] for host in taking}
    not_taken: dict[str, list[int]] = {}
    """By queue."""
    total, elsewhere = [0, 0], 0
    for dispatch in dispatches:
        long = dispatch.is_long(now)
        if dispatch.host is not None and dispatch.host not in known:
            # It occupies none of these processes: its host drains, or has ended and was not handled yet.
            elsewhere += 1
            continue
        total[long] += 1
        if dispatch.host is None:
            not_taken.setdefault(dispatch.queue, [0, 0])[long] += 1
        else:
            by_host[dispatch.host][long] += 1
    capacity = sum(host.capacity for host in taking)
    if capacity + elsewhere <= limit:
        shared = _credit(capacity, total)
    else:
        # The number of processes does not enforce the limit: every dispatch may be running.
        left = max(0, limit - sum(total) - elsewhere)
        shared = Credit(left, left)
    found: dict[str, tuple[Credit, ...]] = {}
    for queue in {queue for host in taking for queue in host.queues}:
        serving = [host for host in taking if queue in host.queues]
        # What waits in any of their queues may be taken by these hosts.
        queues = {name for host in serving for name in host.queues}
        counts = [by_host[host.id] for host in serving] + [not_taken[name] for name in queues if name in not_taken]
        used = [sum(one[0] for one in counts), sum(one[1] for one in counts)]
        found[queue] = (_credit(sum(host.capacity for host in serving), used), shared)
    return found


def _credit(capacity: int, used: list[int]) -> Credit:
    short, long = used
    return Credit(max(0, capacity - short - long), max(0, (capacity - long) * PREFETCH_MAX - short))
