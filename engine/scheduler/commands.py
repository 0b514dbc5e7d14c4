"""What people's commands do to the scheduler's memory. Pure.

The verbs in engine.actions.runs have checked that a command made sense when it was given; here it is applied to the
state as it is now. What no longer applies changes nothing, and the outcome says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.scheduler.core import Core
from engine.scheduler.memory import NodeState, RunState
from engine.scheduler.transitions import Job
from engine.states import NODE_TERMINAL, NOT_ASKED, RUN_TERMINAL, SKIPPED_BY_PERSON

RETRYABLE = ("failed", "timed_out", "cancelled")
"""What a retry without `nodes` takes up."""
ENDABLE = ("running", "retrying")
"""States in which a retry ends the present attempt (or the wait for the next) and opens the next."""

SKIPPABLE = ("failed", "timed_out", "cancelled", "upstream_failed")
"""Ended states from which a person may still skip a node."""

Done = Callable[[dict[str, Any] | None], None]
"""Called with the outcome in the tick in which the command is complete: it is marked done in its transaction."""


def may_retry(state: str, reason: str) -> bool:
    """Whether a retry that names an ended node takes it up: also one that a person skipped, which takes that back."""
    return state in SKIPPABLE or (state == "skipped" and reason == SKIPPED_BY_PERSON)


def cancel(core: Core, run: RunState) -> dict[str, Any] | None:
    """End a run: what runs is killed, nothing else starts."""
    if run.state in RUN_TERMINAL:
        return {"refused": "ended"}
    core.stop_run(run, "cancelled")
    return None


def cancel_node(core: Core, run: RunState, name: str) -> dict[str, Any] | None:
    """End one node."""
    index = run.plan.by_id.get(name)
    if index is None or run.state in RUN_TERMINAL:
        return {"refused": "ended"}
    node = core.node(run, index)
    if node.state in NODE_TERMINAL:
        return {"refused": node.state}
    if node.claim:
        core.end_attempt(node, "cancel")
    else:
        core.move(node, "cancelled_by_person", "cancelled", "cancelled_by_person")
    return None


def skip(core: Core, run: RunState, name: str, done: Done) -> None:
    """Let a run go on without one node: what lies downstream finds that it has succeeded, with output null.

    A running one is skipped when its process is gone. One that had ended takes back what its end had decided: nodes
    downstream that did not run, and, when no other failure is left, all that were stopped for it.
    """
    index = run.plan.by_id.get(name)
    node = None if index is None else core.node(run, index)
    if index is None or node is None:
        done({"refused": "no such node"})
    elif node.claim:
        core.end_attempt(node, "skip")
        done(None)
    elif node.state not in NODE_TERMINAL:
        _forget(node)
        core.move(node, SKIPPED_BY_PERSON, "skipped", SKIPPED_BY_PERSON)
        done(None)
    elif node.state not in SKIPPABLE or run.stopping in ("cancelled", "run_timeout"):
        done({"refused": node.state})
    else:
        _reopen(core, run, event=SKIPPED_BY_PERSON)
        core.add_job(run, _skip_ended(core, run, index, done))


def _skip_ended(core: Core, run: RunState, index: int, done: Done) -> Job:
    """As `_reset`: the node itself comes last, so that after a crash the rest is found from it."""
    starts = {index}
    nodes = [node for node in run.nodes if node is not None]
    if not any(node.state in ("failed", "timed_out") and node.plan.index != index for node in nodes):
        starts |= {node.plan.index for node in nodes if node.state == "cancelled" and node.reason == "run_stopped"}
    reset: list[int] = []
    for other in _with_downstream(run, starts):
        node = run.nodes[other]
        if other == index or node is None or node.state not in ("upstream_failed", "skipped", "cancelled"):
            continue
        if node.reason in (SKIPPED_BY_PERSON, "cancelled_by_person", NOT_ASKED):
            # What a person ended, or never wanted, stays as it is.
            continue
        _forget(node)
        core.move(node, "retried_by_person", "pending")
        reset.append(other)
        yield
    node = core.node(run, index)
    if node.state in SKIPPABLE:
        _forget(node)
        core.move(node, SKIPPED_BY_PERSON, "skipped", SKIPPED_BY_PERSON)
    for other in reset:
        core.decide_later(run, other)
    done(None)


def take_stack(core: Core, run: RunState, name: str) -> dict[str, Any] | None:
    """Have the stacks of a running attempt taken; they come as a report. Several askers share one sampling."""
    index = run.plan.by_id.get(name)
    node = None if index is None else run.nodes[index]
    if node is None or node.state != "running":
        return {"refused": "pending" if node is None else node.state}
    core.asked.ask(node.claim, core.mono, core.changes.stacks.append)
    return None


def retry(core: Core, run: RunState, body: Mapping[str, Any], done: Done) -> None:
    """Open further attempts. Spread over ticks in a large run: `done` comes with the last step, so that after a
    crash the command is taken up again; steps that were made are then not made twice."""
    names = body.get("nodes")
    plan = run.plan
    if names is None:
        wanted = [index for index in plan.order if (node := run.nodes[index]) is not None and node.state in RETRYABLE]
    else:
        wanted = [plan.by_id[name] for name in names if name in plan.by_id]
    again: list[NodeState] = []
    ended: set[int] = set()
    for index in wanted:
        node = run.nodes[index]
        if node is None or node.state in ("pending", "ready"):
            continue
        if node.state in ENDABLE:
            again.append(node)
        elif may_retry(node.state, node.reason):
            ended.add(index)
    if not again and not ended:
        done({"refused": "nothing to retry"})
        return
    policy = body.get("policy") or {}
    if policy:
        run.altered = {**run.altered, **policy}
    _reopen(core, run, event="retried_by_person", altered=bool(policy))
    for node in again:
        _retry_now(core, node)
    if not ended:
        # In one transaction with what it asked for: taken up twice, it would end the attempt that it had opened.
        done(None)
        return
    core.add_job(run, _reset(core, run, ended, done))


def _reset(core: Core, run: RunState, ended: set[int], done: Done) -> Job:
    """Take ended nodes and what lies downstream back to pending, then let the rules decide: all in one order, so that
    no target is decided by a source that is still to be reset. The asked-for nodes come last: as long as one of them
    is as it was, a scheduler that takes the command up again after a crash finds the rest from it."""
    behind = [index for index in _with_downstream(run, ended) if index not in ended]
    reset: list[int] = []
    for index in (*behind, *sorted(ended)):
        node = run.nodes[index]
        if node is None or node.state not in NODE_TERMINAL:
            continue
        # What was asked for may have run again meanwhile, by another retry.
        asked = index in ended and may_retry(node.state, node.reason)
        if asked or (node.state in ("upstream_failed", "skipped", "cancelled") and node.reason != NOT_ASKED):
            _forget(node)
            core.move(node, "retried_by_person", "pending")
            reset.append(index)
            yield
    for index in reset:
        core.decide_later(run, index)
    done(None)


def _reopen(core: Core, run: RunState, *, event: str, altered: bool = False) -> None:
    """Make the run one that goes on: an ended one runs again, a stopped one starts new nodes again."""
    if run.stopping:
        # Ready nodes that the sweep did not come to have left their line for it.
        for node in run.nodes:
            if node is not None and node.state == "ready" and not node.claim:
                core.line.push(node)
    run.stopping = ""
    run.sweep += 1
    if run.state not in RUN_TERMINAL:
        if altered:
            core.run_event(run)
        return
    run.finished_us = None
    run.resumed_us = core.now_us
    if run.started_us is None:
        run.started_us = core.now_us
    workflow = core.workflow(run.workflow)
    limit = run.plan.settings.max_runs
    core.runs[run.id] = run
    if limit is not None and len(workflow.active) >= limit:
        run.waits_for_workflow = True
        core.line_up(run)
    else:
        workflow.active.add(run.id)
    core.move_run(run, event, "running", "workflow_limit" if run.waits_for_workflow else "")
    core.limit_run(run)


def _retry_now(core: Core, node: NodeState) -> None:
    if node.state == "running":
        core.end_attempt(node, "retry")
    else:
        node.retries = node.losses = 0
        node.finished_us = None
        core.move(node, "retried_by_person", "ready")


def _with_downstream(run: RunState, starts: set[int]) -> list[int]:
    """`starts` and everything that lies downstream of them, sources before targets."""
    reached = set(starts)
    stack = list(starts)
    nodes = run.plan.nodes
    while stack:
        for target in nodes[stack.pop()].targets:
            if target not in reached:
                reached.add(target)
                stack.append(target)
    return [index for index in run.plan.order if index in reached]


def _forget(node: NodeState) -> None:
    """Clear what the last life of the node left; the number of its attempts goes on."""
    node.retries = node.losses = 0
    node.error = node.progress = node.progress_kept = None
    node.output = node.summary = node.ports = None
    node.artifact = ""
    node.seconds = None
    node.started_us = None
    node.expected, node.expected_from = None, "none"


def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
    """Take up the pools as they are now: {name: slots}."""
    for name, slots in sizes.items():
        core.pool(name).slots = slots
    for name, pool in core.pools.items():
        if name not in sizes:
            # It stays in memory: nodes that stand in another line refer to it, and go on when it is made again.
            pool.slots = None
        for line in (pool.line, pool.aside):
            while (node := line.first()) is not None:
                core.line.push(node)
