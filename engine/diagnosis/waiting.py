"""Rules about nodes that do not run: what they wait for, who has it and since when, and how to give it. Pure.

Waiting is what most nodes of a healthy run do. What is in order is explained only to who asks about that one node;
what a person may want to change is a finding of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.finding import Action, Evidence, Finding, WaitingNode
from engine.diagnosis.known import Facts, Holder, PoolFacts, Waiting
from engine.diagnosis.said import Said, gettext_noop
from engine.diagnosis.words import clock_time, error_text, process, span
from engine.heartbeat import is_alive
from engine.states import OTHER_RELEASE

LONG_SECONDS = 30.0
"""Waiting for a node of the same run is its own queueing; from here on it is worth a look."""
OCCUPIED_SECONDS = 2.0
"""A process that has one node for so long does not come free by itself in a moment."""
RESTING_MAX = 4
"""Workers without work that are named."""

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
_SLOT = gettext_noop("1 slot")
_SLOTS = gettext_noop("{n} slots")
_POOL_MISSING = gettext_noop('"{node}" waits for pool {pool}, which does not exist (any more).')
_POOL_SMALL = gettext_noop('"{node}" can never start: it needs {wanted} of pool {pool}, which has {slots}.')
_HOLDS = gettext_noop('Node "{holder}" of run {run} ({process}) holds {slots} since {time}, {span} ago')
_HOLDS_STUCK = gettext_noop(
    'Node "{holder}" of run {run} ({process}) is stuck and holds {slots} since {time}, {span} ago'
)
_IN_USE = gettext_noop("{in_use} of {slots} slots of pool {pool} are in use; it needs {wanted}")
_WAITS = gettext_noop("Waits for {span}, since {time}")
_MORE_WAIT = gettext_noop("{n} more nodes of this run wait for the same")
_ONE_MORE_WAITS = gettext_noop("1 more node of this run waits for the same")
_RETRY = gettext_noop('"{node}" failed and is tried again in {span}: {cause}.')
_RETRY_FAILED = gettext_noop("Attempt {attempt} in {process} failed at {time}: {cause}")
_RETRY_DUE = gettext_noop("Retry {n} starts at {time}")
_RUN_LIMIT = gettext_noop('"{node}" waits until another node of this run ends: {message}')
_OTHER_RUNNING = gettext_noop('Node "{holder}" ({process}) runs since {time}, for {span}')
_OTHER_STUCK = gettext_noop('Node "{holder}" ({process}) is stuck: it runs since {time}, for {span}')
_WORKFLOW_LIMIT = gettext_noop(
    "The run waits until another run of this workflow ends (at most {n} at once): run {run} runs for {span}."
)
_WORKFLOW_LIMIT_NONE = gettext_noop(
    "The run waits until another run of this workflow ends: at most {n} may run at once."
)
_RIVAL = gettext_noop("Run {run} runs since {time}, for {span}")
_WORKER = gettext_noop(
    '"{node}" waits for a free node process: all {n} are occupied, the longest by node "{holder}" of run {run} '
    "for {span}."
)
_WORKER_FREE = gettext_noop('"{node}" is about to start: it waits for a node process.')
_QUEUE = gettext_noop('"{node}" waits for a worker: none takes the queue {queue}.')
_QUEUE_RELEASE = gettext_noop(
    '"{node}" waits for a worker: those that take the queue {queue} are of another release than the scheduler.'
)
_RELEASE = gettext_noop(
    "Worker {worker} is of another release than the scheduler: bring both to one release and start it again"
)
_DRAINS = gettext_noop("Worker {worker} takes this queue and drains: resume it on the page Resources")
_QUEUE_COMMAND = gettext_noop("Start one on any host, with the environment of this installation: {command}")
_OCCUPIED = gettext_noop('Node "{holder}" of run {run} has {process} since {time}, for {span}')
_OCCUPIED_STUCK = gettext_noop('Node "{holder}" of run {run} is stuck; it has {process} since {time}, for {span}')
_UPSTREAM_STUCK = gettext_noop('"{node}" waits for "{root}", which is stuck.')
_UPSTREAM_RUNNING = gettext_noop('"{node}" waits for "{root}", which runs for {span}.')
_UPSTREAM_WAITS = gettext_noop('"{node}" waits for "{root}", which does not run either: {why}')
_UPSTREAM_OTHER = gettext_noop('"{node}" waits for "{root}", which is {state}.')
_UPSTREAM = gettext_noop('"{node}" waits for its upstream nodes: {message}')
_ROOT = gettext_noop('"{root}" ({process}) is {state} since {time}, for {span}')
_PAUSED = gettext_noop("The run is paused by a person: nothing new of it starts.")
_PAUSED_ONE = gettext_noop("1 node waits")
_PAUSED_SINCE = gettext_noop("{n} nodes wait")
_NO_SCHEDULER = gettext_noop("The scheduler gives no sign of life for {span}: nothing starts or ends until it is back.")
_NEVER_SCHEDULER = gettext_noop("No scheduler has ever run: nothing starts until there is one.")
_BEAT = gettext_noop("The last heartbeat of the scheduler ({process}) came at {time}, {span} ago")
_NO_BEAT = gettext_noop("There is no heartbeat; `.venv/bin/interlock up` or `scheduler` starts one")
_NODE = gettext_noop("1 node of this run has not ended")
_NODES = gettext_noop("{n} nodes of this run have not ended")
_QUEUED = gettext_noop("The run waits for the scheduler to take it up.")
_OTHER = gettext_noop('"{node}": {message}')

Condition = Mapping[str, Any]


def waiting_nodes(facts: Facts) -> list[WaitingNode]:
    return [WaitingNode(one.node, one.conditions) for one in facts.waiting]


def scheduler(facts: Facts) -> list[Finding]:
    """Whether there is a scheduler that could go on with an unfinished run."""
    age = facts.beat_age
    if facts.state not in ("queued", "running", "paused") or is_alive(age):
        return []
    if age is None:
        evidence = [Evidence("wait", Said(_NO_BEAT), None, None, None, iso(facts.now))]
        return [Finding("no_scheduler", Said(_NEVER_SCHEDULER), evidence)]
    beat = _before(facts, age)
    values = {"span": span(age), "time": clock_time(beat), "process": process(facts.scheduler_pid)}
    evidence = [
        Evidence("wait", Said(_BEAT, values), round(age, 3), "seconds", facts.scheduler_pid, iso(beat)),
    ]
    left = sum(number for state, number in facts.counts.items() if state in ("pending", "ready", "running", "retrying"))
    if left:
        said = Said(_NODE if left == 1 else _NODES, {"n": f"{left:,}"})
        evidence.append(Evidence("wait", said, left, None, None, iso(facts.now)))
    return [Finding("no_scheduler", Said(_NO_SCHEDULER, values), evidence)]


def findings(facts: Facts, unsaid: Collection[str | None] = ()) -> list[Finding]:
    """What the run waits for, one finding for each cause; for an asked node whatever it waits for.

    `unsaid`: stuck nodes of the run of which the cause is not known yet.
    """
    found: list[Finding] = []
    if facts.state == "paused":
        left = facts.waiting_total
        said = Said(_PAUSED_ONE if left == 1 else _PAUSED_SINCE, {"n": f"{left:,}"})
        found.append(Finding("paused", Said(_PAUSED), [Evidence("wait", said, left, None, None, iso(facts.now))]))
    seen: dict[tuple[str, str], int] = {}
    rules: dict[str, Any] = {
        "pool": pool_full,
        "pool_line": pool_full,
        "pool_missing": pool_missing,
        "pool_too_small": pool_too_small,
        "retry_delay": _retry_delay,
        "run_limit": _run_limit,
        "workflow_limit": _workflow_limit,
        "run_queued": _workflow_limit,
        "queue": no_queue_worker,
        "worker": no_worker,
        "upstream": _upstream,
    }
    same: dict[tuple[str, str], int] = {}
    for one in facts.waiting:
        if facts.asked is None and one.root is not None and one.root.node in unsaid:
            continue
        for condition in one.conditions:
            code = str(condition["code"])
            if facts.asked is None and unsaid and code in ("run_limit", "pool", "pool_line") and _own(facts, one):
                continue
            key = (_family(code), one.pool.name if code.startswith("pool") and one.pool else "")
            if code in ("retry_delay", "upstream"):
                key = (code, one.node if code == "retry_delay" or one.root is None else one.root.node)
            if code == "queue":
                key = (code, one.queue)
            if key in seen:
                same[key] = same.get(key, 0) + 1
                continue
            rule = rules.get(code, plainly)
            finding = rule(facts, one, condition)
            if finding is not None:
                seen[key] = len(found)
                found.append(finding)
    for key, more in same.items():
        finding = found[seen[key]]
        said = Said(_ONE_MORE_WAITS if more == 1 else _MORE_WAIT, {"n": f"{more:,}"})
        evidence = [*finding.evidence, Evidence("wait", said, more, None, None, iso(facts.now))]
        found[seen[key]] = Finding(finding.code, finding.message, evidence, finding.node, finding.actions)
    return found


def _own(facts: Facts, one: Waiting) -> bool:
    """Whether only the run's own nodes keep it waiting."""
    return one.pool is None or all(holder.run == facts.run for holder in one.pool.holders)


def _family(code: str) -> str:
    return {"pool_line": "pool", "run_queued": "workflow_limit"}.get(code, code)


def _before(facts: Facts, seconds: float) -> datetime:
    from datetime import timedelta

    return facts.now - timedelta(seconds=seconds)


def seconds_since(facts: Facts, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (facts.now - since).total_seconds())


def slots(number: int) -> Said:
    return Said(_SLOT) if number == 1 else Said(_SLOTS, {"n": f"{number:,}"})


def waited(facts: Facts, one: Waiting) -> list[Evidence]:
    if one.since is None:
        return []
    seconds = seconds_since(facts, one.since)
    said = Said(_WAITS, {"span": span(seconds), "time": clock_time(one.since)})
    return [Evidence("wait", said, round(seconds, 3), "seconds", None, iso(one.since))]


def held(facts: Facts, kind: str, plain: str, stuck: str, holders: Sequence[Holder], most: int = 5) -> list[Evidence]:
    """Who has it, one evidence for each of the first `most`."""
    found = []
    for holder in holders[:most]:
        seconds = seconds_since(facts, holder.since)
        values = {
            "holder": holder.node,
            "run": holder.run,
            "slots": slots(holder.slots),
            "process": process(holder.pid),
            "time": clock_time(holder.since) if holder.since else "?",
            "span": span(seconds),
        }
        said = Said(stuck if holder.is_stuck else plain, values)
        at = iso(holder.since) if holder.since else None
        found.append(Evidence(kind, said, round(seconds, 3), "seconds", holder.pid, at))
    return found


def pool_full(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
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
    if condition["code"] == "pool_line" and pool.ahead:
        message = Said(_POOL_LINE, values)
    elif first is None:
        message = Said(_POOL_FREE, values)
    else:
        values |= {"holder": first.node, "run": first.run, "span": span(seconds_since(facts, first.since))}
        message = Said(_POOL_ONE if pool.slots == 1 else _POOL, values)
    holders = [] if first is None else [first, *(holder for holder in pool.holders if holder is not first)]
    evidence = [
        *held(facts, "pool", _HOLDS, _HOLDS_STUCK, holders),
        Evidence("pool", Said(_IN_USE, values), pool.in_use, "slots", first.pid if first else None, iso(facts.now)),
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


def worst_holder(holders: Sequence[Holder]) -> Holder | None:
    """The holder that is to blame: a stuck one, else the longest."""
    return next((holder for holder in holders if holder.is_stuck), holders[0] if holders else None)


def pool_missing(facts: Facts, one: Waiting, condition: Condition) -> Finding:
    pool = one.pool or PoolFacts("?", None)
    message = Said(_POOL_MISSING, {"node": one.name, "pool": pool.name})
    evidence = waited(facts, one) or [own_words(condition)]
    help_ = [
        actions.create_pool(pool.name, pool.wanted),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("pool_missing", message, evidence, one.node, help_)


def pool_too_small(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
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
        Evidence("pool", Said(_IN_USE, values), pool.slots, "slots", None, iso(facts.now)),
        *waited(facts, one),
    ]
    help_ = [
        actions.resize_pool(pool.name, pool.wanted, pool.wanted - pool.slots),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("pool_too_small", Said(_POOL_SMALL, values), evidence, one.node, help_)


def _retry_delay(facts: Facts, one: Waiting, condition: Condition) -> Finding:
    left = 0.0 if one.retry_at is None else max(0.0, (one.retry_at - facts.now).total_seconds())
    cause = error_text(one.error)
    message = Said(_RETRY, {"node": one.name, "span": span(left), "cause": cause.rstrip(".")})
    evidence = []
    if one.failed_at is not None:
        values = {
            "attempt": one.attempt,
            "process": process(one.pid),
            "time": clock_time(one.failed_at),
            "cause": cause,
        }
        said = Said(_RETRY_FAILED, values)
        evidence.append(Evidence("error", said, one.attempt, None, one.pid, iso(one.failed_at)))
    if one.retry_at is not None:
        said = Said(_RETRY_DUE, {"n": one.retries, "time": clock_time(one.retry_at)})
        evidence.append(Evidence("wait", said, round(left, 3), "seconds", None, iso(one.retry_at)))
    evidence = evidence or [own_words(condition)]
    help_ = [
        actions.retry_now(facts.run, one.node),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("retry_delay", message, evidence, one.node, help_)


def _run_limit(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
    others = [
        Holder(facts.run, running.node, running.started_at, pid=running.pid, is_stuck=running.is_stuck)
        for running in sorted(facts.running, key=lambda running: -running.seconds)
    ]
    if not (facts.asked or any(other.is_stuck for other in others)):
        return None
    # The admitting code says the same before its colon.
    whole = str(condition["message"])
    message = Said(_RUN_LIMIT, {"node": one.name, "message": whole.partition(": ")[2] or whole})
    others.sort(key=lambda other: not other.is_stuck)
    evidence = [
        *held(facts, "wait", _OTHER_RUNNING, _OTHER_STUCK, others),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    worst = next((other for other in others if other.is_stuck), None)
    help_ = [actions.cancel_holder(worst.run, worst.node)] if worst else []
    return Finding("run_limit", message, evidence, one.node, [*help_, actions.cancel_node(facts.run, one.node)])


def _workflow_limit(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
    if not facts.rivals and facts.max_runs is None:
        if not facts.asked and seconds_since(facts, facts.created_at) < OCCUPIED_SECONDS:
            return None
        evidence = waited(facts, one) or [own_words(condition)]
        return Finding("queued", Said(_QUEUED), evidence, one.node if facts.asked else None)
    first = facts.rivals[0] if facts.rivals else None
    if first is None:
        message = Said(_WORKFLOW_LIMIT_NONE, {"n": facts.max_runs})
    else:
        values = {"n": facts.max_runs or "?", "run": first.run, "span": span(seconds_since(facts, first.since))}
        message = Said(_WORKFLOW_LIMIT, values)
    evidence = held(facts, "wait", _RIVAL, _RIVAL, facts.rivals) or [own_words(condition)]
    help_ = [actions.cancel_run(first.run)] if first else []
    help_.append(actions.cancel_run(facts.run))
    return Finding("workflow_limit", message, evidence, one.node if facts.asked else None, help_)


def no_worker(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
    occupants = facts.occupants
    full = len(occupants) >= facts.processes > 0
    lasting = full and all(seconds_since(facts, holder.since) >= OCCUPIED_SECONDS for holder in occupants)
    to_blame = any(holder.is_stuck or holder.run != facts.run for holder in occupants)
    if not facts.asked and not (lasting and to_blame and seconds_since(facts, one.since) >= OCCUPIED_SECONDS):
        return None
    first = worst_holder(occupants)
    if first is None or not full:
        message = Said(_WORKER_FREE, {"node": one.name})
    else:
        values = {
            "node": one.name,
            "n": facts.processes,
            "holder": first.node,
            "run": first.run,
            "span": span(seconds_since(facts, first.since)),
        }
        message = Said(_WORKER, values)
    ordered = [] if first is None else [first, *(holder for holder in occupants if holder is not first)]
    evidence = [
        *held(facts, "wait", _OCCUPIED, _OCCUPIED_STUCK, ordered, 8),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    help_: list[Action] = []
    if first is not None and full and (first.is_stuck or first.run != facts.run):
        help_.append(actions.cancel_holder(first.run, first.node))
    help_.append(actions.cancel_node(facts.run, one.node))
    return Finding("no_worker", message, evidence, one.node, help_)


def no_queue_worker(facts: Facts, one: Waiting, condition: Condition) -> Finding:
    resting = [worker for worker in facts.resting if one.queue in worker.queues]
    said = [
        Said(_RELEASE if worker.reason == OTHER_RELEASE else _DRAINS, {"worker": worker.name})
        for worker in resting[:RESTING_MAX]
    ]
    said.append(Said(_QUEUE_COMMAND, {"command": f"celery -A engine worker -Q {one.queue}"}))
    evidence = [
        *(Evidence("wait", words, None, None, None, iso(facts.now)) for words in said),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    all_others = bool(resting) and all(worker.reason == OTHER_RELEASE for worker in resting)
    message = Said(_QUEUE_RELEASE if all_others else _QUEUE, {"node": one.name, "queue": one.queue})
    return Finding("no_queue_worker", message, evidence, one.node, [actions.cancel_node(facts.run, one.node)])


def _upstream(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
    root = one.root
    if root is None:
        if not facts.asked:
            return None
        message = Said(_UPSTREAM, {"node": one.name, "message": str(condition["message"])})
        return Finding("upstream", message, [own_words(condition)], one.node)
    if not facts.asked and not root.is_stuck:
        return None
    seconds = seconds_since(facts, root.since)
    values = {"node": one.name, "root": root.name, "span": span(seconds), "state": root.state}
    template = _UPSTREAM_RUNNING if root.state == "running" else _UPSTREAM_OTHER
    if root.is_stuck:
        template = _UPSTREAM_STUCK
    elif root.why:
        template, values["why"] = _UPSTREAM_WAITS, root.why
    message = Said(template, values)
    values |= {"process": process(root.pid), "time": clock_time(root.since) if root.since else "?"}
    at = iso(root.since) if root.since else None
    evidence = [Evidence("wait", Said(_ROOT, values), round(seconds, 3), "seconds", root.pid, at)]
    help_ = [actions.cancel_holder(facts.run, root.node)] if root.is_stuck else []
    return Finding("upstream", message, evidence, one.node, help_)


def plainly(facts: Facts, one: Waiting, condition: Condition) -> Finding | None:
    """For an asked node what no rule explains."""
    if not facts.asked:
        return None
    message = Said(_OTHER, {"node": one.name, "message": str(condition["message"])})
    evidence = [own_words(condition), *waited(facts, one)]
    return Finding(str(condition["code"]), message, evidence, one.node)


def own_words(condition: Condition) -> Evidence:
    """The admitting code's own words."""
    since = condition.get("since")
    return Evidence("wait", Said("{message}", {"message": str(condition["message"])}), None, None, None, since)
