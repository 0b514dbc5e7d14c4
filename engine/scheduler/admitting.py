"""Which ready nodes are sent, what they hold, and who goes on when something is given back. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.scheduler import admission
from engine.scheduler.admission import Facts
from engine.scheduler.memory import NodeState, PoolState, RunState
from engine.scheduler.queue import leave
from engine.scheduler.transitions import Transitions
from engine.states import check_node


class Admitting(Transitions):
    """The lines of ready nodes, and slots."""

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
                self.wake_run(run)

    def _hold(self, node: NodeState) -> None:
        check_node(node.state, "sent", "ready")
        node.claim = self.make_claim()
        self.claims[node.claim] = node
        node.run.held.add(node)
        if node.pool is not None:
            node.pool.in_use += node.slots
        self.changes.sends.append(node)
        if not node.dirty:
            # Nothing of it but the claim is new: the row exists, and neither the run nor its events change.
            self.changes.claimed.append(node)

    def let_go(self, node: NodeState) -> None:
        """Give back what an attempt held: part of every transition that ends it."""
        del self.claims[node.claim]
        if self.asked.at:
            self.asked.ended(node.claim)
        node.claim = ""
        node.run.held.discard(node)
        if node.pool is not None:
            node.pool.in_use -= node.slots
        self.wake(node)

    def wake(self, node: NodeState) -> None:
        """Let those go on who may take what `node` had or was offered."""
        if node.pool is not None:
            self.wake_pool(node.pool)
        self.wake_run(node.run)

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
