"""The life of a run: it waits for its workflow's limit, starts, and ends when no node is left. Pure."""

import heapq

from engine.admission import rules
from engine.scheduler.core.memory import Memory
from engine.scheduler.core.state import RunState
from engine.scheduler.core.transitions import Transitions


class RunLifecycle:
    """Starts and ends runs."""

    def __init__(self, memory: Memory, transitions: Transitions) -> None:
        self.memory = memory
        self.transitions = transitions

    def add_run(self, run: RunState) -> None:
        """Take up a queued run; it starts when its workflow's limit allows."""
        if run.id in self.memory.runs:
            return
        self.memory.runs[run.id] = run
        self.enqueue(run)
        self.start_runs(run.workflow)

    def enqueue(self, run: RunState) -> None:
        """Let `run` wait for its workflow's limit."""
        key = rules.key(run.created_us / 1e6, run.priority)
        waiting = self.memory.workflow(run.workflow).waiting
        heapq.heappush(waiting, (key, run.id, self.memory.next_serial(), run))

    def start_runs(self, name: str) -> None:
        """Start the waiting runs of a workflow in order, as far as `max_runs` allows."""
        workflow = self.memory.workflow(name)
        while workflow.waiting:
            run = workflow.waiting[0][3]
            # A queued run with a job is being changed by a person; it is enqueued again when the job ends.
            waits = run.waits_for_workflow or (run.state == "queued" and not run.stopping and not run.jobs)
            if not waits or self.memory.runs.get(run.id) is not run:
                heapq.heappop(workflow.waiting)
                continue
            limit = run.plan.settings.max_runs
            if limit is not None and len(workflow.active) >= limit:
                return
            heapq.heappop(workflow.waiting)
            workflow.active.add(run.id)
            if run.waits_for_workflow:
                run.waits_for_workflow = False
                run.reason = ""
                self.transitions.add_run_event(run)
                while (node := run.parked.first()) is not None:
                    self.memory.ready.push(node)
            else:
                self._start(run)

    def _start(self, run: RunState) -> None:
        memory = self.memory
        run.started_us = memory.now_us
        self.transitions.move_run(run, "started", "running")
        self.set_time_limit(run)
        # If a person ended nodes while the run was queued, more nodes than the roots may have to be decided.
        for index in run.plan.roots if run.nodes_left == len(run.nodes) else run.plan.order:
            if run.is_selected(index):
                memory.decide_later(run, index)
        # Last, so that the selected nodes start at once, also when thousands of others are not selected.
        if run.selected is not None:
            for index in run.plan.order:
                if index not in run.selected:
                    memory.decide_later(run, index)

    def set_time_limit(self, run: RunState) -> None:
        """Set the timer of the run's own time limit, if it has one."""
        timeout = run.plan.settings.timeout
        active_since_us = run.active_since_us
        if timeout is None or run.started_us is None or active_since_us is None:
            return
        # If the clock was set back since, the run still gets no more than its whole time.
        passed = max(0.0, (self.memory.now_us - active_since_us) / 1e6)
        self.memory.at(self.memory.mono + timeout - passed, run, lambda: self._time_out(run, active_since_us))

    def _time_out(self, run: RunState, active_since_us: int) -> None:
        if self.memory.runs.get(run.id) is run and run.state == "running" and run.active_since_us == active_since_us:
            self.transitions.stop_run(run, "run_timeout")

    def end_if_complete(self, run: RunState) -> None:
        """End a run that has no node and no job left, and let the next of its workflow start."""
        memory = self.memory
        if run.nodes_left or run.jobs or memory.runs.get(run.id) is not run:
            return
        if run.state not in ("running", "queued", "paused"):
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
        event = "cancelled_by_person" if run.state == "queued" and state == "cancelled" else "nothing_left"
        run.finished_us = max(memory.now_us, run.started_us or memory.now_us)
        run.stopping = ""
        run.waits_for_workflow = False
        self.transitions.move_run(run, event, state, reason)
        memory.changes.ended.append(run)
        del memory.runs[run.id]
        workflow = memory.workflow(run.workflow)
        workflow.active.discard(run.id)
        self.start_runs(run.workflow)
        if not workflow.active and not workflow.waiting:
            memory.workflows.pop(run.workflow, None)
