"""Whether a ready node may start now, and if not, why: one function acts and explains, so they cannot disagree.

Pure. The scheduler asks it with its memory, pages with the same facts read from the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.shapes import iso

AGING_SECONDS = 60.0
"""What one step of priority is worth in seconds of waiting."""
SUSPECT_LOSSES = 3
"""A node that was lost so often may be what ended its process, or the scheduler with all that ran: from then on it runs
beside no other such node, so that those that were only beside it come through."""
CLEAN_UP_RULES = frozenset({"all_done", "one_success", "all_failed"})
"""Trigger rules whose nodes still run when their run has stopped."""


def key(ready_at: float, priority: int) -> float:
    """Place in the one line of all ready nodes; the smallest starts first."""
    return ready_at + priority * AGING_SECONDS


class RunFacts(Protocol):
    """What a run's limits are and how far they are used."""

    waits_for_workflow: bool
    """Retried while its workflow's `max_runs` was reached: nothing of it starts until another run ends."""

    @property
    def holds(self) -> int:
        """Nodes sent or running."""

    @property
    def max_concurrent(self) -> int | None: ...


class PoolFacts(Protocol):
    """A pool's size and use, and who stands first in its line."""

    slots: int | None
    """None: there is no such pool (any more)."""
    in_use: int

    def first_key(self) -> tuple[float, int, int] | None:
        """(key, run, node's index) of the first that waits; None: nobody waits."""


class Candidate(Protocol):
    """A ready node that has not been sent."""

    key: tuple[float, int, int]
    slots: int
    losses: int


def conditions(
    node: Candidate,
    run: RunFacts,
    pool: PoolFacts | None,
    room: bool,
    suspected: bool = False,
    served: bool = True,
) -> Iterator[str]:
    """Codes of what keeps `node` from starting, in the order in which they are to be solved; none: it may start.

    `room`: an executor would take it now; `suspected`: a node that was lost SUSPECT_LOSSES times is under way;
    `served`: there is a worker for its queue.
    """
    if run.waits_for_workflow:
        yield "workflow_limit"
    if run.max_concurrent is not None and run.holds >= run.max_concurrent:
        yield "run_limit"
    if suspected and node.losses >= SUSPECT_LOSSES:
        yield "suspect"
    if pool is not None:
        if pool.slots is None:
            yield "pool_missing"
        elif node.slots > pool.slots:
            yield "pool_too_small"
        else:
            # Whoever is first in a pool's line has what is free reserved, or small ones would starve a big one.
            first = pool.first_key()
            if first is not None and first < node.key:
                yield "pool_line"
            elif pool.in_use + node.slots > pool.slots:
                yield "pool"
    if not served:
        yield "queue"
    elif not room:
        yield "worker"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds slots of a pool."""

    run: int
    node: str
    slots: int
    since_us: int | None

    def shape(self) -> dict[str, Any]:
        return {"run": str(self.run), "node": self.node, "slots": self.slots, "since": iso(self.since_us)}


@dataclass(slots=True)
class Facts:
    """What the sentences about a waiting node are made of."""

    since_us: int | None
    """When it became ready."""
    slots: int = 1
    pool_name: str = ""
    pool_slots: int | None = None
    pool_in_use: int = 0
    max_concurrent: int | None = None
    max_runs: int | None = None
    processes: int = 0
    queue: str = ""
    sent: bool = False
    """It stands behind another short node in a node process."""
    holders: Sequence[Holder] = field(default_factory=tuple)


def explain(codes: Iterable[str], facts: Facts) -> list[dict[str, Any]]:
    """`waiting_for` of a ready node: [{code, message, since, holders?}]."""
    return [_condition(code, facts) for code in codes]


def _condition(code: str, facts: Facts) -> dict[str, Any]:
    condition: dict[str, Any] = {"code": code, "message": _message(code, facts), "since": iso(facts.since_us)}
    if code in ("pool", "pool_line") and facts.holders:
        condition["holders"] = [holder.shape() for holder in facts.holders]
    return condition


def _message(code: str, facts: Facts) -> str:
    if code == "workflow_limit":
        return f"Waits until another run of this workflow ends: at most {facts.max_runs} may run at once."
    if code == "run_limit":
        return f"Waits until another node of this run ends: at most {facts.max_concurrent} may run at once."
    if code == "suspect":
        return (
            f"Waits for another node that was lost {SUSPECT_LOSSES} times to end: such run one at a time, for one may "
            "be the cause."
        )
    if code == "pool_missing":
        return f'Waits for pool "{facts.pool_name}", which does not exist (any more); create it to go on.'
    if code == "pool_too_small":
        return (
            f'Needs {facts.slots} slots of pool "{facts.pool_name}", which has {facts.pool_slots}; '
            "add slots to the pool, or retry the node with fewer."
        )
    if code == "pool_line":
        return f'Waits for pool "{facts.pool_name}" behind another node, for which its free slots are reserved.'
    if code == "pool":
        return (
            f'Waits for {_slots(facts.slots)} of pool "{facts.pool_name}": '
            f"{facts.pool_in_use} of {facts.pool_slots} are in use."
        )
    if code == "queue":
        return (
            f'No worker takes the queue "{facts.queue}": start one with `celery -A engine worker -Q {facts.queue}`, or '
            "give the node another queue."
        )
    if facts.sent:
        return "Has been sent to a node process, which first ends another short node."
    if facts.processes:
        return f"Waits for a free node process; there are {facts.processes}."
    return "Waits for a free node process."


def _slots(n: int) -> str:
    return "1 slot" if n == 1 else f"{n} slots"


def upstream_condition(names: Sequence[str], since_us: int | None) -> dict[str, Any]:
    """`waiting_for` of a pending node: the upstream nodes that have not ended."""
    shown = ", ".join(f'"{name}"' for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    message = f"Waits for {shown}{more} to end." if names else "Waits for its upstream nodes to be decided."
    return {"code": "upstream", "message": message, "since": iso(since_us)}


def queued_condition(max_runs: int | None, since_us: int | None) -> dict[str, Any]:
    """`waiting_for` of every node of a queued run."""
    if max_runs is None:
        message = "Waits for the scheduler to take up the run."
    else:
        message = f"Waits until another run of this workflow ends: at most {max_runs} may run at once."
    return {"code": "run_queued", "message": message, "since": iso(since_us)}


def retry_condition(retry: int, retries: int, retry_us: int | None, since_us: int | None) -> dict[str, Any]:
    """`waiting_for` of a retrying node; `until` is when it becomes ready."""
    return {
        "code": "retry_delay",
        "message": f"Retry {retry} of {retries} starts at {iso(retry_us)}.",
        "since": iso(since_us),
        "until": iso(retry_us),
    }
