"""Applies people's commands to the scheduler's memory. Pure.

The verbs in engine.actions.runs have checked that a command made sense when it was given; here it is applied to the
state as it is now. A command that no longer applies changes nothing, and its outcome says so.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from engine.scheduler.core import decisions
from engine.scheduler.core.core import Core
from engine.scheduler.core.memory import Job
from engine.scheduler.core.state import NodeState, RunState
from engine.states import (
    DID_NOT_RUN,
    KEPT_BY_SKIP,
    NODE_TERMINAL,
    NOT_ASKED,
    RESTARTABLE,
    RETRYABLE,
    RUN_TERMINAL,
    SKIPPABLE,
    SKIPPED_BY_PERSON,
    PendingAction,
    may_retry,
)

Outcome = dict[str, Any] | None
Done = Callable[[Outcome], None]
"""Called with the outcome in the tick that completes the command, whose transaction marks it done."""


def cancel(core: Core, run: RunState) -> Outcome:
    """End a run: running nodes are killed, nothing else starts."""
    if run.state in RUN_TERMINAL:
        return {"refused": "ended"}
    core.transitions.stop_run(run, "cancelled")
    return None


def cancel_node(core: Core, run: RunState, name: str) -> Outcome:
    """End one node."""
    index = run.plan.by_id.get(name)
    if index is None or run.state in RUN_TERMINAL:
        return {"refused": "ended"}
    node = core.memory.node(run, index)
    if node.state in NODE_TERMINAL:
        return {"refused": node.state}
    if node.claim:
        core.transitions.kill_and_then(node, PendingAction.CANCEL)
    else:
        core.transitions.move(node, "cancelled_by_person", "cancelled", "cancelled_by_person")
    return None


def skip(core: Core, run: RunState, name: str, output: dict[str, Any] | None, done: Done) -> None:
    """Let a run go on without one node: for nodes downstream it has succeeded, with this output (None: null).

    A running node is skipped when its process has ended. Skipping a node that had ended also resets what followed from
    its end: downstream nodes that did not run and, if no other failure is left, all nodes that the failure stopped.
    """
    index = run.plan.by_id.get(name)
    if index is None:
        done({"refused": "no such node"})
        return
    node = core.memory.node(run, index)
    if node.claim:
        node.skip_output = output
        core.transitions.kill_and_then(node, PendingAction.SKIP)
        done(None)
    elif node.state not in NODE_TERMINAL:
        _skip(core, node, output)
        done(None)
    elif node.state not in SKIPPABLE or run.stopping in ("cancelled", "run_timeout"):
        done({"refused": node.state})
    else:
        _reopen(core, run, event=SKIPPED_BY_PERSON)
        core.memory.add_job(run, _holding_decisions(core, run, _skip_ended(core, run, node, output, done)))


def _skip(core: Core, node: NodeState, output: dict[str, Any] | None) -> None:
    node.forget_results()
    node.take_output(output)
    core.transitions.move(node, SKIPPED_BY_PERSON, "skipped", SKIPPED_BY_PERSON)


def _skip_ended(core: Core, run: RunState, node: NodeState, output: dict[str, Any] | None, done: Done) -> Job:
    """Reset the nodes whose states followed from the node's end, then skip the node.

    It comes last: after a crash the next scheduler applies the command again, and can only find the other nodes while
    this one is unchanged.
    """
    index = node.plan.index
    starts = {index}
    nodes = [other for other in run.nodes if other is not None]
    if not any(other.state in ("failed", "timed_out") and other is not node for other in nodes):
        starts |= {other.plan.index for other in nodes if other.state == "cancelled" and other.reason == "run_stopped"}
    downstream = [other for other in _with_downstream(run, starts) if other != index]
    reset: list[NodeState] = []
    yield from _reset_downstream(core, run, downstream, set(), KEPT_BY_SKIP, reset)
    if node.state in SKIPPABLE:
        _skip(core, node, output)
    for other in reset:
        core.memory.decide_later(run, other.plan.index)
    done(None)


def take_stack(core: Core, run: RunState, name: str) -> Outcome:
    """Have the stacks of a running attempt taken; they come as a report. Several people share one sampling."""
    index = run.plan.by_id.get(name)
    node = None if index is None else run.nodes[index]
    if node is None or node.state != "running":
        return {"refused": "pending" if node is None else node.state}
    memory = core.memory
    memory.stack_requests.request(node.claim, memory.mono, memory.changes.stack_requests.append)
    return None


def retry(core: Core, run: RunState, body: Mapping[str, Any], done: Done) -> None:
    """Open further attempts, in a large run spread over ticks.

    `done` is called in the last step, so that after a crash the next scheduler applies the command again. It does not
    repeat steps that were made.
    """
    names = body.get("nodes")
    plan = run.plan
    if names is None:
        wanted = [index for index in plan.order if (node := run.nodes[index]) is not None and node.state in RETRYABLE]
    else:
        wanted = [plan.by_id[name] for name in names if name in plan.by_id]
    restarted: list[NodeState] = []
    ended: set[int] = set()
    for index in wanted:
        node = run.nodes[index]
        if node is None or node.state in ("pending", "ready"):
            continue
        if node.state in RESTARTABLE:
            restarted.append(node)
        elif may_retry(node.state, node.reason):
            ended.add(index)
    if not restarted and not ended:
        done({"refused": "nothing to retry"})
        return
    policy = body.get("policy") or {}
    if policy:
        run.altered = {**run.altered, **policy}
    _reopen(core, run, event="retried_by_person", altered=bool(policy))
    for node in restarted:
        _restart(core, node)
    if ended:
        core.memory.add_job(run, _holding_decisions(core, run, _retry_ended(core, run, ended, done)))
    else:
        # In the same transaction as the restarts: applied again, the command would end the attempts that it has opened.
        done(None)


def _holding_decisions(core: Core, run: RunState, job: Job) -> Job:
    """Do `job`, and decide no pending node of the run until it is done. Otherwise a source that ends meanwhile could
    start a node although the job has not reset another of its sources yet."""
    run.holds_decisions = True
    yield from job
    core.memory.release_decisions(run)


def _retry_ended(core: Core, run: RunState, ended: set[int], done: Done) -> Job:
    """Reset ended nodes to pending, and downstream of them the nodes that did not run or read an output that changes.

    The ended nodes come last: after a crash the next scheduler finds the others from those that are unchanged.
    """
    # Another retry may have restarted some of them meanwhile.
    ended = {index for index in ended if (node := run.nodes[index]) and may_retry(node.state, node.reason)}
    downstream = [index for index in _with_downstream(run, ended) if index not in ended]
    reset: list[NodeState] = []
    yield from _reset_downstream(core, run, downstream, set(ended), (NOT_ASKED,), reset)
    for index in sorted(ended):
        node = run.nodes[index]
        if node is not None and may_retry(node.state, node.reason):
            core.transitions.reset(node)
            reset.append(node)
            yield
    for node in reset:
        core.memory.decide_later(run, node.plan.index)
    done(None)


def _reset_downstream(
    core: Core,
    run: RunState,
    downstream: Iterable[int],
    changing: set[int],
    kept: Container[str],
    reset: list[NodeState],
) -> Job:
    """Reset the nodes of `downstream` that did not run or read an output that changes, and add them to `reset`.

    `downstream`: sources before targets. `changing`: nodes whose output changes already. `kept`: reasons of nodes that
    stay as they are.
    """
    changing_values: set[int] = set()
    for index in downstream:
        node = run.nodes[index]
        if node is None or node.state == "pending":
            changing.add(index)
        elif node.reason in kept:
            continue
        elif node.state in DID_NOT_RUN or _consumed(run, node, changing, changing_values):
            changing.add(index)
            if node.state == "succeeded":
                changing_values.add(index)
            reset.append(node)
            _reset_consumer(core, node)
            yield


def _consumed(run: RunState, node: NodeState, changing: set[int], changing_values: set[int]) -> bool:
    """Return whether a node read the output of one in `changing`. `changing_values`: those that have succeeded."""
    read = node.plan.consumes & changing
    if not read or node.plan.rule != "one_success" or not changing_values.isdisjoint(read):
        return bool(read)
    # It does not need them if another source has succeeded: it would run again at once, without their outputs.
    return not any(
        source not in changing and decisions.seen(run, source, ports) == "succeeded"
        for source, ports in zip(node.plan.sources, node.plan.ports, strict=True)
    )


def _reset_consumer(core: Core, node: NodeState) -> None:
    """Reset a node to pending. If it is in flight, its attempt is killed first."""
    if not node.claim:
        core.transitions.reset(node)
    elif node.pending_action in (None, PendingAction.RETRY):
        # A node that a person has cancelled or skipped meanwhile stays so: it gives no result that could be outdated.
        core.transitions.kill_and_then(node, PendingAction.RESET)


def _reopen(core: Core, run: RunState, *, event: str, altered: bool = False) -> None:
    """Let the run go on: an ended one runs again, a stopped one starts new nodes again."""
    memory = core.memory
    if run.stopping:
        # Admission has left ready nodes to the sweep, which may not have reached them.
        for node in run.nodes:
            if node is not None and node.state == "ready" and not node.claim:
                memory.ready.push(node)
    run.stopping = ""
    run.sweep += 1
    if run.state not in RUN_TERMINAL:
        if altered:
            core.transitions.add_run_event(run)
        return
    run.finished_us = None
    run.resumed_us = memory.now_us
    if run.started_us is None:
        run.started_us = memory.now_us
    workflow = memory.workflow(run.workflow)
    limit = run.plan.settings.max_runs
    memory.runs[run.id] = run
    if limit is not None and len(workflow.active) >= limit:
        run.waits_for_workflow = True
        core.lifecycle.enqueue(run)
    else:
        workflow.active.add(run.id)
    core.transitions.move_run(run, event, "running", "workflow_limit" if run.waits_for_workflow else "")
    core.lifecycle.set_time_limit(run)


def _restart(core: Core, node: NodeState) -> None:
    """Open the next attempt of a running or retrying node."""
    if node.state == "running":
        core.transitions.kill_and_then(node, PendingAction.RETRY)
    else:
        node.retries = node.losses = 0
        node.finished_us = None
        core.transitions.move(node, "retried_by_person", "ready")


def _with_downstream(run: RunState, starts: set[int]) -> list[int]:
    """Return `starts` and everything downstream of them, sources before targets."""
    reached = set(starts)
    stack = list(starts)
    nodes = run.plan.nodes
    while stack:
        for target in nodes[stack.pop()].targets:
            if target not in reached:
                reached.add(target)
                stack.append(target)
    return [index for index in run.plan.order if index in reached]


def pools_changed(core: Core, sizes: Mapping[str, int]) -> None:
    """Take over the pools as they are now: {name: slots}."""
    memory = core.memory
    for name, slots in sizes.items():
        memory.pool(name).slots = slots
    for name, pool in memory.pools.items():
        if name not in sizes:
            # It stays in memory: nodes in other queues refer to it, and go on when it is created again.
            pool.slots = None
        core.admission.unpark_all(pool)
