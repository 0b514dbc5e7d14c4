"""Explains why nodes wait: applies the rules of admission to what the database holds."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings

from engine.admission import rules
from engine.admission.conditions import (
    ReadyNode,
    SlotHolder,
    WaitingCondition,
    queued_condition,
    retry_condition,
    upstream_condition,
)
from engine.definition import Document, Node, store
from engine.models import Host, Pool, Run
from engine.models.conditions import holding_nodes, unfinished_nodes
from engine.models.runs import RUN_UNFINISHED
from engine.shapes import micros, optional_micros
from engine.states import NODE_TERMINAL

Key = tuple[float, int, int]
"""(key, run, node's index): the place among all ready nodes."""


class NodeRow(Protocol):
    """The columns of a node run that explain why it waits."""

    @property
    def state(self) -> str: ...
    @property
    def claim(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def slots(self) -> int: ...
    @property
    def retries(self) -> int: ...
    @property
    def losses(self) -> int: ...
    @property
    def ready_at(self) -> datetime | None: ...
    @property
    def retry_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


@dataclass(slots=True)
class _RunLimits:
    in_flight_count: int
    max_concurrent: int | None
    waits_for_workflow: bool


@dataclass(slots=True)
class _PoolLimits:
    slots: int | None
    in_use: int
    queue: list[tuple[Key, int]]
    """(key, slots) of the nodes that wait for it, in order."""
    holders: list[SlotHolder]

    def first_key(self) -> Key | None:
        return self.queue[0][0] if self.queue else None


@dataclass(slots=True)
class _Candidate:
    key: Key
    slots: int
    losses: int


@dataclass(frozen=True, slots=True)
class PoolUse:
    """A pool, as seen by a node that waits for it."""

    slots: int | None
    """None: there is no such pool."""
    in_use: int
    ahead: int
    """Slots that nodes ahead of it in the queue will take."""
    holders: list[SlotHolder]
    """The longest first."""


class WaitingConditions:
    """What the nodes of one run wait for. Limits and pools are read when the first node needs them."""

    def __init__(self, run: Run, document: Document, states: Mapping[str, str]) -> None:
        """`states`: of nodes that have left `pending`, as far as the pending nodes in question depend on them."""
        self.run = run
        self.document = document
        self.states = states
        self._limits: _RunLimits | None = None
        self._processes: dict[str, int] | None = None
        """Queue -> node processes that take it."""
        self._pools: dict[str, _PoolLimits] = {}
        self._pending: dict[tuple[str, ...], list[WaitingCondition]] = {}

    def of(self, node: Node, row: NodeRow | None) -> list[WaitingCondition]:
        """Return what a node waits for; do not change the list. `row` is None for a node that never left `pending`."""
        if row is None or row.state == "pending":
            return self._of_pending(node)
        if row.state == "ready":
            return self._of_ready(node, row)
        if row.state == "retrying":
            retry_us, since_us = optional_micros(row.retry_at), optional_micros(row.finished_at)
            return [retry_condition(row.retries, node.policy.retries, retry_us, since_us)]
        return []

    def shapes(self, node: Node, row: NodeRow | None) -> list[dict[str, Any]]:
        """Return the contract's `waiting_for` of a node; do not change it."""
        return [condition.shape() for condition in self.of(node, row)]

    def pool_use(self, node: Node, row: NodeRow) -> PoolUse:
        """Return the pool that a ready node waits for, as it is used now."""
        pool, own = self._pool(row.pool), self._key_of(node, row)
        ahead = sum(slots for key, slots in pool.queue if key < own)
        return PoolUse(pool.slots, pool.in_use, ahead, pool.holders)

    def _of_pending(self, node: Node) -> list[WaitingCondition]:
        run = self.run
        if run.state == "queued":
            awaited: tuple[str, ...] = ()
        elif run.state in RUN_UNFINISHED:
            states = self.states
            # A dict, because it keeps each source once in order, and a fan-in may have thousands of edges.
            awaited = tuple(
                {
                    edge.source: None
                    for edge in self.document.upstream.get(node.id, ())
                    if states.get(edge.source) not in NODE_TERMINAL
                }
            )
        else:
            return []
        found = self._pending.get(awaited)
        if found is None:
            # Nodes behind the same upstream nodes share their condition.
            condition = (
                queued_condition(self.document.settings.max_runs, micros(run.created_at))
                if run.state == "queued"
                else upstream_condition(awaited, self.document.by_id, optional_micros(run.started_at))
            )
            found = self._pending[awaited] = [condition]
        return found

    def _of_ready(self, node: Node, row: NodeRow) -> list[WaitingCondition]:
        queue = node.policy.queue
        processes = self._processes_of(queue)
        ready = ReadyNode(
            optional_micros(row.ready_at),
            row.losses,
            row.slots,
            max_runs=self.document.settings.max_runs,
            queue=queue,
            processes=processes,
            dispatched=bool(row.claim),
        )
        if row.claim:
            return ready.conditions(["worker" if processes else "queue"])
        limits = self._run_limits()
        ready.max_concurrent = limits.max_concurrent
        pool = self._pool(row.pool) if row.pool else None
        if pool is not None:
            ready.pool, ready.pool_slots, ready.pool_in_use = row.pool, pool.slots, pool.in_use
            ready.holders = pool.holders
        quarantine_busy = (
            row.losses >= rules.QUARANTINE_LOSSES
            and unfinished_nodes().filter(losses__gte=rules.QUARANTINE_LOSSES).exclude(claim="").exists()
        )
        candidate = _Candidate(self._key_of(node, row), row.slots, row.losses)
        codes = list(rules.waiting_codes(candidate, limits, pool, quarantine_busy, served=processes > 0))
        # Only the scheduler knows whether an executor has room. A node that waits for nothing else waits for that.
        return ready.conditions(codes or ["worker"])

    def _key_of(self, node: Node, row: NodeRow) -> Key:
        assert row.ready_at is not None
        return _key(row.ready_at, self.run.pk, node.index, node.policy.priority or self.run.priority)

    def _processes_of(self, queue: str) -> int:
        """Return how many node processes take the queue now."""
        if settings.INTERLOCK.executor == "local":
            processes: int = settings.INTERLOCK.processes
            return processes
        if self._processes is None:
            self._processes = {}
            for queues, capacity in Host.objects.filter(state="active").values_list("queues", "capacity"):
                for name in queues:
                    self._processes[name] = self._processes.get(name, 0) + capacity
        return self._processes.get(queue, 0)

    def _run_limits(self) -> _RunLimits:
        if self._limits is None:
            in_flight = unfinished_nodes().filter(run=self.run).exclude(claim="").count()
            waits = self.run.reason == "workflow_limit"
            self._limits = _RunLimits(in_flight, self.document.settings.max_concurrent, waits)
        return self._limits

    def _pool(self, name: str) -> _PoolLimits:
        if name not in self._pools:
            # Other nodes of this run wait for other pools: all are read at once.
            named = {node.policy.pool for node in self.document.nodes if node.policy.pool}
            changed = {policy["pool"] for policy in (self.run.altered or {}).values() if policy.get("pool")}
            self._read_pools({name} | ((named | changed) - self._pools.keys()))
        return self._pools[name]

    def _read_pools(self, names: Collection[str]) -> None:
        holders = slot_holders(names)
        slots = dict(Pool.objects.filter(name__in=names).values_list("name", "slots"))
        waiting = (
            unfinished_nodes()
            .filter(state="ready", pool__in=names, claim="")
            .values_list("pool", "run_id", "run__definition_id", "run__priority", "node", "ready_at", "slots")
        )
        queues: dict[str, list[tuple[Key, int]]] = {name: [] for name in names}
        loaded: dict[int, Document] = {self.run.definition_id: self.document}
        for name, run_id, definition, priority, node_id, ready_at, wanted in waiting:
            if wanted > slots.get(name, wanted):
                continue
            if definition not in loaded:
                loaded[definition] = store.load(definition)
            assert ready_at is not None
            node = loaded[definition].by_id[node_id]
            queues[name].append((_key(ready_at, run_id, node.index, node.policy.priority or priority), wanted))
        for name in names:
            held = holders.get(name, [])
            in_use = sum(holder.slots for holder in held)
            self._pools[name] = _PoolLimits(slots.get(name), in_use, sorted(queues[name]), held)


def _key(ready_at: datetime, run: int, index: int, priority: int) -> Key:
    return (rules.key(ready_at.timestamp(), priority), run, index)


def slot_holders(names: Iterable[str]) -> dict[str, list[SlotHolder]]:
    """Return by pool which nodes hold its slots, dispatched or running, the longest first."""
    by_pool: dict[str, list[SlotHolder]] = {}
    rows = (
        holding_nodes()
        .filter(pool__in=list(names), state__in=("ready", "running"))
        .values_list("pool", "run_id", "node", "slots", "state", "started_at", "ready_at")
    )
    for name, run_id, node, slots, state, started_at, ready_at in rows:
        since = started_at if state == "running" else ready_at
        by_pool.setdefault(name, []).append(SlotHolder(run_id, node, slots, optional_micros(since)))
    for holders in by_pool.values():
        holders.sort(key=lambda holder: (holder.since_us or 0, holder.run, holder.node))
    return by_pool
