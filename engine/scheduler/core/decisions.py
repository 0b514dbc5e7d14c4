"""Decides what becomes of a pending node, by its trigger rule and the nodes upstream of it. Pure."""

from engine import policy as policies
from engine.scheduler.core.state import NodeState, RunState
from engine.states import NOT_ASKED, counts_as

Transition = tuple[str, str, str]
"""(event, state, reason), as `Transitions.move` takes them."""


def decide(run: RunState, index: int) -> Transition | None:
    """Return the transition of a pending node of a running run; None: it stays pending."""
    if not run.is_selected(index):
        return NOT_ASKED, "skipped", NOT_ASKED
    if run.stopping:
        return decide_stopped(run, index)
    plan = run.plan.nodes[index]
    decision = policies.decide(
        plan.rule,
        [seen(run, source, ports) for source, ports in zip(plan.sources, plan.ports, strict=True)],
    )
    return None if decision is None else _by_rule(run, index, decision)


def decide_stopped(run: RunState, index: int) -> Transition | None:
    """Return the transition of a pending node of a run that starts nothing new.

    The result does not depend on the order of decisions: sources that the stop itself cancelled count as not ended,
    except if the pending node cleans up.
    """
    plan = run.plan.nodes[index]
    if not run.is_selected(index):
        return NOT_ASKED, "skipped", NOT_ASKED
    if run.stopping != "run_stopped":
        return "stopped", "cancelled", stop_reason(run)
    states = []
    for source, ports in zip(plan.sources, plan.ports, strict=True):
        state, node = _seen(run, source, ports)
        if not plan.clean_up and state == "cancelled" and node is not None and node.reason == "run_stopped":
            state = "pending"
        states.append(state)
    decision = policies.decide(plan.rule, states)
    if decision in ("skipped", "upstream_failed") or (decision == "ready" and plan.clean_up):
        return _by_rule(run, index, decision)
    return None if plan.clean_up else ("stopped", "cancelled", "run_stopped")


def stop_reason(run: RunState) -> str:
    """Return the reason of nodes that end because their run was stopped."""
    return "run_cancelled" if run.stopping == "cancelled" else run.stopping


def _by_rule(run: RunState, index: int, decision: policies.Decision) -> Transition:
    if decision == "ready":
        return "upstream_met", "ready", ""
    return "upstream_unmet", decision, _skip_reason(run, index) if decision == "skipped" else ""


def _skip_reason(run: RunState, index: int) -> str:
    plan = run.plan.nodes[index]
    if plan.rule == "all_failed" and any(
        seen(run, source, ports) == "succeeded" for source, ports in zip(plan.sources, plan.ports, strict=True)
    ):
        return "rule_not_met"
    for source, ports in zip(plan.sources, plan.ports, strict=True):
        state, node = _seen(run, source, ports)
        if state == "skipped" and node is not None and node.state == "succeeded":
            return "branch_not_taken"
    return "upstream_skipped"


def seen(run: RunState, source: int, ports: frozenset[str]) -> str:
    """Return the state of an upstream node as seen through the edges from its `ports`."""
    return _seen(run, source, ports)[0]


def _seen(run: RunState, source: int, ports: frozenset[str]) -> tuple[str, NodeState | None]:
    """Return the state of an upstream node as seen through the edges from its `ports`, and the node."""
    node = run.nodes[source]
    if node is None:
        return "pending", None
    if node.state == "succeeded" and node.ports is not None and ports.isdisjoint(node.ports):
        return "skipped", node
    return counts_as(node.state, node.reason), node
