"""The one place where states change: transitions of runs and node runs, with their events, counts and effects. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.scheduler.core import decisions
from engine.scheduler.core.admission_control import AdmissionControl
from engine.scheduler.core.memory import Job, Memory
from engine.scheduler.core.ready_queue import leave
from engine.scheduler.core.state import NodeState, RunState
from engine.states import NODE_TERMINAL, PendingAction, check_node, check_run, counts_as

FAILED = frozenset({"failed", "timed_out"})
UNFINISHED = frozenset({"lost", "interrupted"})
"""Events after which a node keeps its place in the queue, because it did not cause them."""

ExpectedDurations = Callable[[str], Mapping[str, float]]
"""workflow -> {node: learned seconds}."""


class Transitions:
    """Moves nodes and runs, and stops runs."""

    def __init__(self, memory: Memory, admission: AdmissionControl, expected_durations: ExpectedDurations) -> None:
        self.memory = memory
        self.admission = admission
        self.expected_durations = expected_durations

    # Every change of a state goes through `move` or `move_run`.

    def move(self, node: NodeState, event: str, to: str, reason: str = "", at_us: int | None = None) -> None:
        """Move `node` to state `to`, as the table allows, with its event and its effects on others."""
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
        at = self.memory.now_us if at_us is None else at_us
        if state in NODE_TERMINAL:
            run.nodes_left += 1
            node.finished_us = None
            for target in node.plan.targets:
                run.sources_left[target] += 1
        if to in NODE_TERMINAL:
            self._on_end(run, node, at)
        elif to == "ready":
            self._on_ready(node, event)
        elif to in ("running", "pending"):
            leave(node)
        self._add_node_event(node, at)
        self.memory.touch(node)
        if state == "ready" and to != "running":
            # It may have been unparked for slots or a place that it does not take now. The next node gets them.
            self.admission.unpark_after(node)

    def move_run(self, run: RunState, event: str, to: str, reason: str = "") -> None:
        """Move `run` to state `to`, as the table allows, with its event."""
        check_run(run.state, event, to)
        run.state = to
        run.reason = reason
        self.add_run_event(run)

    def add_run_event(self, run: RunState) -> None:
        """Add an event with the run as it is now."""
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
        run.events.append([run.seq, self.memory.now_us, "r", fields])
        self.memory.touch_run(run)

    def _add_node_event(self, node: NodeState, at_us: int) -> None:
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
            self.memory.newly_ready.append(node)
        elif node.state == "retrying":
            fields["w"] = [condition.stored() for condition in self.admission.waiting_for(node)]
        run.seq += 1
        run.events.append([run.seq, at_us, "n", node.plan.id, fields])

    def _on_end(self, run: RunState, node: NodeState, at_us: int) -> None:
        leave(node)
        state = node.state
        if node.finished_us is None:
            # The clock may have been set back since it started.
            node.finished_us = max(at_us, node.started_us or at_us)
        run.nodes_left -= 1
        plan = run.plan.nodes
        sources_left = run.sources_left
        seen = state if state != "skipped" else counts_as(state, node.reason)
        for target in node.plan.targets:
            sources_left[target] -= 1
            other = plan[target]
            # A branch decides by its ports, not by its state alone.
            if not sources_left[target] or seen in other.early or node.plan.branches:
                self.memory.decide_later(run, target)
        if state in FAILED and not run.stopping and run.plan.settings.on_failure == "stop":
            self.stop_run(run, "run_stopped")
        if not run.nodes_left:
            self.memory.maybe_ended.append(run)

    def _on_ready(self, node: NodeState, event: str) -> None:
        if event not in UNFINISHED or not node.ready_us:
            node.ready_us = self.memory.now_us
        self.admission.enqueue(node)
        if node.plan.expected is not None:
            node.expected, node.expected_from = node.plan.expected, "author"
        else:
            learned = self.expected_durations(node.run.workflow).get(node.plan.id)
            node.expected = learned
            node.expected_from = "none" if learned is None else "learned"

    # Pending nodes.

    def decide(self, run: RunState, index: int) -> None:
        """Apply the trigger rule of a node, if it is still pending."""
        node = run.nodes[index]
        if (node is None or node.state == "pending") and run.state == "running":
            self._move_pending(run, index, decisions.decide(run, index))

    def _move_pending(self, run: RunState, index: int, transition: decisions.Transition | None) -> None:
        if transition is not None:
            self.move(self.memory.node(run, index), *transition)

    def reset(self, node: NodeState) -> None:
        """Return a node without an attempt in flight to `pending`, as if it had never run."""
        node.forget_results()
        node.finished_us = None
        self.move(node, "retried_by_person", "pending")

    # Stopping.

    def stop_run(self, run: RunState, why: str) -> None:
        """Start nothing new in `run`. With `run_stopped` running nodes finish and nodes that clean up still run; with
        `cancelled` and `run_timeout` everything ends now."""
        if run.stopping in ("cancelled", "run_timeout"):
            return
        run.stopping = why
        self.memory.touch_run(run)
        if why == "run_stopped":
            if any(node.state == "ready" and not node.plan.clean_up for node in run.in_flight):
                self.memory.changes.recall = True
        else:
            for node in run.in_flight:
                self.kill(node)
        self.sweep(run)

    def sweep(self, run: RunState) -> None:
        """End the nodes that a stopped run will not start, sources before targets, spread over ticks."""
        run.sweep += 1
        self.memory.add_job(run, self._sweep(run, run.sweep))

    def _sweep(self, run: RunState, number: int) -> Job:
        for count, index in enumerate(run.plan.order):
            if run.sweep != number:
                return
            node = run.nodes[index]
            if node is None or node.state == "pending":
                self._move_pending(run, index, decisions.decide_stopped(run, index))
                yield
            elif node.state in ("ready", "retrying", "waiting") and not node.claim:
                self.end_if_stopped(node)
                yield
            elif count % 1000 == 999:
                yield

    def end_if_stopped(self, node: NodeState) -> bool:
        """End a ready or retrying node whose run has stopped, unless it cleans up. Return whether it was ended."""
        run = node.run
        if not run.stopping or (run.stopping == "run_stopped" and node.plan.clean_up):
            return False
        self.move(node, "stopped", "cancelled", decisions.stop_reason(run))
        return True

    # Attempts in flight.

    def kill(self, node: NodeState) -> None:
        """Have the attempt in flight killed with its process tree; its end will be reported."""
        self.memory.changes.kills.append((node.claim, "cancelled"))

    def kill_and_then(self, node: NodeState, action: PendingAction) -> None:
        """Have the attempt in flight killed, and `action` done when its end is reported.

        The action is stored in this tick, so that it is done however the attempt ends, even if the next scheduler finds
        the attempt lost.
        """
        node.pending_action = action
        self.memory.changes.pending_actions.append(node)
        self.kill(node)
