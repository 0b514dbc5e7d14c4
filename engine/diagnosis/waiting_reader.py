"""Reads the waiting nodes of a run: why each waits, who holds what it waits for, and the upstream node to blame."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.conf import settings
from django.db.models import Q

from engine import clock, policy
from engine.diagnosis import upstream
from engine.diagnosis.facts import Blocker, DrainingWorker, PoolFacts, UpstreamRoot, WaitingFacts
from engine.diagnosis.run_rows import WAITING_MAX, RunRows
from engine.models import Host, NodeRun
from engine.models.conditions import running_attempts, unfinished_nodes, unfinished_runs
from engine.reads.waiting import PoolUse, WaitingConditions
from engine.shapes import moment
from engine.states import HostReason

NAMES_MAX = 500
"""Nodes named in one query. If there are more, the states of all nodes are read, which costs little more."""
BLOCKERS_MAX = 64
RUNS_MAX = 20


class WaitingReader:
    """Reads the waiting nodes of a run."""

    def __init__(self, rows: RunRows) -> None:
        self.rows = rows

    def read(self, running: Sequence[NodeRun], others: Sequence[NodeRun]) -> tuple[list[WaitingFacts], int]:
        """Return the waiting nodes, at most WAITING_MAX and pending ones last, and how many nodes wait in total."""
        rows = self.rows
        run, requested = rows.run, rows.requested
        total = sum(run.counts.get(state, 0) for state in ("pending", "ready", "waiting", "retrying"))
        if rows.requested_node is not None:
            if requested is None or requested.state == "pending":
                return self._pending([rows.requested_node], running, others), 1
            if requested.state not in ("ready", "waiting", "retrying"):
                return [], 0
            return self._not_pending([requested]), 1
        found = self._not_pending(others)
        if len(found) < WAITING_MAX and run.counts.get("pending"):
            if run.state == "queued":
                names: Iterable[str] = rows.document.order[:WAITING_MAX]
            else:
                active = [row.node for row in (*running, *others)]
                names = upstream.downstream_of(rows.document, active, most=2 * WAITING_MAX)
            found += self._pending(list(names), running, others)[: WAITING_MAX - len(found)]
        return found, total

    def _not_pending(self, rows: Sequence[NodeRun]) -> list[WaitingFacts]:
        """Return the facts of nodes that are ready, waiting or retrying."""
        document = self.rows.document
        waiting = WaitingConditions(self.rows.run, document, {})
        attempts = self.rows.last_attempts([row for row in rows if row.state == "retrying"])
        found: list[WaitingFacts] = []
        pools: dict[int, PoolUse] = {}
        for row in rows:
            node = document.by_id[row.node]
            conditions = waiting.of(node, row)
            if row.pool and row.state == "ready" and any(one.code.startswith("pool") for one in conditions):
                pools[len(found)] = waiting.pool_use(node, row)
            attempt = attempts.get(row.node)
            retrying = row.state == "retrying"
            found.append(
                WaitingFacts(
                    node=row.node,
                    name=node.name,
                    type=node.type,
                    state=row.state,
                    conditions=conditions,
                    since=row.finished_at if retrying else row.ready_at,
                    pool=PoolFacts(row.pool, None, wanted=row.slots) if len(found) in pools else None,
                    attempt=row.attempt,
                    retries=row.retries,
                    retry_at=row.retry_at,
                    error=row.error,
                    pid=None if attempt is None else attempt.pid or None,
                    failed_at=row.finished_at if retrying else None,
                    queue=node.policy.queue,
                )
            )
        return _with_pools(found, pools)

    def _pending(
        self, names: Sequence[str], running: Sequence[NodeRun], others: Sequence[NodeRun]
    ) -> list[WaitingFacts]:
        """Return those of `names` that are pending, each with the active node upstream that keeps it waiting."""
        run, document = self.rows.run, self.rows.document
        active = {row.node: row for row in (*running, *others)}
        roots = upstream.roots(document, active, self._blame)
        states = self._states(names, active, roots)
        waiting = WaitingConditions(run, document, states)
        pids = {row.node: row.pid for row in running_attempts().filter(run=run)} if active else {}
        since = run.created_at if run.state == "queued" else run.started_at
        found = []
        for name in names:
            if states.get(name, "pending") != "pending":
                continue
            node, row, root = document.by_id[name], roots.get(name), None
            if row is not None:
                root = UpstreamRoot(
                    row.node,
                    document.by_id[row.node].name,
                    row.state,
                    row.started_at if row.state == "running" else row.ready_at,
                    row.state == "running" and self.rows.is_stuck(row),
                    pids.get(row.node) or None,
                )
                if self.rows.requested_node is not None:
                    conditions = waiting.of(document.by_id[row.node], row)
                    root = replace(root, why=conditions[0].sentence if conditions else None)
            found.append(WaitingFacts(name, node.name, node.type, "pending", waiting.of(node, None), since, root=root))
            if len(found) == WAITING_MAX:
                break
        return found

    def _states(
        self, names: Sequence[str], active: Mapping[str, NodeRun], roots: Mapping[str, NodeRun]
    ) -> dict[str, str]:
        """Return the states of `names` and of their sources, as far as they have left `pending`."""
        run, document = self.rows.run, self.rows.document
        states = {name: row.state for name, row in active.items()}
        unknown = {edge.source for name in names for edge in document.upstream.get(name, ())}
        unknown = {*unknown, *names} - states.keys()
        if len(active) < WAITING_MAX and run.state != "queued":
            # All active nodes are known, so a node that is not downstream of one has ended.
            states.update({name: "succeeded" for name in unknown if name not in roots})
            unknown &= roots.keys()
        rows = NodeRun.objects.filter(run=run, item=-1)
        if len(unknown) <= NAMES_MAX:
            rows = rows.filter(node__in=unknown)
        if unknown and run.state != "queued":
            states |= {name: state for name, state in rows.values_list("node", "state") if name in unknown}
        return states

    def _blame(self, row: NodeRun) -> tuple[int, float]:
        """Return how likely it is that an active node keeps nodes downstream waiting: (rank, seconds); larger is
        likelier."""
        if row.state == "running":
            return (3 if self.rows.is_stuck(row) else 1), self.rows.age(row.started_at)
        return (2 if row.state == "retrying" else 0), self.rows.age(row.ready_at)

    def occupants(self, waiting: Sequence[WaitingFacts]) -> tuple[list[Blocker], int]:
        """Return what occupies the node processes in which the first node that waits for one may run, and the number of
        these processes."""
        processes = settings.INTERLOCK.processes
        first = next((node for node in waiting if any(one.code == "worker" for one in node.conditions)), None)
        if first is None:
            return [], processes
        rows = running_attempts().filter(item=-1).order_by("started_at")
        if settings.INTERLOCK.executor != "local":
            hosts = Host.objects.filter(state="active").values_list("name", "queues", "capacity")
            capacities = {name: capacity for name, queues, capacity in hosts if first.queue in queues}
            processes = sum(capacities.values())
            on_hosts = Q(pk=None)
            for name in capacities:
                on_hosts |= Q(worker__startswith=f"{name}/")
            rows = rows.filter(on_hosts)
        attempts = list(rows.values_list("run", "node", "started_at")[:BLOCKERS_MAX])
        process_of = _processes_of({(run, node) for run, node, _ in attempts})
        blockers = [
            Blocker(run, node, at, 1, *process_of.get((run, node), (None, False))) for run, node, at in attempts
        ]
        return blockers, processes

    def draining_workers(self, waiting: Sequence[WaitingFacts]) -> list[DrainingWorker]:
        """Return draining workers that are not being stopped, if a node waits because no worker takes its queue."""
        if not any(one.code == "queue" for node in waiting for one in node.conditions):
            return []
        rows = Host.objects.filter(state="draining").exclude(reason=HostReason.STOPPING).order_by("name")
        return [DrainingWorker(*row) for row in rows.values_list("name", "queues", "reason")]

    def competing_runs(self, waiting: Sequence[WaitingFacts]) -> list[Blocker]:
        """Return the running runs of the workflow, the longest first, if the run waits for its workflow's limit."""
        if not any(one.code in ("run_queued", "workflow_limit") for node in waiting for one in node.conditions):
            return []
        rows = (
            unfinished_runs()
            .filter(workflow=self.rows.run.workflow, started_at__isnull=False)
            .exclude(pk=self.rows.run.pk)
            .exclude(state="queued")
            .order_by("id")
        )
        runs = [Blocker(pk, "", since) for pk, since in rows.values_list("id", "started_at")[:RUNS_MAX]]
        return sorted(runs, key=lambda run: run.since or self.rows.now)


def _with_pools(found: list[WaitingFacts], pools: Mapping[int, PoolUse]) -> list[WaitingFacts]:
    """Return `found` with the pools that nodes wait for. `pools`: index in `found` -> use of the pool."""
    process_of = _processes_of({(one.run, one.node) for use in pools.values() for one in use.holders[:BLOCKERS_MAX]})
    for place, use in pools.items():
        node = found[place]
        assert node.pool is not None
        holders = [
            Blocker(
                holder.run,
                holder.node,
                None if holder.since_us is None else moment(holder.since_us),
                holder.slots,
                *process_of.get((holder.run, holder.node), (None, False)),
            )
            for holder in use.holders[:BLOCKERS_MAX]
        ]
        pool = PoolFacts(node.pool.name, use.slots, use.in_use, node.pool.wanted, use.ahead, holders)
        found[place] = replace(node, pool=pool)
    return found


def _processes_of(pairs: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int | None, bool]]:
    """Return {(run, node): (pid of its node process, whether it is stuck)} of the nodes that run."""
    if not pairs:
        return {}
    now = clock.now()
    wanted = Q()
    for run, node in sorted(pairs)[: 2 * BLOCKERS_MAX]:
        wanted |= Q(run=run, node=node)
    rows = unfinished_nodes().filter(wanted, item=-1, state="running")
    stuck = {}
    for run, node, started_at, expected, expected_from in rows.values_list(
        "run_id", "node", "started_at", "expected", "expected_from"
    ):
        limit = policy.stuck_after(expected, expected_from)
        age = 0.0 if started_at is None else (now - started_at).total_seconds()
        stuck[run, node] = limit is not None and age > limit
    pids = {(run, node): pid for run, node, pid in running_attempts().filter(wanted).values_list("run", "node", "pid")}
    return {pair: (pids.get(pair) or None, is_stuck) for pair, is_stuck in stuck.items()}
