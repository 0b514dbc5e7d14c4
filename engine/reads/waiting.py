"""Why nodes wait, from what the database says: the admission's own function, asked to explain instead of to act."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings

from engine import admission
from engine.admission import SUSPECT_LOSSES, Facts, Holder
from engine.definition import Document, Node, store
from engine.models import Host, Pool, Run
from engine.models.conditions import holding_nodes, unfinished_nodes
from engine.models.runs import RUN_UNFINISHED
from engine.shapes import micros, optional_micros
from engine.states import NODE_TERMINAL


class Row(Protocol):
    """What is asked of a node run's row."""

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
class _RunFacts:
    holds: int
    max_concurrent: int | None
    waits_for_workflow: bool


@dataclass(slots=True)
class _PoolFacts:
    slots: int | None
    in_use: int
    line: list[tuple[tuple[float, int, int], int]]
    """(key, slots) of those that wait for it, in order."""

    def first_key(self) -> tuple[float, int, int] | None:
        return self.line[0][0] if self.line else None


@dataclass(frozen=True, slots=True)
class PoolUse:
    """A pool, seen by a node that waits for it."""

    slots: int | None
    """None: there is no such pool."""
    in_use: int
    ahead: int
    """Slots that those before it in the line take."""
    holders: list[Holder]
    """The longest first."""


@dataclass(slots=True)
class _Candidate:
    key: tuple[float, int, int]
    slots: int
    losses: int


class Waiting:
    """What the nodes of one run wait for. Facts about limits and pools are read when the first node needs them."""

    def __init__(self, run: Run, nodes: Document, states: Mapping[str, str]) -> None:
        """`states`: of the nodes that have left `pending`, as far as pending ones that are asked about need them."""
        self.run = run
        self.nodes = nodes
        self.states = states
        self._run_facts: _RunFacts | None = None
        self._queues: dict[str, int] | None = None
        """Node processes of workers, by queue."""
        self._pools: dict[str, tuple[_PoolFacts, list[Holder]]] = {}
        self._pending: dict[tuple[str, ...], list[dict[str, Any]]] = {}

    def of(self, node: Node, row: Row | None) -> list[dict[str, Any]]:
        """The contract's `waiting_for`; `row` is None for a node that never left `pending`. Not to be changed."""
        if row is None or row.state == "pending":
            return self._upstream(node)
        if row.state == "ready":
            return self._ready(node, row)
        if row.state == "retrying":
            retry_us, since_us = optional_micros(row.retry_at), optional_micros(row.finished_at)
            return [admission.retry_condition(row.retries, node.policy.retries, retry_us, since_us)]
        return []

    def pool(self, node: Node, row: Row) -> PoolUse:
        """The pool that a ready node waits for, as it is used now."""
        assert row.ready_at is not None
        facts, held = self._pool(row.pool)
        own = _key(row.ready_at, self.run.pk, node.index, node.policy.priority or self.run.priority)
        ahead = sum(slots for key, slots in facts.line if key < own)
        return PoolUse(facts.slots, facts.in_use, ahead, held)

    def _upstream(self, node: Node) -> list[dict[str, Any]]:
        run = self.run
        if run.state == "queued":
            names: tuple[str, ...] = ()
        elif run.state in RUN_UNFINISHED:
            states = self.states
            # Two edges from one node are one name; a fan-in has thousands, and a list would be searched for each.
            open_sources = {
                edge.source: None
                for edge in self.nodes.upstream.get(node.id, ())
                if states.get(edge.source) not in NODE_TERMINAL
            }
            names = tuple(open_sources)
        else:
            return []
        found = self._pending.get(names)
        if found is None:
            # Nodes behind the same upstream nodes say the same.
            condition = (
                admission.queued_condition(self.nodes.settings.max_runs, micros(run.created_at))
                if run.state == "queued"
                else admission.upstream_condition(names, optional_micros(run.started_at))
            )
            found = self._pending[names] = [condition]
        return found

    def _ready(self, node: Node, row: Row) -> list[dict[str, Any]]:
        assert row.ready_at is not None
        processes = self._processes(node.policy.queue)
        facts = Facts(since_us=micros(row.ready_at), processes=processes, queue=node.policy.queue, sent=bool(row.claim))
        if row.claim:
            return admission.explain(["worker" if processes else "queue"], facts)
        run_facts = self._limits()
        pool, holders = self._pool(row.pool) if row.pool else (None, [])
        candidate = _Candidate(
            _key(row.ready_at, self.run.pk, node.index, node.policy.priority or self.run.priority),
            row.slots,
            row.losses,
        )
        facts.slots, facts.max_concurrent = row.slots, run_facts.max_concurrent
        facts.max_runs = self.nodes.settings.max_runs
        if pool is not None:
            facts.pool_name, facts.pool_slots, facts.pool_in_use = row.pool, pool.slots, pool.in_use
            facts.holders = holders
        suspected = (
            row.losses >= SUSPECT_LOSSES
            and unfinished_nodes().filter(losses__gte=SUSPECT_LOSSES).exclude(claim="").exists()
        )
        codes = list(admission.conditions(candidate, run_facts, pool, True, suspected, served=processes > 0))
        # Whether an executor has room is known to the scheduler alone: what is ready and free waits for that.
        return admission.explain(codes or ["worker"], facts)

    def _processes(self, queue: str) -> int:
        """Node processes of those who take the queue now."""
        if settings.INTERLOCK.executor == "local":
            return settings.INTERLOCK.processes
        if self._queues is None:
            self._queues = {}
            for queues, capacity in Host.objects.filter(state="active").values_list("queues", "capacity"):
                for name in queues:
                    self._queues[name] = self._queues.get(name, 0) + capacity
        return self._queues.get(queue, 0)

    def _limits(self) -> _RunFacts:
        if self._run_facts is None:
            holds = unfinished_nodes().filter(run=self.run).exclude(claim="").count()
            self._run_facts = _RunFacts(holds, self.nodes.settings.max_concurrent, self.run.reason == "workflow_limit")
        return self._run_facts

    def _pool(self, name: str) -> tuple[_PoolFacts, list[Holder]]:
        if name not in self._pools:
            # Others of this run wait for theirs: all are read at once.
            named = {node.policy.pool for node in self.nodes.nodes if node.policy.pool}
            changed = {policy["pool"] for policy in (self.run.altered or {}).values() if policy.get("pool")}
            self._read_pools({name} | ((named | changed) - self._pools.keys()))
        return self._pools[name]

    def _read_pools(self, names: Collection[str]) -> None:
        held = holders(names)
        slots = dict(Pool.objects.filter(name__in=names).values_list("name", "slots"))
        line = (
            unfinished_nodes()
            .filter(state="ready", pool__in=names, claim="")
            .values_list("pool", "run_id", "run__definition_id", "run__priority", "node", "ready_at", "slots")
        )
        keys: dict[str, list[tuple[tuple[float, int, int], int]]] = {name: [] for name in names}
        loaded: dict[int, Document] = {self.run.definition_id: self.nodes}
        for name, run_id, definition, priority, node, ready_at, wanted in line:
            if wanted > slots.get(name, wanted):
                continue
            if definition not in loaded:
                loaded[definition] = store.load(definition)
            assert ready_at is not None
            found = loaded[definition].by_id[node]
            keys[name].append((_key(ready_at, run_id, found.index, found.policy.priority or priority), wanted))
        for name in names:
            mine = held.get(name, [])
            facts = _PoolFacts(slots.get(name), sum(holder.slots for holder in mine), sorted(keys[name]))
            self._pools[name] = (facts, mine)


def _key(ready_at: datetime, run: int, index: int, priority: int) -> tuple[float, int, int]:
    return (admission.key(ready_at.timestamp(), priority), run, index)


def holders(names: Iterable[str]) -> dict[str, list[Holder]]:
    """Who holds slots of these pools: node runs with a claim, sent ones included, the longest first."""
    held: dict[str, list[Holder]] = {}
    rows = (
        holding_nodes()
        .filter(pool__in=list(names), state__in=("ready", "running"))
        .values_list("pool", "run_id", "node", "slots", "state", "started_at", "ready_at")
    )
    for name, run_id, node, slots, state, started_at, ready_at in rows:
        since = started_at if state == "running" else ready_at
        held.setdefault(name, []).append(Holder(run_id, node, slots, optional_micros(since)))
    for found in held.values():
        found.sort(key=lambda holder: (holder.since_us or 0, holder.run, holder.node))
    return held
