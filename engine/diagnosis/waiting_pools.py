"""Rules about nodes that wait for slots of a pool. Pure."""

from typing import Any

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import PoolFacts, RunFacts, WaitingFacts
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.diagnosis.waiting_evidence import (
    blocker_evidence,
    condition_evidence,
    condition_finding,
    seconds_since,
    slots_text,
    waited_evidence,
    worst_first,
)
from engine.sentences import Sentence, gettext_noop, span

LONG_SECONDS = 30.0
"""A node that waits for another node of its own run for longer than this may need attention."""
_POOL_ONE = gettext_noop(
    '"{node}" waits for pool {pool}: node "{holder}" of run {run} has held its only slot for {span}.'
)
_POOL = gettext_noop(
    '"{node}" waits for {wanted} of pool {pool}: {in_use} of {slots} are in use, the longest by node "{holder}" of '
    "run {run} for {span}."
)
_POOL_FREE = gettext_noop('"{node}" waits for {wanted} of pool {pool}: {in_use} of {slots} are in use.')
_POOL_LINE = gettext_noop(
    '"{node}" waits for pool {pool} behind other nodes, which wait for {ahead}: {in_use} of {slots} are in use.'
)
_POOL_MISSING = gettext_noop('"{node}" waits for pool {pool}, which does not exist.')
_POOL_SMALL = gettext_noop('"{node}" can never start: it needs {wanted} of pool {pool}, which has {slots}.')
_HOLDS = gettext_noop('Node "{holder}" of run {run} ({process}) has held {slots} since {time}, for {span}')
_HOLDS_STUCK = gettext_noop(
    'Node "{holder}" of run {run} ({process}) is stuck and has held {slots} since {time}, for {span}'
)
_IN_USE = gettext_noop("{in_use} of {slots} slots of pool {pool} are in use; it needs {wanted}")


def pool_full(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    """Return the finding about a node that waits for slots which others hold."""
    pool = node.pool
    if pool is None or pool.slots is None:
        return condition_finding(facts, node, condition)
    other_runs = any(holder.run != facts.run for holder in pool.holders)
    stuck = any(holder.is_stuck for holder in pool.holders)
    if not (facts.requested_node or other_runs or stuck or seconds_since(facts, node.since) >= LONG_SECONDS):
        # Its own run uses the pool and makes progress: that is what the pool is for.
        return None
    needed = pool.in_use + pool.ahead + pool.wanted
    values = _values(node, pool)
    holders = worst_first(pool.holders)
    worst = holders[0] if holders else None
    if condition.code == "pool_line" and pool.ahead:
        message = Sentence(_POOL_LINE, {**values, "ahead": slots_text(pool.ahead)})
    elif worst is None:
        message = Sentence(_POOL_FREE, values)
    else:
        values |= {"holder": worst.node, "run": worst.run, "span": span(seconds_since(facts, worst.since))}
        message = Sentence(_POOL_ONE if pool.slots == 1 else _POOL, values)
    evidence = [
        *blocker_evidence(facts, "pool", _HOLDS, _HOLDS_STUCK, holders),
        Evidence("pool", Sentence(_IN_USE, values), pool.in_use, "slots", worst.pid if worst else None, iso(facts.now)),
        *waited_evidence(facts, node),
    ]
    help_: list[Action] = []
    if needed > pool.slots:
        help_.append(actions.resize_pool(pool.name, needed, needed - pool.slots))
    if worst is not None:
        help_.append(actions.cancel_holder(worst.run, worst.node))
        if worst.run != facts.run:
            help_.append(actions.cancel_run(worst.run))
    return Finding("pool_full", message, evidence, node.node, [*help_, *_skip_or_cancel(facts, node)])


def pool_missing(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding:
    """Return the finding about a node whose pool does not exist."""
    pool = node.pool or PoolFacts("?", None)
    message = Sentence(_POOL_MISSING, {"node": node.name, "pool": pool.name})
    evidence = waited_evidence(facts, node) or [condition_evidence(condition)]
    help_ = [actions.create_pool(pool.name, pool.wanted), *_skip_or_cancel(facts, node)]
    return Finding("pool_missing", message, evidence, node.node, help_)


def pool_too_small(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    """Return the finding about a node that needs more slots than its pool has."""
    pool = node.pool
    if pool is None or pool.slots is None:
        return condition_finding(facts, node, condition)
    values = _values(node, pool)
    evidence = [
        Evidence("pool", Sentence(_IN_USE, values), pool.slots, "slots", None, iso(facts.now)),
        *waited_evidence(facts, node),
    ]
    help_ = [
        actions.resize_pool(pool.name, pool.wanted, pool.wanted - pool.slots),
        *_skip_or_cancel(facts, node),
    ]
    return Finding("pool_too_small", Sentence(_POOL_SMALL, values), evidence, node.node, help_)


def _values(node: WaitingFacts, pool: PoolFacts) -> dict[str, Any]:
    return {
        "node": node.name,
        "pool": pool.name,
        "wanted": slots_text(pool.wanted),
        "in_use": f"{pool.in_use:,}",
        "slots": f"{pool.slots or 0:,}",
    }


def _skip_or_cancel(facts: RunFacts, node: WaitingFacts) -> list[Action]:
    return [actions.skip(facts.run, node.node), actions.cancel_node(facts.run, node.node)]
