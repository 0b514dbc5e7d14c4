"""Everything that the scheduler keeps in memory, and marks of what the current tick changed. Pure."""

import heapq
from collections import deque
from collections.abc import Callable, Collection, Generator

from engine.scheduler.core.changes import Changes
from engine.scheduler.core.ready_queue import ReadyQueue
from engine.scheduler.core.stacks import StackRequests
from engine.scheduler.core.state import AttemptState, NodeState, PoolState, RunState, WorkflowState

Job = Generator[None, None, None]
"""Work on one run that is spread over ticks: each step changes about one row."""


class Memory:
    """Shared by the parts of the core, none of which has state of its own."""

    def __init__(self) -> None:
        self.now_us = 0
        """Time of the current tick."""
        self.mono = 0.0
        self.runs: dict[int, RunState] = {}
        self.claims: dict[str, NodeState] = {}
        """Nodes in flight by their claim."""
        self.pools: dict[str, PoolState] = {}
        self.workflows: dict[str, WorkflowState] = {}
        self.ready: ReadyQueue[NodeState] = ReadyQueue()
        """Ready nodes that wait for nothing but the executor."""
        self.parked_by_queue: dict[str, ReadyQueue[NodeState]] = {}
        """Ready nodes that wait for the workers of their Celery queue."""
        self.served_queues: Collection[str] | None = None
        """Celery queues that have a worker; None: one executor takes all nodes."""
        self.quarantined: ReadyQueue[NodeState] = ReadyQueue()
        """Nodes in quarantine that wait for another such node to end."""
        self.quarantined_in_flight: set[NodeState] = set()
        self.changes = Changes()
        self.jobs: deque[tuple[RunState, Job]] = deque()
        self.runs_to_decide: deque[RunState] = deque()
        """Runs with pending nodes to decide."""
        self.maybe_ended: list[RunState] = []
        self.newly_ready: list[NodeState] = []
        self.timers: list[tuple[float, int, Callable[[], None], int]] = []
        """(monotonic time, serial, action, run)."""
        self.stack_requests = StackRequests()
        self.run_in_hand: int | None = None
        """The run that the core works on. It is at fault if the core raises an error."""
        self.stale_reports = 0
        """Reports whose claim no node had; they changed nothing."""
        self._serial = 0

    def next_serial(self) -> int:
        """Return a number that breaks ties in a heap."""
        self._serial += 1
        return self._serial

    def at(self, mono: float, run: RunState, action: Callable[[], None]) -> None:
        """Call `action` for `run` in the first tick after this monotonic time. It must check whether it still
        applies."""
        heapq.heappush(self.timers, (mono, self.next_serial(), action, run.id))

    def add_job(self, run: RunState, job: Job) -> None:
        """Run `job` within the budget of this tick and the next ones."""
        run.jobs += 1
        self.jobs.append((run, job))

    def decide_later(self, run: RunState, index: int) -> None:
        """Have the trigger rule of a pending node decided in this tick or a later one."""
        run.to_decide.append(index)
        if not run.is_in_decision_queue and not run.holds_decisions:
            run.is_in_decision_queue = True
            self.runs_to_decide.append(run)

    def release_decisions(self, run: RunState) -> None:
        """Have the nodes decided whose decisions a job has held back."""
        run.holds_decisions = False
        if run.to_decide and not run.is_in_decision_queue:
            run.is_in_decision_queue = True
            self.runs_to_decide.append(run)

    # Objects that are made when they are first asked for.

    def node(self, run: RunState, index: int) -> NodeState:
        node = run.nodes[index]
        if node is None:
            node = run.nodes[index] = NodeState(run, run.plan.nodes[index])
        return node

    def pool(self, name: str) -> PoolState:
        """Return the pool with this name; one that does not exist has no slots."""
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = PoolState(name, None)
        return pool

    def workflow(self, name: str) -> WorkflowState:
        workflow = self.workflows.get(name)
        if workflow is None:
            workflow = self.workflows[name] = WorkflowState()
        return workflow

    # Marks of what the tick has to write.

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
