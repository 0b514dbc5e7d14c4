"""Memory from rows: how runs that were read from the database are taken up again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.executors.base import Ended, Report, Returned
from engine.scheduler.core import Core
from engine.scheduler.memory import NodeState, RunState
from engine.states import NODE_TERMINAL


def count(run: RunState) -> None:
    """Compute from the nodes' states what memory keeps beside them: never a number that could have drifted."""
    counts: dict[str, int] = {}
    plan = run.plan
    left = 0
    undecided = list(plan.upstream_counts)
    for index, node in enumerate(run.nodes):
        state = "pending" if node is None else node.state
        counts[state] = counts.get(state, 0) + 1
        if state in NODE_TERMINAL:
            for target in plan.nodes[index].targets:
                undecided[target] -= 1
        else:
            left += 1
    run.counts, run.left, run.undecided = counts, left, undecided


def adopt(core: Core, run: RunState, in_flight: Collection[str], begun: Mapping[str, float]) -> list[Report]:
    """Take up an unfinished run. `in_flight`: claims of works that our executor has and will report on. `begun`:
    {claim: unix time} of attempts that an earlier scheduler's processes began, whether or not that was stored.

    Returns the ends of attempts that nobody will report on (their scheduler is gone): to be taken as reports. What a
    person wished of them comes about by these; what is in flight is killed for it once more.
    """
    count(run)
    core.runs[run.id] = run
    lost: list[Report] = []
    for node in run.nodes:
        if node is None:
            continue
        if node.wish and node.claim in in_flight:
            core.kill(node)
        if node.state == "running":
            hold(core, node)
            if node.claim not in in_flight:
                lost.append(_lost(core, node, node.started_us))
        elif node.state == "ready":
            if node.claim and node.claim in in_flight:
                # It may come back, and is asked for when somebody stands before it.
                core.rank(node)
                hold(core, node)
                continue
            if node.wish:
                hold(core, node)
                lost.append(Returned([node.claim]))
                continue
            if node.claim in begun:
                hold(core, node)
                lost.append(_lost(core, node, round(begun[node.claim] * 1e6)))
                continue
            if node.claim:
                # Sent, but it never started: nothing is counted.
                node.claim = ""
                core.touch(node)
            core.place(node)
        elif node.state == "retrying":
            core.wait_for_retry(node)
    core.maybe_over.append(run)
    if run.state == "queued":
        if run.stopping:
            run.sweep += 1
            core.add_job(run, core.sweep(run, run.sweep))
        else:
            core.line_up(run)
        return lost
    if run.waits_for_workflow:
        core.line_up(run)
    else:
        core.workflow(run.workflow).active.add(run.id)
    core.limit_run(run)
    for index in run.plan.order:
        node = run.nodes[index]
        if (node is None or node.state == "pending") and (
            not run.asks_for(index)
            or run.undecided[index] < len(run.plan.nodes[index].sources)
            or not run.plan.nodes[index].sources
        ):
            core.decide_later(run, index)
    if run.stopping:
        run.sweep += 1
        core.add_job(run, core.sweep(run, run.sweep))
        if run.stopping != "run_stopped":
            for node in run.held:
                if node.claim in in_flight:
                    core.kill(node)
    return lost


def hold(core: Core, node: NodeState) -> None:
    """Count what an attempt in flight holds, by the pool that it was sent with."""
    if node.pool_name:
        node.pool = core.pool(node.pool_name)
    core.hold(node)


def _lost(core: Core, node: NodeState, started_us: int | None) -> Ended:
    started = started_us or core.now_us
    error = {
        "class": "WorkerLost",
        "message": "The scheduler ended while this attempt ran, and its node process was killed with it.",
        "line": None,
        "traceback": None,
    }
    seconds = max(0.0, (core.now_us - started) / 1e6)
    return Ended(node.claim, "lost", core.now_us / 1e6, seconds, error=error)
