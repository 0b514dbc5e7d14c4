"""Rules about nodes that wait for slots of a pool. Pure."""

from __future__ import annotations

from typing import Any

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import Facts, PoolFacts, Waiting
from engine.diagnosis.finding import Action, Evidence, Finding
from engine.diagnosis.waiting_evidence import (
    held,
    own_words,
    plainly,
    seconds_since,
    slots,
    waited,
    worst_holder,
)
from engine.diagnosis.wording import span
from engine.sentences import Sentence, gettext_noop

LONG_SECONDS = 30.0
"""Waiting for a node of the same run is its own queueing; from here on it is worth a look."""
_POOL_ONE = gettext_noop(
    '"{node}" waits for pool {pool}: its only slot is held by node "{holder}" of run {run} for {span}.'
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
_HOLDS = gettext_noop('Node "{holder}" of run {run} ({process}) holds {slots} since {time}, {span} ago')
_HOLDS_STUCK = gettext_noop(
    'Node "{holder}" of run {run} ({process}) is stuck and holds {slots} since {time}, {span} ago'
)
_IN_USE = gettext_noop("{in_use} of {slots} slots of pool {pool} are in use; it needs {wanted}")


def pool_full(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    pool = one.pool
    if pool is None or pool.slots is None:
        return plainly(facts, one, condition)
    strangers = [holder for holder in pool.holders if holder.run != facts.run]
    stuck = any(holder.is_stuck for holder in pool.holders)
    if not (facts.asked or strangers or stuck or seconds_since(facts, one.since) >= LONG_SECONDS):
        # Its own run uses the pool and goes on: that is what the pool is for.
        return None
    needed = pool.in_use + pool.ahead + pool.wanted
    values: dict[str, Any] = {
        "node": one.name,
        "pool": pool.name,
        "wanted": slots(pool.wanted),
        "in_use": f"{pool.in_use:,}",
        "slots": f"{pool.slots:,}",
        "ahead": slots(pool.ahead),
    }
    first = worst_holder(pool.holders)
    if condition.code == "pool_line" and pool.ahead:
        message = Sentence(_POOL_LINE, values)
    elif first is None:
        message = Sentence(_POOL_FREE, values)
    else:
        values |= {"holder": first.node, "run": first.run, "span": span(seconds_since(facts, first.since))}
        message = Sentence(_POOL_ONE if pool.slots == 1 else _POOL, values)
    holders = [] if first is None else [first, *(holder for holder in pool.holders if holder is not first)]
    evidence = [
        *held(facts, "pool", _HOLDS, _HOLDS_STUCK, holders),
        Evidence("pool", Sentence(_IN_USE, values), pool.in_use, "slots", first.pid if first else None, iso(facts.now)),
        *waited(facts, one),
    ]
    help_: list[Action] = []
    if needed > pool.slots:
        help_.append(actions.resize_pool(pool.name, needed, needed - pool.slots))
    if first is not None:
        help_.append(actions.cancel_holder(first.run, first.node))
        if first.run != facts.run:
            help_.append(actions.cancel_run(first.run))
    help_ += [actions.skip(facts.run, one.node), actions.cancel_node(facts.run, one.node)]
    return Finding("pool_full", message, evidence, one.node, help_)


def pool_missing(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding:
    pool = one.pool or PoolFacts("?", None)
    message = Sentence(_POOL_MISSING, {"node": one.name, "pool": pool.name})
    evidence = waited(facts, one) or [own_words(condition)]
    help_ = [
        actions.create_pool(pool.name, pool.wanted),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("pool_missing", message, evidence, one.node, help_)


def pool_too_small(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    pool = one.pool
    if pool is None or pool.slots is None:
        return plainly(facts, one, condition)
    values = {
        "node": one.name,
        "pool": pool.name,
        "wanted": slots(pool.wanted),
        "slots": f"{pool.slots:,}",
        "in_use": f"{pool.in_use:,}",
    }
    evidence = [
        Evidence("pool", Sentence(_IN_USE, values), pool.slots, "slots", None, iso(facts.now)),
        *waited(facts, one),
    ]
    help_ = [
        actions.resize_pool(pool.name, pool.wanted, pool.wanted - pool.slots),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("pool_too_small", Sentence(_POOL_SMALL, values), evidence, one.node, help_)
