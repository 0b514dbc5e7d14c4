"""Whether a ready node may start now, and if not, why: one function decides and explains, so they cannot disagree.

The scheduler asks it with its memory, pages with the same facts read from the database. Pure.
"""

from collections.abc import Iterator
from typing import Protocol

AGING_SECONDS = 60.0
"""Seconds of waiting that count as much as one step of priority."""
QUARANTINE_LOSSES = 3
"""A node that was lost this often may itself have ended its process, or the scheduler with all node processes. From
then on it never runs beside another such node, so that nodes that were lost only because of another one succeed."""
CLEAN_UP_RULES = frozenset({"all_done", "one_success", "all_failed"})
"""Trigger rules whose nodes still run when their run has stopped."""


def key(ready_at: float, priority: int) -> float:
    """Return the place among all ready nodes; the smallest starts first."""
    return ready_at + priority * AGING_SECONDS


class RunLimits(Protocol):
    """A run's limits, and how far they are used."""

    waits_for_workflow: bool
    """Retried while its workflow's `max_runs` was reached: nothing of it starts until another run ends."""

    @property
    def in_flight_count(self) -> int:
        """How many of its nodes are dispatched or running."""

    @property
    def max_concurrent(self) -> int | None: ...


class PoolLimits(Protocol):
    """A pool's size and use, and the first node that waits for it."""

    slots: int | None
    """None: the pool does not exist."""
    in_use: int

    def first_key(self) -> tuple[float, int, int] | None:
        """Return (key, run, node's index) of the first node that waits; None: no node does."""


class Candidate(Protocol):
    """A ready node that is not dispatched."""

    key: tuple[float, int, int]
    slots: int
    losses: int


def waiting_codes(
    node: Candidate, run: RunLimits, pool: PoolLimits | None, quarantine_busy: bool = False, served: bool = True
) -> Iterator[str]:
    """Yield the codes of what keeps `node` from starting, in the order in which they have to be resolved.

    Without any, it may start as soon as the executor takes it. `quarantine_busy`: a node in quarantine is in flight;
    `served`: there is a worker for its Celery queue.
    """
    if run.waits_for_workflow:
        yield "workflow_limit"
    if run.max_concurrent is not None and run.in_flight_count >= run.max_concurrent:
        yield "run_limit"
    if quarantine_busy and node.losses >= QUARANTINE_LOSSES:
        yield "suspect"
    if pool is not None:
        if pool.slots is None:
            yield "pool_missing"
        elif node.slots > pool.slots:
            yield "pool_too_small"
        else:
            # Free slots are reserved for the first node that waits. Otherwise small nodes would starve a big one.
            first = pool.first_key()
            if first is not None and first < node.key:
                yield "pool_line"
            elif pool.in_use + node.slots > pool.slots:
                yield "pool"
    if not served:
        yield "queue"
