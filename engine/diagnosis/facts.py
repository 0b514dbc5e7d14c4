"""What the rules need to know of a run, read with few queries; none costs more for nodes that have ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from engine import clock, documents, policy, stackreads
from engine.definition import Document
from engine.diagnosis import cores, upstream
from engine.diagnosis.known import (
    BEHIND_MOST,
    Facts,
    Failure,
    Holder,
    Kept,
    PoolFacts,
    Root,
    Running,
    Sampled,
    Waiting,
    own_lines,
)
from engine.diagnosis.remedies import class_of
from engine.errors import NotFound
from engine.models import Attempt, Leader, LogBatch, NodeRun, Run, Sample
from engine.models.conditions import running_attempts, unfinished_nodes, unfinished_runs
from engine.models.runs import RUN_UNFINISHED
from engine.shapes import line_shape, moment
from engine.states import NODE_TERMINAL
from engine.waiting import Waiting as Conditions

RUNNING_MAX = 500
WAITING_MAX = 100
"""Waiting nodes that are explained; how many there are is said besides."""
NAMES_MAX = 500
"""Nodes named in one query; beyond it the states of all are read, which costs little more."""
SAMPLES_SECONDS = policy.QUIET_SECONDS + 5
LINES_MAX = 50
BEHIND_MAX = 5
"""Stuck nodes of which is counted who waits for them."""
HOLDERS_MAX = 64
RIVALS_MAX = 20
FAILED = ("failed", "timed_out")
LIMITS = ("SoftTimeout", "HardTimeout", "MemoryLimit")


def gather(run: Run, node: str | None = None) -> Facts:
    """The facts of a run, or what concerns one node of it. Raises NotFound for a node that it does not have."""
    document = documents.load(run.definition_id)
    if node is not None and node not in document.by_id:
        raise NotFound.node(run.pk, node)
    return _Gathering(run, document, node).facts()


class _Gathering:
    """One reading. `node`: the one that is asked about."""

    def __init__(self, run: Run, document: Document, node: str | None) -> None:
        self.run, self.document, self.node = run, document, node
        self.now = clock.now()
        self.asked = None if node is None else self._rows().filter(node=node).first()

    def _rows(self) -> Any:
        return NodeRun.objects.filter(run=self.run, item=-1).defer("output")

    def facts(self) -> Facts:
        run = self.run
        unfinished = run.state in RUN_UNFINISHED
        running, others = self._unfinished() if unfinished else ([], [])
        shown = [row for row in running if self.node in (None, row.node)]
        known = self._running(shown, running)
        waiting, total = self._waiting(running, others) if unfinished else ([], 0)
        failures, failed_total = self._failures()
        leader = Leader.objects.filter(pk=1).values_list("beat_at", "pid").first() if unfinished else None
        beat = leader[0] if leader else None
        return Facts(
            run=run.pk,
            workflow=run.workflow,
            state=run.state,
            now=self.now,
            version=run.version,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            counts=run.counts,
            beat_age=None if beat is None else max(0.0, (self.now - beat).total_seconds()),
            scheduler_pid=leader[1] if leader else None,
            running=known,
            waiting=waiting,
            waiting_total=total,
            failures=failures,
            failed_total=failed_total,
            occupants=self._occupants() if _waits_for(waiting, "worker") else (),
            processes=settings.INTERLOCK.processes,
            max_runs=self.document.settings.max_runs,
            rivals=self._rivals() if _waits_for(waiting, "run_queued", "workflow_limit") else (),
            machine_memory=_machine_memory(),
            asked=self.node,
            asked_name="" if self.node is None else self.document.by_id[self.node].name,
        )

    # What runs.

    def _unfinished(self) -> tuple[list[NodeRun], list[NodeRun]]:
        """(running, others) of the run; of one node that runs or has ended only itself."""
        if self.asked is not None and (self.asked.state in NODE_TERMINAL or self.asked.state == "running"):
            return ([self.asked] if self.asked.state == "running" else []), []
        rows = unfinished_nodes().filter(run=self.run, item=-1).defer("output").order_by("id")
        running = list(rows.filter(state="running")[:RUNNING_MAX])
        if self.asked is not None and self.asked.state != "pending":
            return running, [self.asked]
        return running, list(rows.exclude(state="running")[:WAITING_MAX])

    def _running(self, rows: Sequence[NodeRun], all_running: Sequence[NodeRun]) -> list[Running]:
        """`rows` with all that was measured on them; of the others that run only how long."""
        attempts = {row.node: row for row in running_attempts().filter(run=self.run, item=-1)} if all_running else {}
        names = [row.node for row in rows]
        samples = self._samples(names)
        looked_at = [row.node for row in rows if self._wants_stacks(row)]
        stacks = stackreads.newest_of(self.run, looked_at) if looked_at else {}
        behind = {name: self._behind(name) for name in looked_at[:BEHIND_MAX]}
        found = []
        for row in rows:
            attempt = attempts.get(row.node)
            if row.started_at is None:
                continue
            logs = self._lines(row.node, row.attempt) if row.node in stacks or row.node in looked_at else []
            found.append(
                self._known(
                    row,
                    attempt,
                    logs=logs,
                    said_at=self._said_at(row, logs),
                    stack=_kept(stacks.get(row.node), row.attempt),
                    samples=[sample for number, sample in samples.get(row.node, ()) if number == row.attempt],
                    cores=cores.usable(attempt.pid, attempt.pid_started) if attempt is not None else None,
                    behind=behind.get(row.node, 0),
                )
            )
        found += [
            self._known(row, attempts.get(row.node))
            for row in all_running
            if row.node not in names and row.started_at is not None
        ]
        return found

    def _known(self, row: NodeRun, attempt: Attempt | None, **measured: Any) -> Running:
        node = self.document.by_id[row.node]
        limits = self._limits(row.node)
        assert row.started_at is not None
        return Running(
            node=row.node,
            name=node.name,
            type=node.type,
            attempt=row.attempt,
            pid=attempt.pid or None if attempt is not None else None,
            started_at=row.started_at,
            seconds=max(0.0, (self.now - row.started_at).total_seconds()),
            expected=row.expected,
            expected_from=row.expected_from,
            soft_timeout=limits["soft_timeout"],
            hard_timeout=limits["hard_timeout"],
            memory_mb=limits["memory_mb"],
            **measured,
        )

    def _limits(self, node: str) -> dict[str, Any]:
        """Limits of a node in this run, with what a retry changed."""
        base, altered = self.document.by_id[node].policy, (self.run.altered or {}).get(node, {})
        return {name: altered.get(name, getattr(base, name)) for name in ("soft_timeout", "hard_timeout", "memory_mb")}

    def _wants_stacks(self, row: NodeRun) -> bool:
        """Whether it is stuck, or may be quiet."""
        if row.started_at is None:
            return False
        limit = policy.stuck_after(row.expected, row.expected_from)
        seconds = (self.now - row.started_at).total_seconds()
        return seconds > (policy.QUIET_SECONDS if limit is None else limit)

    def _samples(self, nodes: Sequence[str]) -> dict[str, list[tuple[int, Sampled]]]:
        found: dict[str, list[tuple[int, Sampled]]] = {}
        if not nodes:
            return found
        rows = (
            Sample.objects.filter(
                run=self.run, node__in=nodes, item=-1, at__gte=self.now - timedelta(seconds=SAMPLES_SECONDS)
            )
            .order_by("at")
            .values_list(
                "node", "attempt", "at", "cpu_percent", "memory_bytes", "io_wait", "io_bytes", "network_bytes",
                "network_scope",
            )
        )  # fmt: skip
        for row in rows:
            found.setdefault(row[0], []).append((row[1], Sampled(*row[2:])))
        return found

    def _lines(self, node: str, attempt: int) -> list[dict[str, Any]]:
        """The last lines of an attempt, oldest first."""
        batches = LogBatch.objects.filter(run=self.run, node=node, attempt=attempt).order_by("-first_seq")
        wanted, count = [], 0
        for first, last in batches.values_list("first_seq", "last_seq")[:LINES_MAX]:
            wanted.append(first)
            count += last - first + 1
            if count >= LINES_MAX:
                break
        lines: list[dict[str, Any]] = []
        if wanted:
            bodies = LogBatch.objects.filter(run=self.run, first_seq__in=wanted).order_by("first_seq")
            for first, body in bodies.values_list("first_seq", "body"):
                for offset, (at, level, message) in enumerate(json.loads(body)):
                    lines.append(line_shape(first + offset, at, node, attempt, level, message))
        return lines[-LINES_MAX:]

    def _said_at(self, row: NodeRun, logs: Sequence[Mapping[str, Any]]) -> datetime | None:
        times = [line["at"] for line in own_lines(logs)[-1:]]
        if row.progress and row.progress.get("at"):
            times.append(row.progress["at"])
        return max((datetime.fromisoformat(time) for time in times), default=None)

    def _behind(self, node: str) -> int:
        """How many nodes cannot start before it ends."""
        pending: int = self.run.counts.get("pending", 0)
        return min(len(upstream.behind(self.document, [node], most=BEHIND_MOST)), pending)

    # What waits.

    def _waiting(self, running: Sequence[NodeRun], others: Sequence[NodeRun]) -> tuple[list[Waiting], int]:
        counts = self.run.counts
        total = sum(counts.get(state, 0) for state in ("pending", "ready", "waiting", "retrying"))
        if self.node is not None:
            if self.asked is not None and self.asked.state != "pending":
                if self.asked.state not in ("ready", "waiting", "retrying"):
                    return [], 0
                conditions = Conditions(self.run, self.document, {})
                return self._explained(conditions, [self.asked]), 1
            return self._pending([self.node], running, others), 1
        # Those that may start come first: what they wait for is not an upstream node.
        conditions = Conditions(self.run, self.document, {})
        found = self._explained(conditions, others)
        if len(found) < WAITING_MAX and counts.get("pending"):
            if self.run.state == "queued":
                names: Iterable[str] = self.document.order[:WAITING_MAX]
            else:
                active = [row.node for row in (*running, *others)]
                names = upstream.behind(self.document, active, most=2 * WAITING_MAX)
            found += self._pending(list(names), running, others)[: WAITING_MAX - len(found)]
        return found, total

    def _explained(self, conditions: Conditions, rows: Sequence[NodeRun]) -> list[Waiting]:
        """Nodes that are ready, waiting or retrying."""
        ended = self._last_attempts([row for row in rows if row.state == "retrying"])
        found: list[Waiting] = []
        pools: dict[int, Any] = {}
        for row in rows:
            node = self.document.by_id[row.node]
            said = conditions.of(node, row)
            if row.pool and row.state == "ready" and any(one["code"].startswith("pool") for one in said):
                pools[len(found)] = conditions.pool(node, row)
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
            found[place] = _replaced(one, pool)
        return found

    def _pending(self, names: Sequence[str], running: Sequence[NodeRun], others: Sequence[NodeRun]) -> list[Waiting]:
        """Those of `names` that are pending, with the node that each really waits for."""
        active = {row.node: row for row in (*running, *others)}
        roots = upstream.roots(self.document, active, self._blame)
        states = self._states(names, active, roots)
        conditions = Conditions(self.run, self.document, states)
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
                why = str(own[0]["message"]) if own else ""
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

    def _last_attempts(self, rows: Sequence[NodeRun]) -> dict[str, Attempt]:
        if not rows:
            return {}
        numbers = {row.node: row.attempt for row in rows}
        attempts = Attempt.objects.filter(
            run=self.run, item=-1, node__in=list(numbers), number__in=set(numbers.values())
        )
        return {one.node: one for one in attempts if numbers[one.node] == one.number}

    def _occupants(self) -> list[Holder]:
        """Who has the node processes of this installation."""
        rows = list(
            running_attempts()
            .filter(item=-1)
            .order_by("started_at")
            .values_list("run", "node", "started_at")[:HOLDERS_MAX]
        )
        known = _who({(run, node) for run, node, _ in rows})
        return [Holder(run, node, since, 1, *known.get((run, node), (None, False))) for run, node, since in rows]

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

    # What failed.

    def _failures(self) -> tuple[list[Failure], int]:
        """The first failure of the run, or what made the asked node end as it did; and how many failed."""
        counts = self.run.counts
        total = counts.get("failed", 0) + counts.get("timed_out", 0)
        row = None
        if self.node is None:
            if total:
                row = self._rows().filter(state__in=FAILED).order_by("finished_at", "id").first()
        elif self.asked is not None and self.asked.state in FAILED:
            row = self.asked
        elif total and self.asked is not None and self.asked.state in ("upstream_failed", "cancelled"):
            if self.asked.state == "cancelled" and self.asked.reason != "run_stopped":
                return [], total
            rows = list(self._rows().filter(state__in=FAILED).order_by("finished_at", "id")[:WAITING_MAX])
            above = upstream.above(self.document, self.asked.node)
            row = next((one for one in rows if one.node in above), rows[0] if rows else None)
        return ([] if row is None else [self._failure(row)]), total

    def _last_stack(self, row: NodeRun) -> Kept | None:
        """What it did before a limit ended it; of other ends stacks say nothing."""
        if class_of(row.error) not in LIMITS:
            return None
        return _kept(stackreads.newest(self.run, row.node, row.attempt), row.attempt)

    def _failure(self, row: NodeRun) -> Failure:
        node = self.document.by_id[row.node]
        attempt = self._last_attempts([row]).get(row.node)
        ended = attempt is not None and attempt.finished_at is not None
        usage = (attempt.usage if attempt is not None else None) or {}
        return Failure(
            node=row.node,
            name=node.name,
            type=node.type,
            state=row.state,
            error=row.error,
            attempt=row.attempt,
            pid=None if attempt is None else attempt.pid or None,
            finished_at=row.finished_at,
            seconds=(attempt.finished_at - attempt.started_at).total_seconds()
            if attempt is not None and attempt.finished_at is not None and ended
            else None,
            memory_peak=usage.get("memory_peak_bytes"),
            retries=row.retries,
            stack=self._last_stack(row),
            logs=self._lines(row.node, row.attempt),
            **self._limits(row.node),
        )


def _kept(shape: Mapping[str, Any] | None, attempt: int) -> Kept | None:
    if shape is None or shape["attempt"] != attempt:
        return None
    return Kept(datetime.fromisoformat(shape["taken_at"]), shape["why"], shape)


def _waits_for(waiting: Sequence[Waiting], *codes: str) -> bool:
    return any(condition["code"] in codes for one in waiting for condition in one.conditions)


def _replaced(one: Waiting, pool: PoolFacts) -> Waiting:
    from dataclasses import replace

    return replace(one, pool=pool)


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


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
