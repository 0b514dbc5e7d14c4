"""Takes up unfinished runs again after they were read from the database. Pure."""

from collections.abc import Collection, Iterable, Mapping

from engine.executors.base import Ended, Report, Returned
from engine.scheduler.core import commands
from engine.scheduler.core.core import Core
from engine.scheduler.core.state import NodeState, RunState
from engine.states import NODE_TERMINAL


def count(run: RunState) -> None:
    """Compute counts from the states of the nodes, so that no stored number can drift from them."""
    counts: dict[str, int] = {}
    plan = run.plan
    nodes_left = 0
    sources_left = list(plan.upstream_counts)
    for index, node in enumerate(run.nodes):
        state = "pending" if node is None else node.state
        counts[state] = counts.get(state, 0) + 1
        if state in NODE_TERMINAL:
            for target in plan.nodes[index].targets:
                sources_left[target] -= 1
        else:
            nodes_left += 1
    run.counts, run.nodes_left, run.sources_left = counts, nodes_left, sources_left


def rebuild(
    core: Core,
    pools: Mapping[str, int],
    runs: Iterable[RunState],
    in_flight: Collection[str],
    started: Mapping[str, float],
) -> tuple[list[Report], set[str]]:
    """Fill the memory of a new core. Return the reports of `adopt`, and the claims in flight that no node has.

    `pools`: {name: slots}.
    """
    commands.pools_changed(core, pools)
    # A copy, because reports that come meanwhile change the original.
    in_flight = set(in_flight)
    lost: list[Report] = []
    for run in runs:
        core.memory.run_in_hand = run.id
        lost.extend(adopt(core, run, in_flight, started))
    for run in list(core.memory.runs.values()):
        core.memory.run_in_hand = run.id
        core.lifecycle.start_runs(run.workflow)
    return lost, in_flight - core.memory.claims.keys()


def adopt(core: Core, run: RunState, in_flight: Collection[str], started: Mapping[str, float]) -> list[Report]:
    """Take up an unfinished run. Return the ends of attempts that nobody will report, to be taken as reports.

    `in_flight`: claims of works that the executor has and will report on. `started`: {claim: unix time} of attempts
    that an earlier scheduler's processes had started, whether or not that was stored. Pending actions are done when the
    returned reports are taken. Attempts in flight that have a pending action are killed once more.
    """
    count(run)
    memory = core.memory
    memory.runs[run.id] = run
    lost: list[Report] = []
    for node in run.nodes:
        if node is not None:
            lost.extend(_adopt_node(core, node, in_flight, started))
    memory.maybe_ended.append(run)
    if run.state == "queued":
        if run.stopping:
            core.transitions.sweep(run)
        else:
            core.lifecycle.enqueue(run)
        return lost
    if run.waits_for_workflow:
        core.lifecycle.enqueue(run)
    else:
        memory.workflow(run.workflow).active.add(run.id)
    core.lifecycle.set_time_limit(run)
    for index in run.plan.order:
        node = run.nodes[index]
        if (node is None or node.state == "pending") and (
            not run.is_selected(index)
            or run.sources_left[index] < len(run.plan.nodes[index].sources)
            or not run.plan.nodes[index].sources
        ):
            memory.decide_later(run, index)
    if run.stopping:
        core.transitions.sweep(run)
        if run.stopping != "run_stopped":
            for node in run.in_flight:
                if node.claim in in_flight:
                    core.transitions.kill(node)
    return lost


def _adopt_node(core: Core, node: NodeState, in_flight: Collection[str], started: Mapping[str, float]) -> list[Report]:
    if node.pending_action and node.claim in in_flight:
        core.transitions.kill(node)
    if node.state == "running":
        _hold(core, node)
        return [] if node.claim in in_flight else [_lost(core, node, node.started_us)]
    if node.state == "retrying":
        core.reports.schedule_retry(node)
    if node.state != "ready":
        return []
    if node.claim and node.claim in in_flight:
        # It may be returned, and is recalled when another node should start before it.
        core.admission.compute_key(node)
        _hold(core, node)
        return []
    if node.pending_action:
        _hold(core, node)
        return [Returned([node.claim])]
    if node.claim in started:
        _hold(core, node)
        return [_lost(core, node, round(started[node.claim] * 1e6))]
    if node.claim:
        # It was dispatched and never started, so no loss is counted.
        node.claim = ""
        core.memory.touch(node)
    core.admission.enqueue(node)
    return []


def _hold(core: Core, node: NodeState) -> None:
    """Count what an attempt in flight holds, in the pool that it was dispatched with."""
    if node.pool_name:
        node.pool = core.memory.pool(node.pool_name)
    core.admission.hold(node)


def _lost(core: Core, node: NodeState, started_us: int | None) -> Ended:
    now_us = core.memory.now_us
    error = {
        "class": "WorkerLost",
        "message": "The scheduler ended while this attempt ran, and its node process was killed with it.",
        "line": None,
        "traceback": None,
    }
    seconds = max(0.0, (now_us - (started_us or now_us)) / 1e6)
    return Ended(node.claim, "lost", now_us / 1e6, seconds, error=error)
