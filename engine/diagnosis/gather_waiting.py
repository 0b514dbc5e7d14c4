"""What waits: conditions as the admitting code explains them, who holds what is waited for, the root of a wait.
Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from engine import clock, policy
from engine.diagnosis import upstream
from engine.diagnosis.facts import Holder, PoolFacts, Resting, Root, Waiting
from engine.diagnosis.gather_running import WAITING_MAX, RunningReads
from engine.models import Host, NodeRun
from engine.models.conditions import running_attempts, unfinished_nodes, unfinished_runs
from engine.reads.waiting import WaitingConditions
from engine.shapes import moment
from engine.states import HostReason

NAMES_MAX = 500
"""Nodes named in one query; beyond it the states of all are read, which costs little more."""
HOLDERS_MAX = 64
RIVALS_MAX = 20


class WaitingReads(RunningReads):
    def _waiting(self, running: Sequence[NodeRun], others: Sequence[NodeRun]) -> tuple[list[Waiting], int]:
        counts = self.run.counts
        total = sum(counts.get(state, 0) for state in ("pending", "ready", "waiting", "retrying"))
        if self.node is not None:
            if self.asked is not None and self.asked.state != "pending":
                if self.asked.state not in ("ready", "waiting", "retrying"):
                    return [], 0
                conditions = WaitingConditions(self.run, self.document, {})
                return self._explained(conditions, [self.asked]), 1
            return self._pending([self.node], running, others), 1
        # Those that may start come first: what they wait for is not an upstream node.
        conditions = WaitingConditions(self.run, self.document, {})
        found = self._explained(conditions, others)
        if len(found) < WAITING_MAX and counts.get("pending"):
            if self.run.state == "queued":
                names: Iterable[str] = self.document.order[:WAITING_MAX]
            else:
                active = [row.node for row in (*running, *others)]
                names = upstream.behind(self.document, active, most=2 * WAITING_MAX)
            found += self._pending(list(names), running, others)[: WAITING_MAX - len(found)]
        return found, total

    def _explained(self, conditions: WaitingConditions, rows: Sequence[NodeRun]) -> list[Waiting]:
        """Nodes that are ready, waiting or retrying."""
        ended = self._last_attempts([row for row in rows if row.state == "retrying"])
        found: list[Waiting] = []
        pools: dict[int, Any] = {}
        for row in rows:
            node = self.document.by_id[row.node]
            said = conditions.of(node, row)
            if row.pool and row.state == "ready" and any(one.code.startswith("pool") for one in said):
                pools[len(found)] = conditions.pool_use(node, row)
            attempt = ended.get(row.node)
            found.append(
                Waiting(
                    node=row.node,
                    name=node.name,
                    type=node.type,
                    state=row.state,
                    conditions=said,
                    since=row.finished_at if row.state == "retrying" else row.ready_at,
                    pool=PoolFacts(row.pool, None, wanted=row.slots) if len(found) in pools else None,
                    attempt=row.attempt,
                    retries=row.retries,
                    retry_at=row.retry_at,
                    error=row.error,
                    pid=None if attempt is None else attempt.pid or None,
                    failed_at=row.finished_at if row.state == "retrying" else None,
                    queue=node.policy.queue,
                )
            )
        return self._with_pools(found, pools)

    def _with_pools(self, found: list[Waiting], pools: Mapping[int, Any]) -> list[Waiting]:
        held = {(one.run, one.node) for use in pools.values() for one in use.holders[:HOLDERS_MAX]}
        known = _who(held)
        for place, use in pools.items():
            one = found[place]
            assert one.pool is not None
            holders = [
                Holder(
                    holder.run,
                    holder.node,
                    None if holder.since_us is None else moment(holder.since_us),
                    holder.slots,
                    *known.get((holder.run, holder.node), (None, False)),
                )
                for holder in use.holders[:HOLDERS_MAX]
            ]
            pool = PoolFacts(one.pool.name, use.slots, use.in_use, one.pool.wanted, use.ahead, holders)
            found[place] = replace(one, pool=pool)
        return found

    def _pending(self, names: Sequence[str], running: Sequence[NodeRun], others: Sequence[NodeRun]) -> list[Waiting]:
        """Those of `names` that are pending, with the node that each really waits for."""
        active = {row.node: row for row in (*running, *others)}
        roots = upstream.roots(self.document, active, self._blame)
        states = self._states(names, active, roots)
        conditions = WaitingConditions(self.run, self.document, states)
        attempts = {row.node: row.pid for row in running_attempts().filter(run=self.run)} if active else {}
        found = []
        for name in names:
            if states.get(name, "pending") != "pending":
                continue
            node = self.document.by_id[name]
            row, root = roots.get(name), None
            if row is not None:
                since = row.started_at if row.state == "running" else row.ready_at
                stuck = row.state == "running" and self._is_stuck(row)
                name_ = self.document.by_id[row.node].name
                own = conditions.of(self.document.by_id[row.node], row) if self.node is not None else []
                why = own[0].sentence if own else None
                root = Root(row.node, name_, row.state, since, stuck, attempts.get(row.node) or None, why)
            since = self.run.created_at if self.run.state == "queued" else self.run.started_at
            said = conditions.of(node, None)
            found.append(Waiting(name, node.name, node.type, "pending", said, since, root=root))
            if len(found) == WAITING_MAX:
                break
        return found

    def _states(
        self, names: Sequence[str], active: Mapping[str, NodeRun], roots: Mapping[str, NodeRun]
    ) -> dict[str, str]:
        """States of `names` and of what they stand behind, as far as they have left `pending`."""
        states = {name: row.state for name, row in active.items()}
        unknown = {edge.source for name in names for edge in self.document.upstream.get(name, ())}
        unknown = {*unknown, *names} - states.keys()
        if len(active) < WAITING_MAX and self.run.state != "queued":
            # All that goes on is known: what does not lie behind it has ended.
            states.update({name: "succeeded" for name in unknown if name not in roots})
            unknown &= roots.keys()
        rows = NodeRun.objects.filter(run=self.run, item=-1)
        if len(unknown) <= NAMES_MAX:
            rows = rows.filter(node__in=unknown)
        if unknown and self.run.state != "queued":
            states |= {name: state for name, state in rows.values_list("node", "state") if name in unknown}
        return states

    def _is_stuck(self, row: NodeRun) -> bool:
        limit = policy.stuck_after(row.expected, row.expected_from)
        return limit is not None and row.started_at is not None and self._age(row.started_at) > limit

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else (self.now - since).total_seconds()

    def _blame(self, row: NodeRun) -> tuple[int, float]:
        """Of several that are waited for, the one that most likely keeps the rest waiting."""
        if row.state == "running":
            return (3 if self._is_stuck(row) else 1), self._age(row.started_at)
        return (2 if row.state == "retrying" else 0), self._age(row.ready_at)

    def _places(self, waiting: Sequence[Waiting]) -> tuple[list[Holder], int]:
        """Who has the node processes that the first of these to wait for one may run in, and how many there are."""
        first = next((one for one in waiting if any(said.code == "worker" for said in one.conditions)), None)
        if first is None:
            return [], settings.INTERLOCK.processes
        rows = running_attempts().filter(item=-1).order_by("started_at")
        processes = settings.INTERLOCK.processes
        if settings.INTERLOCK.executor != "local":
            hosts = Host.objects.filter(state="active").values_list("name", "queues", "capacity")
            takers = {name: capacity for name, queues, capacity in hosts if first.queue in queues}
            processes = sum(takers.values())
            there = Q(pk=None)
            for name in takers:
                there |= Q(worker__startswith=f"{name}/")
            rows = rows.filter(there)
        held = list(rows.values_list("run", "node", "started_at")[:HOLDERS_MAX])
        known = _who({(run, node) for run, node, _ in held})
        return [Holder(run, node, at, 1, *known.get((run, node), (None, False))) for run, node, at in held], processes

    def _resting(self, waiting: Sequence[Waiting]) -> list[Resting]:
        """Workers that could take what waits for one, and get no work."""
        if not any(said.code == "queue" for one in waiting for said in one.conditions):
            return []
        rows = Host.objects.filter(state="draining").exclude(reason=HostReason.STOPPING).order_by("name")
        return [Resting(*row) for row in rows.values_list("name", "queues", "reason")]

    def _rivals(self) -> list[Holder]:
        """Runs of the workflow that run."""
        rows = (
            unfinished_runs()
            .filter(workflow=self.run.workflow, started_at__isnull=False)
            .exclude(pk=self.run.pk)
            .exclude(state="queued")
            .order_by("id")
        )
        found = [Holder(pk, "", since) for pk, since in rows.values_list("id", "started_at")[:RIVALS_MAX]]
        return sorted(found, key=lambda rival: rival.since or self.now)


def _who(pairs: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int | None, bool]]:
    """{(run, node): (its node process, whether it is stuck)} of nodes that run."""
    if not pairs:
        return {}
    now = clock.now()
    wanted = Q()
    for run, node in sorted(pairs)[: 2 * HOLDERS_MAX]:
        wanted |= Q(run=run, node=node)
    rows = unfinished_nodes().filter(wanted, item=-1, state="running")
    known = {}
    for run, node, started_at, expected, expected_from in rows.values_list(
        "run_id", "node", "started_at", "expected", "expected_from"
    ):
        limit = policy.stuck_after(expected, expected_from)
        age = 0.0 if started_at is None else (now - started_at).total_seconds()
        known[run, node] = limit is not None and age > limit
    pids = {(run, node): pid for run, node, pid in running_attempts().filter(wanted).values_list("run", "node", "pid")}
    return {pair: (pids.get(pair) or None, stuck) for pair, stuck in known.items()}
