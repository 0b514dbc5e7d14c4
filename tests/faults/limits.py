"""I5 and I20 for starts beside limits that change: who may start when, by the ledger."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.admission.rules import AGING_SECONDS
from tests.faults.checks import CLOCKS_NS, Rows, hold, moment_ns
from tests.support.ledger import Execution, Ledger


@dataclass(frozen=True)
class Resize:
    """A change of a pool's size. Times are those of the ledger."""

    asked_at: int
    """The change may apply from here on."""
    done_at: int
    """The scheduler had certainly applied the change by then."""
    slots: int


def i5_pool(name: str, executions: Iterable[tuple[Execution, int]], first: int, resizes: list[Resize]) -> None:
    """No execution starts beside others that leave it no slot of a pool whose size changes.

    `executions`: each with its slots. `first`: the pool's size before `resizes`, which are in order. What holds slots
    when a pool is made smaller keeps them, even if it has not started yet.
    """

    def problems() -> Iterator[str]:
        edges = []
        for one, slots in executions:
            edges += [(one.start.at, 1, slots, one), (one.last.at, -1, slots, one)]
        edges.sort(key=lambda edge: edge[:2])
        sizes = [Resize(0, 0, first), *resizes]
        known = 0
        held = budget = 0
        for at, change, slots, one in edges:
            held += change * slots
            while known + 1 < len(sizes) and sizes[known + 1].done_at < at:
                known += 1
                if sizes[known].slots < sizes[known - 1].slots:
                    # So many may have held slots without having started when the pool became smaller.
                    budget = max(budget, sizes[known - 1].slots)
            if change < 0:
                continue
            # A change that the scheduler may not have applied yet may or may not count.
            limit = max(size.slots for size in sizes[known:] if size.asked_at <= at)
            budget -= slots
            if held > limit and budget < 0:
                yield f"{one.start.node} of run {one.start.run} starts with {held} slots in use, {limit} are there"

    hold(f"I5: pool {name}", problems())


def i5_runs(ledger: Ledger, rows: Rows) -> None:
    """Overlapping runs of a workflow do not exceed its limit: whichever of them left the queue last was allowed to run
    beside the others. A run lasts from its first line to its last."""

    def problems() -> Iterator[str]:
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for one in ledger.executions():
            first.setdefault(one.start.run, one.start.at)
            last[one.start.run] = max(one.last.at, last.get(one.start.run, 0))
        for run, at in first.items():
            workflow = rows.runs[run]["workflow"]
            beside = [one for one in first if rows.runs[one]["workflow"] == workflow and first[one] <= at < last[one]]
            limit = max((rows.document(one).get("settings") or {}).get("max_runs") or len(first) for one in beside)
            if len(beside) > limit:
                yield f"{len(beside)} runs of workflow {workflow} overlap at run {run}, {limit} are allowed"

    hold("I5", problems())


@dataclass(frozen=True)
class Start:
    """An execution and its place in the queue."""

    at: int
    ready: int
    """By the ledger's clock."""
    key: tuple[float, int, int]
    one: Execution
    judged: bool
    """Whether others may not overtake it. A node that needs more slots than its pool sometimes has must be
    overtaken."""


def i20(ledger: Ledger, rows: Rows, wall_offset: int, most: int, pools: Mapping[str, tuple[int, int]]) -> None:
    """When a slot is free, the highest key starts next.

    Only nodes that compete for the same limit are compared: those of one pool, those of one run with a limit, and those
    with neither that are never prefetched (they have `memory_mb`). A node may be overtaken by what was dispatched
    before it became ready, and by what is dispatched with it to other processes. `most`: nodes that run at once;
    `pools`: smallest and largest size of each.
    """

    def problems() -> Iterator[str]:
        groups: dict[tuple[str, int], list[Start]] = defaultdict(list)
        order = {run: {node["id"]: n for n, node in enumerate(rows.document(run)["nodes"])} for run in rows.runs}
        for one in ledger.executions():
            run, node = one.start.run, one.start.node
            policy = rows.policy(run, node)
            limit = (rows.document(run).get("settings") or {}).get("max_concurrent")
            pool = policy.get("pool")
            if pool and not limit:
                group = f"pool {pool}", min(most, pools[pool][1])
            elif limit and not pool:
                group = f"run {run}", min(most, limit)
            elif not pool and "memory_mb" in policy:
                group = "all", most
            else:
                continue
            ready = moment_ns(rows.attempts[run, node][one.start.attempt - 1]["ready_at"])
            assert ready is not None
            priority = policy.get("priority", rows.runs[run]["priority"])
            key = (ready / 1e9 + priority * AGING_SECONDS, int(run), order[run][node])
            judged = not pool or policy.get("slots", 1) <= pools[pool][0]
            groups[group].append(Start(one.start.at, ready - wall_offset, key, one, judged))
        for (name, places), starts in groups.items():
            yield from passed(name, places, sorted(starts, key=lambda start: start.at))

    hold("I20", problems())


def passed(name: str, places: int, starts: list[Start]) -> Iterator[str]:
    """`starts`: in order; `places`: how many may hold the limit at once."""
    times = [start.at for start in starts]
    allowed = places if places == 1 else 2 * places
    for at, start in enumerate(starts):
        since = bisect.bisect_right(times, start.ready + CLOCKS_NS)
        passers = [other for other in starts[since:at] if other.key > start.key]
        # A process that gets no processor delays what it was sent while others continue. Before that, it may have run
        # what held the limit.
        own = sum(other.one.start.pid == start.one.start.pid for other in passers)
        if start.judged and len(passers) > allowed and (own > places or (own and places == 1)):
            yield (
                f"{name}: {start.one.start.node} of run {start.one.start.run} was passed by {len(passers)} that come "
                f"after it, where {allowed} may, in {(start.at - start.ready) / 1e9:.3f} s"
            )
