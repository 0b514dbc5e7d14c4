"""The scheduler's decisions: reports and commands in, changes of memory out.

Pure: no database, clock or socket; time comes in with `begin`. The loop writes `changes` in one transaction, then does
what they ask of the executor (dispatches, kills), and starts the next tick:

    core.begin(now_us, mono)
    core.reports.take(report), the functions of core.commands, core.run_timers()
    core.work(budget)
    core.admission.admit(room)
    changes = core.take_changes()

`memory` holds all state, `admission` the queues and slots, `transitions` change states, `lifecycle` starts and ends
runs, `reports` takes what the executor says.
"""

import heapq
import random
from collections.abc import Callable

from engine.scheduler.core.admission_control import AdmissionControl
from engine.scheduler.core.changes import Changes
from engine.scheduler.core.lifecycle import RunLifecycle
from engine.scheduler.core.memory import Memory
from engine.scheduler.core.report_handler import ReportHandler
from engine.scheduler.core.transitions import ExpectedDurations, Transitions


class Core:
    """All runs that have not ended, and how they go on."""

    def __init__(
        self,
        *,
        rng: random.Random,
        make_claim: Callable[[], str],
        expected_durations: ExpectedDurations = lambda workflow: {},
    ) -> None:
        """`expected_durations` is asked when a node becomes ready."""
        self.memory = Memory()
        self.admission = AdmissionControl(self.memory, make_claim)
        self.transitions = Transitions(self.memory, self.admission, expected_durations)
        self.lifecycle = RunLifecycle(self.memory, self.transitions)
        self.reports = ReportHandler(self.memory, self.admission, self.transitions, rng)

    def begin(self, now_us: int, mono: float) -> None:
        """Start a tick at this time."""
        self.memory.now_us = now_us
        self.memory.mono = mono
        self.memory.run_in_hand = None

    def take_changes(self) -> Changes:
        """Return what the tick changed; the next tick starts with none."""
        memory = self.memory
        memory.run_in_hand = None
        for node in memory.newly_ready:
            event, node.ready_event = node.ready_event, None
            if event is not None and node.state == "ready" and not node.claim:
                event["w"] = [condition.stored() for condition in self.admission.waiting_for(node)]
        memory.newly_ready.clear()
        changes = memory.changes
        memory.changes = Changes()
        return changes

    def work(self, budget: int) -> None:
        """Decide pending nodes, go on with jobs and end complete runs, until `budget` rows have changed."""
        memory, transitions = self.memory, self.transitions
        changes = memory.changes
        while changes.size < budget:
            if memory.runs_to_decide:
                run = memory.runs_to_decide[0]
                memory.run_in_hand = run.id
                to_decide = run.to_decide
                while to_decide and changes.size < budget:
                    transitions.decide(run, to_decide.popleft())
                if not to_decide:
                    run.is_in_decision_queue = False
                    memory.runs_to_decide.popleft()
            elif memory.jobs:
                run, job = memory.jobs[0]
                memory.run_in_hand = run.id
                try:
                    next(job)
                except StopIteration:
                    memory.jobs.popleft()
                    run.jobs -= 1
                    memory.maybe_ended.append(run)
                    if run.state == "queued" and not run.stopping and not run.jobs:
                        # The run was cancelled and so left the queue; then a retry undid that.
                        self.lifecycle.enqueue(run)
                        self.lifecycle.start_runs(run.workflow)
            elif memory.maybe_ended:
                # Before admission: when a run ends, another one of its workflow may start.
                run = memory.maybe_ended.pop()
                memory.run_in_hand = run.id
                self.lifecycle.end_if_complete(run)
            else:
                return

    @property
    def has_work(self) -> bool:
        """Whether `work` has something to do although nothing new has come in."""
        memory = self.memory
        return bool(memory.runs_to_decide or memory.jobs or memory.maybe_ended)

    def next_timer(self) -> float | None:
        """Return the monotonic time of the next timer."""
        timers = self.memory.timers
        return timers[0][0] if timers else None

    def run_timers(self) -> None:
        """Run the timers that are due."""
        memory = self.memory
        timers, mono = memory.timers, memory.mono
        while timers and timers[0][0] <= mono:
            _, _, action, memory.run_in_hand = heapq.heappop(timers)
            action()
