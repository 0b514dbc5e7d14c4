"""Which ready nodes are sent, what they hold, and who goes on when something is given back. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import admission
from engine.admission import SUSPECT_LOSSES, Facts
from engine.scheduler.memory import NodeState, PoolState, RunState
from engine.scheduler.ready_queue import Line, leave
from engine.scheduler.transitions import Transitions
from engine.states import check_node


class Admitting(Transitions):
    """The lines of ready nodes, and slots."""

    def admit(self, room: Callable[[NodeState], bool]) -> None:
        """Send nodes in order as long as `room` (which counts what it granted) has any. Those that wait for a pool
        or a run are parked there and block nobody; so are those whose queue's workers have no room."""
        line = self.line
        by_queue = self.served is not None
        if by_queue:
            for name in self.queues:
                self._next_of(name)
        while (node := line.first()) is not None:
            run = node.run
            if run.stopping and not (run.stopping == "run_stopped" and node.plan.clean_up):
                # The sweep that is under way will end it.
                leave(node)
                continue
            code = next(admission.conditions(node, run, node.pool, True, bool(self.suspected)), None)
            if code is None:
                if room(node):
                    line.pop()
                    self._hold(node)
                    if by_queue:
                        self._next_of(node.plan.policy.queue)
                elif by_queue:
                    self._park_by_queue(node)
                else:
                    return
            elif code in ("workflow_limit", "run_limit"):
                run.line.push(node)
                if node.pool is not None:
                    self.wake_pool(node.pool)
                self.wake_suspect()
            elif code == "suspect":
                self.suspects.push(node)
                if node.pool is not None:
                    self.wake_pool(node.pool)
                self.wake_run(run)
            else:
                assert node.pool is not None
                # What is too big for the whole pool may not stand first in its line for ever.
                (node.pool.aside if code == "pool_too_small" else node.pool.line).push(node)
                self.wake_run(run)
                self.wake_suspect()

    def _park_by_queue(self, node: NodeState) -> None:
        name = node.plan.policy.queue
        found = self.queues.get(name)
        if found is None:
            found = self.queues[name] = Line()
        found.push(node)
        self.wake(node)

    def _next_of(self, queue: str) -> None:
        """Let the first that waits for the queue's workers stand in the common line, where its place decides."""
        found = self.queues.get(queue)
        if found is not None and (node := found.first()) is not None:
            self.line.push(node)

    def first_of_each(self) -> dict[str, NodeState]:
        """By queue, the first of those that wait for its workers."""
        return {name: node for name, line in self.queues.items() if (node := line.first()) is not None}

    def _hold(self, node: NodeState) -> None:
        check_node(node.state, "sent", "ready")
        node.claim = self.make_claim()
        self.hold(node)
        self.changes.sends.append(node)
        if not node.dirty:
            # Nothing of it but the claim is new: the row exists, and neither the run nor its events change.
            self.changes.claimed.append(node)

    def hold(self, node: NodeState) -> None:
        """Count what an attempt in flight holds."""
        self.claims[node.claim] = node
        node.run.held.add(node)
        if node.pool is not None:
            node.pool.in_use += node.slots
        if node.losses >= SUSPECT_LOSSES:
            self.suspected.add(node)

    def let_go(self, node: NodeState) -> None:
        """Give back what an attempt held: part of every transition that ends it."""
        del self.claims[node.claim]
        self.changes.closed.append(node.claim)
        if self.asked.at:
            self.asked.ended(node.claim)
        node.claim = ""
        node.run.held.discard(node)
        if node.pool is not None:
            node.pool.in_use -= node.slots
        if self.suspected:
            self.suspected.discard(node)
        self.wake(node)

    def wake(self, node: NodeState) -> None:
        """Let those go on who may take what `node` had or was offered."""
        if node.pool is not None:
            self.wake_pool(node.pool)
        self.wake_run(node.run)
        self.wake_suspect()

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

    def wake_suspect(self) -> None:
        """Let the first go on that waits for another suspected node, if none is under way now."""
        if self.suspects.heap and not self.suspected and (node := self.suspects.first()) is not None:
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
            queue=node.plan.policy.queue,
        )
        if pool is not None:
            facts.pool_name, facts.pool_slots, facts.pool_in_use = pool.name, pool.slots, pool.in_use
        suspected = bool(self.suspected)
        served = self.served is None or facts.queue in self.served
        codes = list(admission.conditions(node, run, pool, True, suspected, served)) if not node.claim else []
        return admission.explain(codes or ["worker"], facts)
