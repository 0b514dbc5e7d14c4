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

from engine import admission
from engine.scheduler.memory import Changes, NodeState, RunState, WorkflowState
from engine.scheduler.reports import Reports
from engine.scheduler.transitions import Job


class Core(Reports):
    """All runs that are not over, and how they go on."""

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
                    self.decide(run, todo.popleft())
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
                    if run.state == "queued" and not run.stopping and not run.jobs:
                        # It lost its place when it was cancelled, which a retry has taken back.
                        self.line_up(run)
                        self.start_runs(run.workflow)
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
        self._serial += 1
        heapq.heappush(self.workflow(run.workflow).waiting, (key, run.id, self._serial, run))

    def start_runs(self, workflow: str) -> None:
        """Start waiting runs of a workflow in order, as far as `max_runs` allows."""
        found = self.workflow(workflow)
        while found.waiting:
            run = found.waiting[0][3]
            # A queued run with a job is changed by a person, and lines up again at its end.
            waits = run.waits_for_workflow or (run.state == "queued" and not run.stopping and not run.jobs)
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
                # A node that a person ended while the run was queued may have decided others.
                for index in run.plan.roots if run.left == len(run.nodes) else run.plan.order:
                    if run.asks_for(index):
                        self.decide_later(run, index)
                # Last: what was asked for starts at once, also when thousands of others are left out.
                if run.asked is not None:
                    for index in run.plan.order:
                        if index not in run.asked:
                            self.decide_later(run, index)

    def limit_run(self, run: RunState) -> None:
        """Set the timer of the run's own time limit."""
        timeout = run.plan.settings.timeout
        if timeout is None or run.started_us is None:
            return
        begun = run.resumed_us or run.started_us
        # Somebody may have set the clock back since: it never has more than all of its time.
        passed = max(0.0, (self.now_us - begun) / 1e6)
        self.at(self.mono + timeout - passed, lambda: self._run_timed_out(run, begun))

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

    def end_attempt(self, node: NodeState, wish: str) -> None:
        """Have the attempt in flight killed and, when it is over, `wish` done. The wish is written in this tick, so
        that it holds however the attempt ends: also when it is found lost by the next scheduler."""
        node.wish = wish
        self.changes.wishes.append(node)
        self.kill(node)

    def sweep(self, run: RunState, sweep: int) -> Job:
        """End what a stopped run will not start, sources before targets."""
        for count, index in enumerate(run.plan.order):
            if run.sweep != sweep:
                return
            node = run.nodes[index]
            if node is None or node.state == "pending":
                self.decide_stopped(run, index)
                yield
            elif node.state in ("ready", "retrying", "waiting") and not node.claim:
                self.stop_instead(node)
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
        event = "cancelled_by_person" if run.state == "queued" and state == "cancelled" else "nothing_left"
        run.finished_us = max(self.now_us, run.started_us or self.now_us)
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
