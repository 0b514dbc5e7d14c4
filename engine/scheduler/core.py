"""The scheduler's decisions: memory and inputs in, transitions and wishes out.

Pure: no database, clock or socket; time comes in with `begin`. Whoever drives it writes `changes` in one
transaction, then does what `changes` asks of the executor (`kills`, `sends`), and starts the next tick.

    core.begin(now_us, mono)
    core.report(...), core.command methods, core.run_timers()
    core.work(budget)
    core.admit(room)
    changes = core.take_changes()
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any

from engine import policy as policies
from engine.executors.base import Ended, Lines, Progress, Report, Returned, Sampled, Started
from engine.scheduler import admission
from engine.scheduler.admission import Facts
from engine.scheduler.memory import AttemptState, Changes, LogRow, NodeState, PoolState, RunState, WorkflowState
from engine.scheduler.queue import Line, leave
from engine.shapes import iso, output_summary
from engine.states import NODE_TERMINAL, check_node, check_run
from engine.text import clean_text

PROGRESS_SECONDS = 0.1
"""At most ten progress events a second and node."""
LINES_MAX = 200
"""Lines in one LogBatch."""
FAILED = frozenset({"failed", "timed_out"})

Job = Generator[None, None, None]


class Core:
    """All runs that are not over, and how they go on."""

    def __init__(
        self,
        *,
        rng: random.Random,
        make_claim: Callable[[], str],
        expectations: Callable[[str], Mapping[str, float]] = lambda workflow: {},
    ) -> None:
        """`expectations`: workflow -> {node: learned seconds}; asked when a node becomes ready."""
        self.rng = rng
        self.make_claim = make_claim
        self.expectations = expectations
        self.now_us = 0
        self.mono = 0.0
        self.runs: dict[int, RunState] = {}
        self.claims: dict[str, NodeState] = {}
        self.pools: dict[str, PoolState] = {}
        self.workflows: dict[str, WorkflowState] = {}
        self.line: Line = Line()
        """Ready nodes that only wait for an executor."""
        self.changes = Changes()
        self.jobs: deque[tuple[RunState, Job]] = deque()
        self.todo: deque[RunState] = deque()
        """Runs with pending nodes to decide."""
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self.made_ready: list[NodeState] = []
        self.maybe_over: list[RunState] = []
        self.stale = 0
        """Reports whose claim nobody has: they changed nothing."""

    # A tick.

    def begin(self, now_us: int, mono: float) -> None:
        """A tick starts at this time."""
        self.now_us = now_us
        self.mono = mono

    def take_changes(self) -> Changes:
        """What the tick changed; the next one starts empty."""
        for node in self.made_ready:
            event, node.ready_event = node.ready_event, None
            if event is not None and node.state == "ready" and not node.claim:
                event["w"] = self.waiting_for(node)
        self.made_ready.clear()
        changes = self.changes
        self.changes = Changes()
        return changes

    def work(self, budget: int) -> None:
        """Decide pending nodes and go on with commands that are spread over ticks, until `budget` rows changed."""
        changes = self.changes
        while changes.size < budget:
            if self.todo:
                run = self.todo[0]
                todo = run.todo
                while todo and changes.size < budget:
                    self._decide(run, todo.popleft())
                if not todo:
                    run.queued_todo = False
                    self.todo.popleft()
            elif self.jobs:
                run, job = self.jobs[0]
                try:
                    next(job)
                except StopIteration:
                    self.jobs.popleft()
                    run.jobs -= 1
                    self.maybe_over.append(run)
            elif self.maybe_over:
                # Before admission: a run that ends may let another one of its workflow start.
                self._end_if_over(self.maybe_over.pop())
            else:
                return

    @property
    def has_more(self) -> bool:
        """Whether there is work that needs no news."""
        return bool(self.todo or self.jobs or self.maybe_over)

    def next_due(self) -> float | None:
        """Monotonic time of the next timer."""
        return self.timers[0][0] if self.timers else None

    def run_timers(self) -> None:
        """Do what is due."""
        while self.timers and self.timers[0][0] <= self.mono:
            heapq.heappop(self.timers)[2]()

    def at(self, mono: float, action: Callable[[], None]) -> None:
        """Call `action` in the first tick after this monotonic time. It must check that it still applies."""
        self._serial += 1
        heapq.heappush(self.timers, (mono, self._serial, action))

    # Marks of what changed.

    def touch(self, node: NodeState) -> None:
        if not node.dirty:
            node.dirty = True
            self.changes.nodes.append(node)
        self.touch_run(node.run)

    def touch_run(self, run: RunState) -> None:
        if not run.dirty:
            run.dirty = True
            self.changes.runs.append(run)

    def touch_attempt(self, attempt: AttemptState) -> None:
        if not attempt.dirty:
            attempt.dirty = True
            self.changes.attempts.append(attempt)

    def touch_pool(self, pool: PoolState) -> None:
        if not pool.dirty:
            pool.dirty = True
            self.changes.pools.append(pool)

    # Transitions. Every change of a state goes through these two.

    def move(self, node: NodeState, event: str, to: str, reason: str = "", at_us: int | None = None) -> None:
        """Take `node` to state `to`, as the table allows, with its event and its effect on others."""
        state = node.state
        check_node(state, event, to)
        run = node.run
        counts = run.counts
        if counts[state] == 1:
            del counts[state]
        else:
            counts[state] -= 1
        counts[to] = counts.get(to, 0) + 1
        node.state = to
        node.reason = reason
        at = self.now_us if at_us is None else at_us
        if state in NODE_TERMINAL:
            run.left += 1
            node.finished_us = None
            for target in node.plan.targets:
                run.undecided[target] += 1
        if to in NODE_TERMINAL:
            self._on_end(run, node, at)
        elif to == "ready":
            self._on_ready(node)
        elif to == "running":
            leave(node)
        self._node_event(node, at)
        self.touch(node)

    def move_run(self, run: RunState, event: str, to: str, reason: str = "") -> None:
        """Take `run` to state `to`, as the table allows, with its event."""
        check_run(run.state, event, to)
        run.state = to
        run.reason = reason
        self.run_event(run)

    def run_event(self, run: RunState) -> None:
        """Tell of the run as it is now."""
        fields: dict[str, Any] = {"s": run.state, "c": dict(run.counts), "p": run.priority}
        if run.reason:
            fields["r"] = run.reason
        if run.started_us is not None:
            fields["b"] = run.started_us
        if run.finished_us is not None:
            fields["f"] = run.finished_us
        if run.altered:
            fields["m"] = 1
        run.seq += 1
        run.events.append([run.seq, self.now_us, "r", fields])
        self.touch_run(run)

    def _node_event(self, node: NodeState, at_us: int) -> None:
        run = node.run
        fields: dict[str, Any] = {"s": node.state}
        if node.reason:
            fields["r"] = node.reason
        if node.attempt:
            fields["a"] = node.attempt
            if node.started_us is not None:
                fields["b"] = node.started_us
        if node.finished_us is not None:
            fields["f"] = node.finished_us
        if node.expected is not None:
            fields["x"] = node.expected
            fields["y"] = node.expected_from
        if node.progress is not None:
            fields["p"] = node.progress
        if node.error is not None:
            fields["e"] = node.error
        if node.summary is not None:
            fields["o"] = node.summary
        if node.state == "ready":
            node.ready_event = fields
            self.made_ready.append(node)
        elif node.state == "retrying":
            fields["w"] = self.waiting_for(node)
        run.seq += 1
        run.events.append([run.seq, at_us, "n", node.plan.id, fields])

    def _on_end(self, run: RunState, node: NodeState, at_us: int) -> None:
        leave(node)
        state = node.state
        if node.finished_us is None:
            node.finished_us = at_us
        run.left -= 1
        plan = run.plan.nodes
        undecided = run.undecided
        for target in node.plan.targets:
            undecided[target] -= 1
            other = plan[target]
            # A branch decides by its ports, so its state alone does not say.
            if not undecided[target] or state in other.early or node.plan.branches:
                self.decide_later(run, target)
        if state in FAILED and not run.stopping and run.plan.settings.on_failure == "stop":
            self.stop_run(run, "run_stopped")
        if not run.left:
            self.maybe_over.append(run)

    def _on_ready(self, node: NodeState) -> None:
        run = node.run
        node.ready_us = self.now_us
        self.place(node)
        if node.plan.expected is not None:
            node.expected, node.expected_from = node.plan.expected, "author"
        else:
            learned = self.expectations(run.workflow).get(node.plan.id)
            node.expected = learned
            node.expected_from = "none" if learned is None else "learned"

    def limits(self, node: NodeState) -> None:
        """Take up the limits that hold for the node's next attempt: its policy's, or what a person changed."""
        plan = node.plan
        policy = plan.policy
        pool, slots = policy.pool, policy.slots
        altered = node.run.altered.get(plan.id) if node.run.altered else None
        if altered:
            pool, slots = altered.get("pool", pool), altered.get("slots", slots)
            node.soft_timeout = altered.get("soft_timeout", policy.soft_timeout)
            node.hard_timeout = altered.get("hard_timeout", policy.hard_timeout)
            node.memory_mb = altered.get("memory_mb", policy.memory_mb)
        node.slots = slots
        node.pool = self.pool(pool) if pool else None

    def place(self, node: NodeState) -> None:
        """Put a ready node in line."""
        self.limits(node)
        run = node.run
        priority = node.plan.policy.priority
        node.key = (
            admission.key(node.ready_us / 1e6, run.priority if priority is None else priority),
            run.id,
            node.plan.index,
        )
        self.line.push(node)

    def pool(self, name: str) -> PoolState:
        """The pool with this name; one that does not exist has no slots."""
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = PoolState(name, None)
        return pool

    # Pending nodes.

    def decide_later(self, run: RunState, index: int) -> None:
        """Look at a pending node's trigger rule within this tick or the next."""
        run.todo.append(index)
        if not run.queued_todo:
            run.queued_todo = True
            self.todo.append(run)

    def seen(self, run: RunState, source: int, port: str) -> tuple[str, NodeState | None]:
        """State of an upstream node as seen through an edge from `port`, and the node."""
        node = run.nodes[source]
        if node is None:
            return "pending", None
        if node.state == "succeeded" and node.ports is not None and port not in node.ports:
            return "skipped", node
        return node.state, node

    def _decide(self, run: RunState, index: int) -> None:
        node = run.nodes[index]
        if (node is not None and node.state != "pending") or run.state != "running":
            return
        if run.stopping:
            self._decide_stopped(run, index)
            return
        plan = run.plan.nodes[index]
        decision = policies.decide(plan.rule, [self.seen(run, source, port)[0] for source, port, _ in plan.upstream])
        if decision is None:
            return
        node = self.node(run, index)
        if decision == "ready":
            self.move(node, "upstream_met", "ready")
        else:
            self.move(node, "upstream_unmet", decision, self._skip_reason(run, index) if decision == "skipped" else "")

    def _decide_stopped(self, run: RunState, index: int) -> None:
        """A pending node of a run that starts nothing new. The outcome does not depend on the order of decisions:
        what the stop itself cancelled counts as not ended for nodes that are no clean-up."""
        plan = run.plan.nodes[index]
        if run.stopping != "run_stopped":
            self.move(self.node(run, index), "stopped", "cancelled", run_reason(run))
            return
        states = []
        for source, port, _ in plan.upstream:
            state, node = self.seen(run, source, port)
            if not plan.clean_up and state == "cancelled" and node is not None and node.reason == "run_stopped":
                state = "pending"
            states.append(state)
        decision = policies.decide(plan.rule, states)
        if decision in ("skipped", "upstream_failed"):
            reason = self._skip_reason(run, index) if decision == "skipped" else ""
            self.move(self.node(run, index), "upstream_unmet", decision, reason)
        elif not plan.clean_up:
            self.move(self.node(run, index), "stopped", "cancelled", "run_stopped")
        elif decision == "ready":
            self.move(self.node(run, index), "upstream_met", "ready")

    def _skip_reason(self, run: RunState, index: int) -> str:
        for source, port, _ in run.plan.nodes[index].upstream:
            node = run.nodes[source]
            if node is not None and node.ports is not None and node.state == "succeeded" and port not in node.ports:
                return "branch_not_taken"
        return "upstream_skipped"

    def node(self, run: RunState, index: int) -> NodeState:
        """The node's state, made when it has none yet."""
        node = run.nodes[index]
        if node is None:
            node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
        return node

    # Admission.

    def admit(self, room: Callable[[NodeState], bool]) -> None:
        """Send nodes in order as long as `room` (which counts what it granted) has any. Those that wait for a pool
        or a run are parked there and block nobody."""
        line = self.line
        while (node := line.first()) is not None:
            run = node.run
            if run.stopping and not (run.stopping == "run_stopped" and node.plan.clean_up):
                # The sweep that is under way will end it.
                leave(node)
                continue
            code = next(admission.conditions(node, run, node.pool, True), None)
            if code is None:
                if not room(node):
                    return
                line.pop()
                self._hold(node)
            elif code in ("workflow_limit", "run_limit"):
                run.line.push(node)
                if node.pool is not None:
                    self.wake_pool(node.pool)
            else:
                assert node.pool is not None
                # What is too big for the whole pool may not stand first in its line for ever.
                (node.pool.aside if code == "pool_too_small" else node.pool.line).push(node)

    def _hold(self, node: NodeState) -> None:
        check_node(node.state, "sent", "ready")
        node.claim = self.make_claim()
        self.claims[node.claim] = node
        node.run.held.add(node)
        if node.pool is not None:
            node.pool.in_use += node.slots
        self.changes.sends.append(node)
        self.touch(node)

    def _let_go(self, node: NodeState) -> None:
        """Give back what an attempt held: part of every transition that ends it."""
        del self.claims[node.claim]
        node.claim = ""
        run = node.run
        run.held.discard(node)
        if node.pool is not None:
            node.pool.in_use -= node.slots
            self.wake_pool(node.pool)
        self.wake_run(run)

    def wake_pool(self, pool: PoolState) -> None:
        """Let those go on who stand first in the pool's line and for whom there are slots now."""
        if pool.slots is None:
            return
        free = pool.slots - pool.in_use
        while (node := pool.line.first()) is not None and node.slots <= free:
            free -= node.slots
            self.line.push(node)

    def wake_run(self, run: RunState) -> None:
        """Let the first that waits for the run's own limit go on."""
        node = run.line.first()
        if node is not None and not run.waits_for_workflow:
            self.line.push(node)

    def waiting_for(self, node: NodeState) -> list[dict[str, Any]]:
        """`waiting_for` of a node run now."""
        if node.state == "retrying":
            return [admission.retry_condition(node.retries, node.plan.policy.retries, node.retry_us, node.finished_us)]
        if node.state != "ready":
            return []
        run, pool = node.run, node.pool
        facts = Facts(
            since_us=node.ready_us,
            slots=node.slots,
            max_concurrent=run.max_concurrent,
            max_runs=run.plan.settings.max_runs,
            sent=bool(node.claim),
        )
        if pool is not None:
            facts.pool_name, facts.pool_slots, facts.pool_in_use = pool.name, pool.slots, pool.in_use
        codes = list(admission.conditions(node, run, pool, True)) if not node.claim else []
        return admission.explain(codes or ["worker"], facts)

    # Reports of the executor.

    def report(self, report: Report) -> None:
        """Take one report. With a claim that nobody has (any more) it changes nothing."""
        if isinstance(report, Ended):
            self._ended(report)
        elif isinstance(report, Started):
            self._started(report)
        elif isinstance(report, Lines):
            self._lines(report)
        elif isinstance(report, Progress):
            self._progress(report)
        elif isinstance(report, Sampled):
            self._sampled(report)
        elif isinstance(report, Returned):
            for claim in report.claims:
                self._returned(claim)

    def _started(self, report: Started) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "ready":
            self.stale += 1
            return
        at = round(report.at * 1e6)
        node.attempt += 1
        node.current = attempt = AttemptState(
            node, node.attempt, node.claim, report.worker, report.pid, report.pid_started, at
        )
        self.touch_attempt(attempt)
        if (pool := node.pool) is not None:
            pool.acquired += node.slots
            pool.longest_wait = max(pool.longest_wait, (at - node.ready_us) / 1e6)
            self.touch_pool(pool)
        node.started_us, node.finished_us = at, None
        node.error = node.progress = node.progress_kept = None
        self.move(node, "started", "running", at_us=at)

    def _returned(self, claim: str) -> None:
        node = self.claims.get(claim)
        if node is None or node.state != "ready":
            self.stale += 1
            return
        check_node("ready", "returned", "ready")
        self._let_go(node)
        wish, node.wish = node.wish, ""
        run = node.run
        if wish == "cancel":
            self.move(node, "cancelled_by_person", "cancelled", "cancelled_by_person")
        elif not self._stop_instead(node):
            # Its place in line is the one it had.
            self.line.push(node)
            self.touch(node)
        self.touch_run(run)

    def _stop_instead(self, node: NodeState) -> bool:
        """End a ready or retrying node whose run has stopped, unless it cleans up; whether it was ended."""
        run = node.run
        if not run.stopping or (run.stopping == "run_stopped" and node.plan.clean_up):
            return False
        self.move(node, "stopped", "cancelled", run_reason(run))
        return True

    def _ended(self, report: Ended) -> None:
        node = self.claims.get(report.claim)
        if node is None:
            self.stale += 1
            return
        if node.state == "ready":
            if report.interrupted:
                self._returned(report.claim)
                return
            # It could not even be started: that is an attempt, or it would be tried for ever.
            self._started(Started(report.claim, 0, "", "local", report.at - report.seconds))
        if node.progress_due:
            self._flush_progress(node)
        attempt = node.current
        assert attempt is not None
        node.current = None
        at = max(round(report.at * 1e6), attempt.started_us)
        attempt.finished_us = at
        attempt.state = "cancelled" if report.interrupted else report.state
        attempt.usage = report.usage
        if report.error is not None:
            attempt.error = {"class": "", "message": "", "line": None, "traceback": None, **report.error}
            attempt.error["node"] = node.plan.id
        if report.receipt is not None:
            attempt.receipt = {**report.receipt, "slots": node.slots if node.pool is not None else 0}
        self.touch_attempt(attempt)
        if node.pool is not None:
            node.pool.released += node.slots
            self.touch_pool(node.pool)
        self._let_go(node)
        wish, node.wish = node.wish, ""
        node.finished_us = at
        if report.state == "succeeded":
            self._succeeded(node, report, at)
            return
        node.error = attempt.error
        if wish == "cancel" or node.run.stopping in ("cancelled", "run_timeout"):
            reason = "cancelled_by_person" if wish == "cancel" else run_reason(node.run)
            self.move(node, "killed", "cancelled", reason, at)
        elif wish == "retry":
            node.retries = node.losses = 0
            node.finished_us = None
            self.move(node, "killed", "ready", at_us=at)
        elif report.interrupted:
            node.finished_us = None
            self.move(node, "interrupted", "ready", at_us=at)
        elif report.state == "lost":
            self._lost(node, at)
        elif report.state == "cancelled":
            self.move(node, "killed", "cancelled", "", at)
        else:
            self._failed(node, report.state, at)
        if node.state in ("ready", "retrying"):
            self._stop_instead(node)

    def _succeeded(self, node: NodeState, report: Ended, at: int) -> None:
        output = report.output or {"kind": "json", "value": None, "bytes": 4, "ports": ["out"]}
        node.error = None
        node.output = output
        node.summary = output_summary(output)
        node.artifact = output.get("artifact") or ""
        node.ports = frozenset(output.get("ports") or ()) if node.plan.branches else None
        node.seconds = report.seconds
        self.move(node, "succeeded", "succeeded", at_us=at)

    def _lost(self, node: NodeState, at: int) -> None:
        node.losses += 1
        if node.losses > node.plan.policy.lost_retries:
            self.move(node, "lost", "failed", at_us=at)
        else:
            node.finished_us = None
            self.move(node, "lost", "ready", at_us=at)

    def _failed(self, node: NodeState, state: str, at: int) -> None:
        event = "limit_passed" if state == "timed_out" else "errored"
        error_class = str((node.error or {}).get("class", ""))
        policy = node.plan.policy
        if not policies.may_retry(policy, error_class, node.retries):
            self.move(node, event, "timed_out" if state == "timed_out" else "failed", at_us=at)
            return
        node.retries += 1
        delay = policies.retry_delay(policy, node.retries, self.rng)
        node.retry_us = due = self.now_us + round(delay * 1e6)
        self.move(node, event, "retrying", at_us=at)
        self.at(self.mono + delay, lambda: self._delay_over(node, due))

    def _delay_over(self, node: NodeState, due_us: int) -> None:
        if node.state == "retrying" and node.retry_us == due_us:
            node.finished_us = None
            self.move(node, "delay_over", "ready")

    def wait_for_retry(self, node: NodeState) -> None:
        """Set the timer of a retrying node that was read from the database."""
        due = node.retry_us
        self.at(self.mono + max(0.0, (due - self.now_us) / 1e6), lambda: self._delay_over(node, due))

    def _lines(self, report: Lines) -> None:
        node = self.claims.get(report.claim)
        if node is None:
            self.stale += 1
            return
        run, name = node.run, node.plan.id
        number = node.attempt if node.state == "running" else node.attempt + 1
        row = run.logs[-1] if run.logs else None
        if row is not None and (row.node != name or row.attempt != number):
            row = None
        for at, level, message in report.lines:
            run.seq += 1
            if row is None or len(row.lines) >= LINES_MAX or row.first_seq + len(row.lines) != run.seq:
                row = LogRow(name, number, run.seq)
                run.logs.append(row)
            row.lines.append((iso(round(at * 1e6)) or "", level, clean_text(message)))
        self.changes.extra += 1 + len(report.lines) // 20
        self.touch_run(run)

    def _progress(self, report: Progress) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "running":
            self.stale += 1
            return
        at = round(report.at * 1e6)
        message = None if report.message is None else clean_text(report.message)
        node.progress = {"fraction": report.fraction, "message": message, "at": iso(at)}
        node.progress_kept = (report.fraction, message, at)
        if node.progress_due:
            return
        wait = node.progress_at + PROGRESS_SECONDS - self.mono
        if wait <= 0:
            self._flush_progress(node)
        else:
            node.progress_due = True
            self.at(self.mono + wait, lambda: self._progress_is_due(node))

    def _progress_is_due(self, node: NodeState) -> None:
        if node.progress_due:
            self._flush_progress(node)

    def _flush_progress(self, node: NodeState) -> None:
        node.progress_due = False
        if node.progress_kept is None:
            return
        fraction, message, at = node.progress_kept
        node.progress_kept = None
        node.progress_at = self.mono
        run = node.run
        run.seq += 1
        run.events.append([run.seq, at, "p", node.plan.id, fraction, message])
        self.touch(node)

    def _sampled(self, report: Sampled) -> None:
        node = self.claims.get(report.claim)
        if node is None or node.state != "running":
            self.stale += 1
            return
        self.changes.samples.append(
            (
                node.run.id,
                node.plan.id,
                node.attempt,
                round(report.at * 1e6),
                report.cpu_percent,
                report.memory_bytes,
                report.io_wait,
                report.network_bytes,
                report.network_scope,
            )
        )

    # Runs.

    def add_run(self, run: RunState) -> None:
        """Take up a queued run; it starts when its workflow's limit allows."""
        if run.id in self.runs:
            return
        self.runs[run.id] = run
        self.line_up(run)
        self.start_runs(run.workflow)

    def workflow(self, name: str) -> WorkflowState:
        found = self.workflows.get(name)
        if found is None:
            found = self.workflows[name] = WorkflowState()
        return found

    def line_up(self, run: RunState) -> None:
        """Let `run` wait for its workflow's limit."""
        key = admission.key(run.created_us / 1e6, run.priority)
        heapq.heappush(self.workflow(run.workflow).waiting, (key, run.id, run))

    def start_runs(self, workflow: str) -> None:
        """Start waiting runs of a workflow in order, as far as `max_runs` allows."""
        found = self.workflow(workflow)
        while found.waiting:
            run = found.waiting[0][2]
            waits = run.waits_for_workflow or (run.state == "queued" and not run.stopping)
            if not waits or self.runs.get(run.id) is not run:
                heapq.heappop(found.waiting)
                continue
            limit = run.plan.settings.max_runs
            if limit is not None and len(found.active) >= limit:
                return
            heapq.heappop(found.waiting)
            found.active.add(run.id)
            if run.waits_for_workflow:
                run.waits_for_workflow = False
                run.reason = ""
                self.run_event(run)
                while (node := run.line.first()) is not None:
                    self.line.push(node)
            else:
                run.started_us = self.now_us
                self.move_run(run, "started", "running")
                self.limit_run(run)
                for index in run.plan.roots:
                    self.decide_later(run, index)

    def limit_run(self, run: RunState) -> None:
        """Set the timer of the run's own time limit."""
        timeout = run.plan.settings.timeout
        if timeout is None or run.started_us is None:
            return
        begun = run.resumed_us or run.started_us
        self.at(self.mono + timeout - (self.now_us - begun) / 1e6, lambda: self._run_timed_out(run, begun))

    def _run_timed_out(self, run: RunState, begun_us: int) -> None:
        if self.runs.get(run.id) is run and run.state == "running" and (run.resumed_us or run.started_us) == begun_us:
            self.stop_run(run, "run_timeout")

    def stop_run(self, run: RunState, why: str) -> None:
        """Start nothing new in `run`. Under `run_stopped` running nodes finish and clean-up still runs; under
        `cancelled` and `run_timeout` everything ends now."""
        if run.stopping in ("cancelled", "run_timeout"):
            return
        run.stopping = why
        self.touch_run(run)
        if why == "run_stopped":
            if any(node.state == "ready" and not node.plan.clean_up for node in run.held):
                self.changes.take_back = True
        else:
            for node in run.held:
                self.kill(node)
        run.sweep += 1
        self.add_job(run, self.sweep(run, run.sweep))

    def add_job(self, run: RunState, job: Job) -> None:
        """Go on with `job` within the budget of this tick and the next ones."""
        run.jobs += 1
        self.jobs.append((run, job))

    def kill(self, node: NodeState) -> None:
        """End the attempt in flight with its process tree; its end is reported."""
        self.changes.kills.append((node.claim, "cancelled"))

    def sweep(self, run: RunState, sweep: int) -> Job:
        """End what a stopped run will not start, sources before targets."""
        for count, index in enumerate(run.plan.order):
            if run.sweep != sweep:
                return
            node = run.nodes[index]
            if node is None or node.state == "pending":
                self._decide_stopped(run, index)
                yield
            elif node.state in ("ready", "retrying", "waiting") and not node.claim:
                self._stop_instead(node)
                yield
            elif count % 1000 == 999:
                yield

    def _end_if_over(self, run: RunState) -> None:
        if run.left or run.jobs or run.state not in ("running", "queued", "paused") or self.runs.get(run.id) is not run:
            return
        counts = run.counts
        if run.stopping == "run_timeout":
            state, reason = "timed_out", "run_timeout"
        elif counts.get("failed") or counts.get("timed_out"):
            state, reason = "failed", ""
        elif counts.get("cancelled"):
            state, reason = "cancelled", "run_cancelled" if run.stopping == "cancelled" else ""
        else:
            state, reason = "succeeded", ""
        event = "cancelled_by_person" if run.state == "queued" else "nothing_left"
        run.finished_us = self.now_us
        run.stopping = ""
        run.waits_for_workflow = False
        self.move_run(run, event, state, reason)
        self.changes.ended.append(run)
        del self.runs[run.id]
        found = self.workflow(run.workflow)
        found.active.discard(run.id)
        self.start_runs(run.workflow)
        if not found.active and not found.waiting:
            self.workflows.pop(run.workflow, None)


def run_reason(run: RunState) -> str:
    """The reason of nodes that end because their run was stopped."""
    return "run_cancelled" if run.stopping == "cancelled" else run.stopping
