"""The one place where states change: transitions of runs and node runs, with their events, counts and effects.

Pure. `Transitions` is the ground of `engine.scheduler.core.Core`; it holds memory and what the tick changed.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping
from typing import Any

from engine import admission
from engine import policy as policies
from engine.scheduler.memory import AttemptState, Changes, NodeState, PoolState, RunState, WorkflowState
from engine.scheduler.ready_queue import Line, leave
from engine.scheduler.stacks import Asked
from engine.states import NODE_TERMINAL, NOT_ASKED, check_node, check_run, counts_as

FAILED = frozenset({"failed", "timed_out"})

Job = Generator[None, None, None]


class Transitions:
    """Memory, and how it may change."""

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
        self.queues: dict[str, Line] = {}
        """Ready nodes that wait for their queue's workers, where there are such."""
        self.served: Collection[str] | None = None
        """Queues for which there is a worker; None: one executor takes all."""
        self.suspects: Line = Line()
        """Nodes that were lost often and wait for another such node to end ..."""
        self.suspected: set[NodeState] = set()
        """... those that are under way."""
        self.changes = Changes()
        self.jobs: deque[tuple[RunState, Job]] = deque()
        self.todo: deque[RunState] = deque()
        """Runs with pending nodes to decide."""
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self.made_ready: list[NodeState] = []
        self.maybe_over: list[RunState] = []
        self.asked = Asked()
        self.stale = 0
        """Reports whose claim nobody has: they changed nothing."""

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

    # Every change of a state goes through the next two.

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
        if state == "ready" and to != "running":
            # It may have been woken for a place that it does not take now: the next in line gets it.
            self.wake(node)

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
            # Somebody may have set the clock back since it started.
            node.finished_us = max(at_us, node.started_us or at_us)
        run.left -= 1
        plan = run.plan.nodes
        undecided = run.undecided
        seen = state if state != "skipped" else counts_as(state, node.reason)
        for target in node.plan.targets:
            undecided[target] -= 1
            other = plan[target]
            # A branch decides by its ports, so its state alone does not say.
            if not undecided[target] or seen in other.early or node.plan.branches:
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
        self.rank(node)
        self.line.push(node)

    def rank(self, node: NodeState) -> None:
        """Compute the place in line of a ready node, which it also keeps while it is sent."""
        run = node.run
        priority = node.plan.policy.priority
        node.key = (
            admission.key(node.ready_us / 1e6, run.priority if priority is None else priority),
            run.id,
            node.plan.index,
        )

    def pool(self, name: str) -> PoolState:
        """The pool with this name; one that does not exist has no slots."""
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = PoolState(name, None)
        return pool

    # What the layers above add.

    def stop_run(self, run: RunState, why: str) -> None:
        """Start nothing new in `run`; `why`: run_stopped, run_timeout, cancelled."""
        raise NotImplementedError

    def wake(self, node: NodeState) -> None:
        """Let those go on who may take what `node` had or was offered: slots of its pool, a place in its run."""
        raise NotImplementedError

    def waiting_for(self, node: NodeState) -> list[dict[str, Any]]:
        """`waiting_for` of a node run now."""
        raise NotImplementedError

    # Pending nodes.

    def decide_later(self, run: RunState, index: int) -> None:
        """Look at a pending node's trigger rule within this tick or the next."""
        run.todo.append(index)
        if not run.queued_todo:
            run.queued_todo = True
            self.todo.append(run)

    def seen(self, run: RunState, source: int, ports: frozenset[str]) -> tuple[str, NodeState | None]:
        """State of an upstream node as seen through the edges from its `ports`, and the node."""
        node = run.nodes[source]
        if node is None:
            return "pending", None
        if node.state == "succeeded" and node.ports is not None and ports.isdisjoint(node.ports):
            return "skipped", node
        return counts_as(node.state, node.reason), node

    def decide(self, run: RunState, index: int) -> None:
        node = run.nodes[index]
        if (node is not None and node.state != "pending") or run.state != "running":
            return
        if not run.asks_for(index):
            self.leave_out(run, index)
            return
        if run.stopping:
            self.decide_stopped(run, index)
            return
        plan = run.plan.nodes[index]
        decision = policies.decide(
            plan.rule,
            [self.seen(run, source, ports)[0] for source, ports in zip(plan.sources, plan.ports, strict=True)],
        )
        if decision is None:
            return
        node = self.node(run, index)
        if decision == "ready":
            self.move(node, "upstream_met", "ready")
        else:
            self.move(node, "upstream_unmet", decision, self._skip_reason(run, index) if decision == "skipped" else "")

    def leave_out(self, run: RunState, index: int) -> None:
        """A pending node that nobody asked for: none that was asked for is behind it."""
        self.move(self.node(run, index), NOT_ASKED, "skipped", NOT_ASKED)

    def decide_stopped(self, run: RunState, index: int) -> None:
        """A pending node of a run that starts nothing new. The outcome does not depend on the order of decisions:
        what the stop itself cancelled counts as not ended for nodes that are no clean-up."""
        plan = run.plan.nodes[index]
        if not run.asks_for(index):
            self.leave_out(run, index)
            return
        if run.stopping != "run_stopped":
            self.move(self.node(run, index), "stopped", "cancelled", run_reason(run))
            return
        states = []
        for source, ports in zip(plan.sources, plan.ports, strict=True):
            state, node = self.seen(run, source, ports)
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
        plan = run.plan.nodes[index]
        for source, ports in zip(plan.sources, plan.ports, strict=True):
            state, node = self.seen(run, source, ports)
            if state == "skipped" and node is not None and node.state == "succeeded":
                return "branch_not_taken"
        return "upstream_skipped"

    def node(self, run: RunState, index: int) -> NodeState:
        """The node's state, made when it has none yet."""
        node = run.nodes[index]
        if node is None:
            node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
        return node

    def stop_instead(self, node: NodeState) -> bool:
        """End a ready or retrying node whose run has stopped, unless it cleans up; whether it was ended."""
        run = node.run
        if not run.stopping or (run.stopping == "run_stopped" and node.plan.clean_up):
            return False
        self.move(node, "stopped", "cancelled", run_reason(run))
        return True


def run_reason(run: RunState) -> str:
    """The reason of nodes that end because their run was stopped."""
    return "run_cancelled" if run.stopping == "cancelled" else run.stopping
