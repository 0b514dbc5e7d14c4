"""Decides which ready nodes are dispatched, counts what they hold, and lets others go on when they release it. Pure."""

from collections.abc import Callable

from engine.admission import rules
from engine.admission.conditions import ReadyNode, WaitingCondition, retry_condition
from engine.admission.rules import QUARANTINE_LOSSES
from engine.scheduler.core.memory import Memory
from engine.scheduler.core.ready_queue import ReadyQueue, leave
from engine.scheduler.core.state import NodeState, PoolState, RunState
from engine.states import check_node


class AdmissionControl:
    """The queues of ready nodes, and the slots and places that nodes in flight hold."""

    def __init__(self, memory: Memory, make_claim: Callable[[], str]) -> None:
        self.memory = memory
        self.make_claim = make_claim

    # Into the queue.

    def enqueue(self, node: NodeState) -> None:
        """Add a ready node to the ready queue, with the limits of its next attempt."""
        self._apply_limits(node)
        self.compute_key(node)
        self.memory.ready.push(node)

    def _apply_limits(self, node: NodeState) -> None:
        """Take the limits from the node's policy, or from what a person changed for this run."""
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
        node.pool = self.memory.pool(pool) if pool else None

    def compute_key(self, node: NodeState) -> None:
        """Set the node's place in a queue. The node keeps it while it is dispatched, because it may be returned."""
        run = node.run
        priority = node.plan.policy.priority
        node.key = (
            rules.key(node.ready_us / 1e6, run.priority if priority is None else priority),
            run.id,
            node.plan.index,
        )

    # Out of the queue.

    def admit(self, room: Callable[[NodeState], bool]) -> None:
        """Dispatch nodes in order as long as the executor has room. Nodes that wait for a pool, for their run or for
        the workers of their queue are parked and block no others.

        `room` counts what it has granted.
        """
        memory = self.memory
        ready = memory.ready
        by_queue = memory.served_queues is not None
        if by_queue:
            for name in memory.parked_by_queue:
                self._unpark_queue(name)
        while (node := ready.first()) is not None:
            run = node.run
            memory.run_in_hand = run.id
            if run.stopping and not (run.stopping == "run_stopped" and node.plan.clean_up):
                # The sweep in progress will end it.
                leave(node)
                continue
            code = next(rules.waiting_codes(node, run, node.pool, bool(memory.quarantined_in_flight)), None)
            if code is None:
                if room(node):
                    ready.pop()
                    self._dispatch(node)
                    if by_queue:
                        self._unpark_queue(node.plan.policy.queue)
                elif by_queue:
                    self._park_by_queue(node)
                else:
                    return
            elif code in ("workflow_limit", "run_limit"):
                run.parked.push(node)
                if node.pool is not None:
                    self.unpark_pool(node.pool)
                self.unpark_quarantined()
            elif code == "suspect":
                memory.quarantined.push(node)
                if node.pool is not None:
                    self.unpark_pool(node.pool)
                self.unpark_run(run)
            else:
                assert node.pool is not None
                # A node that needs more slots than the pool has must not block the others that wait for the pool.
                (node.pool.oversized if code == "pool_too_small" else node.pool.parked).push(node)
                self.unpark_run(run)
                self.unpark_quarantined()

    def _dispatch(self, node: NodeState) -> None:
        check_node(node.state, "sent", "ready")
        node.claim = self.make_claim()
        self.hold(node)
        changes = self.memory.changes
        changes.dispatches.append(node)
        if not node.dirty:
            # Only the claim is new: the row exists, and neither the run nor its events change.
            changes.claimed.append(node)

    def _park_by_queue(self, node: NodeState) -> None:
        name = node.plan.policy.queue
        parked = self.memory.parked_by_queue.get(name)
        if parked is None:
            parked = self.memory.parked_by_queue[name] = ReadyQueue()
        parked.push(node)
        self.unpark_after(node)

    def first_by_queue(self) -> dict[str, NodeState]:
        """Return, by Celery queue, the first node that waits for its workers."""
        parked = self.memory.parked_by_queue
        return {name: node for name, queue in parked.items() if (node := queue.first()) is not None}

    # What nodes in flight hold.

    def hold(self, node: NodeState) -> None:
        """Count what a node in flight holds."""
        self.memory.claims[node.claim] = node
        node.run.in_flight.add(node)
        if node.pool is not None:
            node.pool.in_use += node.slots
        if node.losses >= QUARANTINE_LOSSES:
            self.memory.quarantined_in_flight.add(node)

    def release(self, node: NodeState) -> None:
        """Release what a node in flight held: part of every transition that ends its attempt."""
        memory = self.memory
        del memory.claims[node.claim]
        memory.changes.closed.append(node.claim)
        memory.stack_requests.forget(node.claim)
        node.claim = ""
        node.run.in_flight.discard(node)
        if node.pool is not None:
            node.pool.in_use -= node.slots
        if memory.quarantined_in_flight:
            memory.quarantined_in_flight.discard(node)
        self.unpark_after(node)

    # Unparking. When a node has to be parked again at once, the next one is unparked.

    def unpark_after(self, node: NodeState) -> None:
        """Move those nodes to the ready queue that may take what `node` held or was offered."""
        if node.pool is not None:
            self.unpark_pool(node.pool)
        self.unpark_run(node.run)
        self.unpark_quarantined()

    def unpark_pool(self, pool: PoolState) -> None:
        """Move the first nodes for which the pool has free slots."""
        if pool.slots is None:
            return
        free = pool.slots - pool.in_use
        while (node := pool.parked.first()) is not None and node.slots <= free:
            free -= node.slots
            self.memory.ready.push(node)

    def unpark_run(self, run: RunState) -> None:
        """Move the first node that waits for the run's own limit."""
        node = run.parked.first()
        if node is not None and not run.waits_for_workflow:
            self.memory.ready.push(node)

    def unpark_quarantined(self) -> None:
        """Move the first node in quarantine, unless another one is in flight."""
        memory = self.memory
        if (
            memory.quarantined.heap
            and not memory.quarantined_in_flight
            and (node := memory.quarantined.first()) is not None
        ):
            memory.ready.push(node)

    def _unpark_queue(self, name: str) -> None:
        """Move the first node that waits for the workers of this Celery queue, so that its key decides."""
        parked = self.memory.parked_by_queue.get(name)
        if parked is not None and (node := parked.first()) is not None:
            self.memory.ready.push(node)

    def unpark_all(self, pool: PoolState) -> None:
        """Move every node that waits for the pool: its size has changed."""
        for parked in (pool.parked, pool.oversized):
            while (node := parked.first()) is not None:
                self.memory.ready.push(node)

    # Explanations.

    def waiting_for(self, node: NodeState) -> list[WaitingCondition]:
        """Return what a ready or retrying node waits for now."""
        if node.state == "retrying":
            return [retry_condition(node.retries, node.plan.policy.retries, node.retry_us, node.finished_us)]
        if node.state != "ready":
            return []
        memory, run, pool, queue = self.memory, node.run, node.pool, node.plan.policy.queue
        ready = ReadyNode(
            node.ready_us,
            node.losses,
            node.slots,
            max_concurrent=run.max_concurrent,
            max_runs=run.plan.settings.max_runs,
            queue=queue,
            dispatched=bool(node.claim),
        )
        if pool is not None:
            ready.pool, ready.pool_slots, ready.pool_in_use = pool.name, pool.slots, pool.in_use
        if node.claim:
            return ready.conditions(["worker"])
        served = memory.served_queues is None or queue in memory.served_queues
        codes = list(rules.waiting_codes(node, run, pool, bool(memory.quarantined_in_flight), served))
        return ready.conditions(codes or ["worker"])
