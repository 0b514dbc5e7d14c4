"""Every read that pages, the API and sockets need of runs, nodes and pools; of logs see `engine.logreads`.

Nothing here writes. Reads run outside transactions: on SQLite even a read-only one would wait for the scheduler's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet, Sum

from engine import clock, documents
from engine.definition import Document, Node
from engine.errors import NotFound
from engine.models import Attempt, Leader, NodeRun, Pool, Run
from engine.models.conditions import failed_runs as failed_or_timed_out
from engine.models.conditions import holding_nodes, unfinished_nodes, unfinished_runs
from engine.models.runs import RUN_UNFINISHED
from engine.scheduler import admission
from engine.scheduler.admission import Facts, Holder
from engine.shapes import iso, micros, node_shape, output_summary, run_shape
from engine.states import NODE_TERMINAL


def run(run_id: int | str) -> Run:
    """The run with this id. Raises NotFound."""
    try:
        return Run.objects.get(pk=int(run_id))
    except (ValueError, OverflowError, Run.DoesNotExist):
        raise NotFound.run(run_id) from None


def runs(
    *,
    workflow: str | None = None,
    states: Iterable[str] | None = None,
    version: int | None = None,
    draft: bool | None = None,
    created_by: str | None = None,
    before: int | None = None,
) -> QuerySet[Run]:
    """Runs that match all given filters, newest first. `before`: only ids below it (paging)."""
    found = Run.objects.order_by("-id")
    if workflow is not None:
        found = found.filter(workflow=workflow)
    if states is not None:
        found = found.filter(state__in=list(states))
    if version is not None:
        found = found.filter(version=version)
    if draft is not None:
        found = found.filter(draft=draft)
    if created_by is not None:
        found = found.filter(created_by=created_by)
    if before is not None:
        found = found.filter(pk__lt=before)
    return found


def failed_runs(limit: int = 10) -> list[Run]:
    """Runs that failed or ran out of time, the last to end first."""
    return list(failed_or_timed_out().order_by("-finished_at")[:limit])


def document(run: Run) -> Document:
    """The parsed definition that the run is pinned to; cached."""
    return documents.load(run.definition_id)


def run_dict(run: Run) -> dict[str, Any]:
    """The contract's Run."""
    return run_shape(
        run.pk,
        workflow=run.workflow,
        version=run.version,
        draft=run.draft,
        state=run.state,
        reason=run.reason,
        inputs=run.inputs,
        priority=run.priority,
        altered=bool(run.altered),
        created_by=run.created_by,
        created_us=micros(run.created_at),
        started_us=_micros(run.started_at),
        finished_us=_micros(run.finished_at),
        counts=run.counts,
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


# Node runs


def node_runs(run: Run) -> list[dict[str, Any]]:
    """The contract's node runs of all nodes, also pending ones, in document order."""
    nodes = document(run)
    rows = {row.node: row for row in NodeRun.objects.filter(run=run, item=-1)}
    waiting = _Waiting(run, nodes, rows)
    return [waiting.shape(node) for node in nodes.nodes]


def node_run(run: Run, node: str) -> dict[str, Any]:
    """The contract's node run of one node. Raises NotFound."""
    nodes = document(run)
    if node not in nodes.by_id:
        raise NotFound.node(run.pk, node)
    wanted = [node, *(edge.source for edge in nodes.upstream.get(node, ()))]
    rows = {row.node: row for row in NodeRun.objects.filter(run=run, item=-1, node__in=wanted)}
    return _Waiting(run, nodes, rows).shape(nodes.by_id[node])


def node_output(run: Run, node: str) -> dict[str, Any] | None:
    """The stored output (see engine.outputs); None: there is none. Raises NotFound."""
    if node not in document(run).by_id:
        raise NotFound.node(run.pk, node)
    output: dict[str, Any] | None = (
        NodeRun.objects.filter(run=run, node=node, item=-1).values_list("output", flat=True).first()
    )
    return output


@dataclass(slots=True)
class _RunFacts:
    holds: int
    max_concurrent: int | None
    waits_for_workflow: bool


@dataclass(slots=True)
class _PoolFacts:
    slots: int | None
    in_use: int
    first: tuple[float, int, int] | None

    def first_key(self) -> tuple[float, int, int] | None:
        return self.first


@dataclass(slots=True)
class _Candidate:
    key: tuple[float, int, int]
    slots: int


class _Waiting:
    """Builds node runs with what they wait for; facts about pools are read when the first node needs them."""

    def __init__(self, run: Run, nodes: Document, rows: Mapping[str, NodeRun]) -> None:
        self.run = run
        self.nodes = nodes
        self.rows = rows
        self._run_facts: _RunFacts | None = None
        self._pools: dict[str, tuple[_PoolFacts, list[Holder]]] = {}

    def shape(self, node: Node) -> dict[str, Any]:
        row = self.rows.get(node.id)
        if row is None:
            return node_shape(
                node.id,
                node.type,
                node.name,
                expected=node.policy.expected_duration,
                expected_from="none" if node.policy.expected_duration is None else "author",
                waiting_for=self._pending(node),
            )
        return node_shape(
            node.id,
            node.type,
            node.name,
            state=row.state,
            reason=row.reason,
            attempt=row.attempt,
            started_us=_micros(row.started_at),
            finished_us=_micros(row.finished_at),
            expected=row.expected,
            expected_from=row.expected_from,
            progress=row.progress,
            error=row.error,
            waiting_for=self._waiting_for(node, row),
            output=output_summary(row.output),
        )

    def _waiting_for(self, node: Node, row: NodeRun) -> list[dict[str, Any]]:
        if row.state == "pending":
            return self._pending(node)
        if row.state == "retrying":
            retries = node.policy.retries
            return [
                admission.retry_condition(row.retries, retries, _micros(row.retry_at), _micros(row.finished_at)),
            ]
        if row.state == "ready":
            return self._ready(node, row)
        return []

    def _pending(self, node: Node) -> list[dict[str, Any]]:
        if self.run.state == "queued":
            return [admission.queued_condition(self.nodes.settings.max_runs, micros(self.run.created_at))]
        if self.run.state not in RUN_UNFINISHED:
            return []
        names = []
        for edge in self.nodes.upstream.get(node.id, ()):
            row = self.rows.get(edge.source)
            if (row is None or row.state not in NODE_TERMINAL) and edge.source not in names:
                names.append(edge.source)
        return [admission.upstream_condition(names, _micros(self.run.started_at))]

    def _ready(self, node: Node, row: NodeRun) -> list[dict[str, Any]]:
        assert row.ready_at is not None
        facts = Facts(since_us=micros(row.ready_at), processes=settings.INTERLOCK.processes, sent=bool(row.claim))
        if row.claim:
            return admission.explain(["worker"], facts)
        run_facts = self._limits()
        pool, holders = self._pool(row.pool) if row.pool else (None, [])
        candidate = _Candidate(self._key(row, node.index, node.policy.priority or self.run.priority), row.slots)
        facts.slots, facts.max_concurrent = row.slots, run_facts.max_concurrent
        facts.max_runs = self.nodes.settings.max_runs
        if pool is not None:
            facts.pool_name, facts.pool_slots, facts.pool_in_use = row.pool, pool.slots, pool.in_use
            facts.holders = holders
        codes = list(admission.conditions(candidate, run_facts, pool, room=True))
        # Whether an executor has room is known to the scheduler alone: what is ready and free waits for that.
        return admission.explain(codes or ["worker"], facts)

    def _limits(self) -> _RunFacts:
        if self._run_facts is None:
            holds = unfinished_nodes().filter(run=self.run).exclude(claim="").count()
            self._run_facts = _RunFacts(holds, self.nodes.settings.max_concurrent, self.run.reason == "workflow_limit")
        return self._run_facts

    def _key(self, row: NodeRun, index: int, priority: int) -> tuple[float, int, int]:
        assert row.ready_at is not None
        return (admission.key(row.ready_at.timestamp(), priority), row.run_id, index)

    def _pool(self, name: str) -> tuple[_PoolFacts, list[Holder]]:
        if name not in self._pools:
            holders = _holders([name]).get(name, [])
            slots = Pool.objects.filter(name=name).values_list("slots", flat=True).first()
            line = unfinished_nodes().filter(state="ready", pool=name, claim="").select_related("run")
            keys = []
            loaded: dict[int, Document] = {self.run.definition_id: self.nodes}
            for row in line:
                if slots is not None and row.slots > slots:
                    continue
                if row.run.definition_id not in loaded:
                    loaded[row.run.definition_id] = documents.load(row.run.definition_id)
                found = loaded[row.run.definition_id].by_id[row.node]
                keys.append(self._key(row, found.index, found.policy.priority or row.run.priority))
            facts = _PoolFacts(slots, sum(holder.slots for holder in holders), min(keys, default=None))
            self._pools[name] = (facts, holders)
        return self._pools[name]


# Attempts


def attempts(run: Run, node: str) -> list[dict[str, Any]]:
    """The contract's attempts of one node, the first first. Raises NotFound."""
    if node not in document(run).by_id:
        raise NotFound.node(run.pk, node)
    return [
        {
            "number": row.number,
            "state": row.state,
            "worker": row.worker,
            "pid": row.pid,
            "started_at": iso(micros(row.started_at)),
            "finished_at": iso(_micros(row.finished_at)),
            "error": row.error,
            "usage": row.usage,
            "receipt": row.receipt,
        }
        for row in Attempt.objects.filter(run=run, node=node, item=-1).order_by("number")
    ]


# Pools and the whole


def pools() -> list[dict[str, Any]]:
    """The contract's pools, by name."""
    rows = list(Pool.objects.order_by("name"))
    return _pool_dicts(rows)


def pool(name: str) -> dict[str, Any]:
    """The contract's pool. Raises NotFound."""
    row = Pool.objects.filter(name=name).first()
    if row is None:
        raise NotFound.pool(name)
    return _pool_dicts([row])[0]


def _pool_dicts(rows: list[Pool]) -> list[dict[str, Any]]:
    holders = _holders([row.name for row in rows])
    waiting = dict(
        unfinished_nodes()
        .filter(state="ready", claim="", pool__in=[row.name for row in rows])
        .values_list("pool")
        .annotate(Count("id"))
    )
    return [
        {
            "name": row.name,
            "slots": row.slots,
            "in_use": sum(holder.slots for holder in holders.get(row.name, ())),
            "waiting": waiting.get(row.name, 0),
            "acquired": row.acquired,
            "released": row.released,
            "longest_wait": row.longest_wait,
            "holders": [holder.shape() for holder in holders.get(row.name, ())],
        }
        for row in rows
    ]


def _holders(names: Iterable[str]) -> dict[str, list[Holder]]:
    """Who holds slots of these pools: node runs with a claim, sent ones included, the longest first."""
    held: dict[str, list[Holder]] = {}
    rows = (
        holding_nodes()
        .filter(pool__in=list(names), state__in=("ready", "running"))
        .values_list("pool", "run_id", "node", "slots", "state", "started_at", "ready_at")
    )
    for name, run_id, node, slots, state, started_at, ready_at in rows:
        since = started_at if state == "running" else ready_at
        held.setdefault(name, []).append(Holder(run_id, node, slots, _micros(since)))
    for holders in held.values():
        holders.sort(key=lambda holder: (holder.since_us or 0, holder.run, holder.node))
    return held


def pool_slots_in_use() -> int:
    """Slots held over all pools: 0 at rest."""
    total = holding_nodes().aggregate(total=Sum("slots"))["total"]
    return total or 0


def counters() -> dict[str, Any]:
    """Numbers of the overview: runs and nodes that are not done, and what ended in the last day."""
    states = dict(unfinished_runs().values_list("state").annotate(Count("id")))
    nodes = dict(unfinished_nodes().values_list("state").annotate(Count("id")))
    since = clock.now() - timedelta(days=1)
    ended = dict(
        Run.objects.filter(finished_at__gte=since)
        .exclude(state__in=RUN_UNFINISHED)
        .values_list("state")
        .annotate(Count("id"))
    )
    return {
        "runs_queued": states.get("queued", 0),
        "runs_running": states.get("running", 0),
        "nodes_running": nodes.get("running", 0),
        "nodes_ready": nodes.get("ready", 0),
        "nodes_retrying": nodes.get("retrying", 0),
        "succeeded_today": ended.get("succeeded", 0),
        "failed_today": ended.get("failed", 0) + ended.get("timed_out", 0),
        "cancelled_today": ended.get("cancelled", 0),
        "scheduler": scheduler_alive(),
    }


def beat_age() -> float | None:
    """Seconds since the scheduler's last heartbeat; None: there was none yet."""
    beat = Leader.objects.filter(pk=1).values_list("beat_at", flat=True).first()
    return None if beat is None else (clock.now() - beat).total_seconds()


def scheduler_alive(limit_seconds: float = 5.0) -> bool:
    """Whether a scheduler has given a sign of life lately."""
    age = beat_age()
    return age is not None and age < limit_seconds
