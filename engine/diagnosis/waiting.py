"""Rules about nodes that do not run: what they wait for, who has it and since when, and how to give it. Pure.

Waiting is what most nodes of a healthy run do. What is in order is explained only to who asks about that one node;
what a person may want to change is a finding of the run. Rules about pools and workers are in waiting_pools and
waiting_workers, with what they share in waiting_evidence.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.database.heartbeat import is_alive
from engine.diagnosis import actions
from engine.diagnosis.facts import Facts, Holder, Waiting
from engine.diagnosis.finding import Evidence, Finding, WaitingNode
from engine.diagnosis.waiting_evidence import held, own_words, plainly, seconds_since, waited
from engine.diagnosis.waiting_pools import pool_full, pool_missing, pool_too_small
from engine.diagnosis.waiting_workers import OCCUPIED_SECONDS, no_queue_worker, no_worker
from engine.diagnosis.wording import clock_time, error_text, process, span
from engine.sentences import Sentence, gettext_noop

_MORE_WAIT = gettext_noop("{n} more nodes of this run wait for the same")
_ONE_MORE_WAITS = gettext_noop("1 more node of this run waits for the same")
RETRY = gettext_noop('"{node}" failed and will be retried in {span}: {cause}.')
RETRY_FAILED = gettext_noop("Attempt {attempt} in {process} failed at {time}: {cause}")
_RETRY_DUE = gettext_noop("Retry {n} starts at {time}")
_RUN_LIMIT = gettext_noop(
    '"{node}" waits for another node of this run to end: at most {max_concurrent} may run at once.'
)
_OTHER_RUNNING = gettext_noop('Node "{holder}" ({process}) has been running since {time}, for {span}')
_OTHER_STUCK = gettext_noop('Node "{holder}" ({process}) is stuck: running since {time}, for {span}')
_WORKFLOW_LIMIT = gettext_noop(
    "The run waits until another run of this workflow ends (at most {n} at once): run {run} has been running for "
    "{span}."
)
_WORKFLOW_LIMIT_NONE = gettext_noop(
    "The run waits until another run of this workflow ends: at most {n} may run at once."
)
_RIVAL = gettext_noop("Run {run} has been running since {time}, for {span}")
_UPSTREAM_STUCK = gettext_noop('"{node}" waits for "{root}", which is stuck.')
_UPSTREAM_RUNNING = gettext_noop('"{node}" waits for "{root}", which has been running for {span}.')
_UPSTREAM_WAITS = gettext_noop('"{node}" waits for "{root}", which is not running either: {why}')
_UPSTREAM_OTHER = gettext_noop('"{node}" waits for "{root}", which is {state}.')
_UPSTREAM = gettext_noop('"{node}" waits for its upstream nodes: {message}')
_ROOT = gettext_noop('"{root}" ({process}) is {state} since {time}, for {span}')
_PAUSED = gettext_noop("The run is paused: no new nodes start.")
_PAUSED_ONE = gettext_noop("1 node waits")
_PAUSED_SINCE = gettext_noop("{n} nodes wait")
_NO_SCHEDULER = gettext_noop("The scheduler has not responded for {span}: nothing starts or ends until it is back.")
_NEVER_SCHEDULER = gettext_noop("No scheduler has run yet: nothing starts until one does.")
_BEAT = gettext_noop("The last heartbeat of the scheduler ({process}) came at {time}, {span} ago")
_NO_BEAT = gettext_noop("There is no heartbeat; `.venv/bin/interlock up` or `scheduler` starts one")
_NODE = gettext_noop("1 node of this run has not ended")
_NODES = gettext_noop("{n} nodes of this run have not ended")
_QUEUED = gettext_noop("The run waits for the scheduler to start it.")


def waiting_nodes(facts: Facts) -> list[WaitingNode]:
    return [WaitingNode(one.node, one.conditions) for one in facts.waiting]


def scheduler(facts: Facts) -> list[Finding]:
    """Whether there is a scheduler that could go on with an unfinished run."""
    age = facts.beat_age
    if facts.state not in ("queued", "running", "paused") or is_alive(age):
        return []
    if age is None:
        evidence = [Evidence("wait", Sentence(_NO_BEAT), None, None, None, iso(facts.now))]
        return [Finding("no_scheduler", Sentence(_NEVER_SCHEDULER), evidence)]
    beat = _before(facts, age)
    values = {"span": span(age), "time": clock_time(beat), "process": process(facts.scheduler_pid)}
    evidence = [
        Evidence("wait", Sentence(_BEAT, values), round(age, 3), "seconds", facts.scheduler_pid, iso(beat)),
    ]
    left = sum(number for state, number in facts.counts.items() if state in ("pending", "ready", "running", "retrying"))
    if left:
        said = Sentence(_NODE if left == 1 else _NODES, {"n": f"{left:,}"})
        evidence.append(Evidence("wait", said, left, None, None, iso(facts.now)))
    return [Finding("no_scheduler", Sentence(_NO_SCHEDULER, values), evidence)]


def findings(facts: Facts, unsaid: Collection[str | None] = ()) -> list[Finding]:
    """What the run waits for, one finding for each cause; for an asked node whatever it waits for.

    `unsaid`: stuck nodes of the run of which the cause is not known yet.
    """
    found: list[Finding] = []
    if facts.state == "paused":
        left = facts.waiting_total
        said = Sentence(_PAUSED_ONE if left == 1 else _PAUSED_SINCE, {"n": f"{left:,}"})
        found.append(Finding("paused", Sentence(_PAUSED), [Evidence("wait", said, left, None, None, iso(facts.now))]))
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
            code = condition.code
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
        said = Sentence(_ONE_MORE_WAITS if more == 1 else _MORE_WAIT, {"n": f"{more:,}"})
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


def _retry_delay(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding:
    left = 0.0 if one.retry_at is None else max(0.0, (one.retry_at - facts.now).total_seconds())
    cause = error_text(one.error)
    message = Sentence(RETRY, {"node": one.name, "span": span(left), "cause": cause.rstrip(".")})
    evidence = []
    if one.failed_at is not None:
        values = {
            "attempt": one.attempt,
            "process": process(one.pid),
            "time": clock_time(one.failed_at),
            "cause": cause,
        }
        said = Sentence(RETRY_FAILED, values)
        evidence.append(Evidence("error", said, one.attempt, None, one.pid, iso(one.failed_at)))
    if one.retry_at is not None:
        said = Sentence(_RETRY_DUE, {"n": one.retries, "time": clock_time(one.retry_at)})
        evidence.append(Evidence("wait", said, round(left, 3), "seconds", None, iso(one.retry_at)))
    evidence = evidence or [own_words(condition)]
    help_ = [
        actions.retry_now(facts.run, one.node),
        actions.skip(facts.run, one.node),
        actions.cancel_node(facts.run, one.node),
    ]
    return Finding("retry_delay", message, evidence, one.node, help_)


def _run_limit(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    others = [
        Holder(facts.run, running.node, running.started_at, pid=running.pid, is_stuck=running.is_stuck)
        for running in sorted(facts.running, key=lambda running: -running.seconds)
    ]
    if not (facts.asked or any(other.is_stuck for other in others)):
        return None
    message = Sentence(_RUN_LIMIT, {"node": one.name, **condition.params})
    others.sort(key=lambda other: not other.is_stuck)
    evidence = [
        *held(facts, "wait", _OTHER_RUNNING, _OTHER_STUCK, others),
        *(waited(facts, one) or [own_words(condition)]),
    ]
    worst = next((other for other in others if other.is_stuck), None)
    help_ = [actions.cancel_holder(worst.run, worst.node)] if worst else []
    return Finding("run_limit", message, evidence, one.node, [*help_, actions.cancel_node(facts.run, one.node)])


def _workflow_limit(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    if not facts.rivals and facts.max_runs is None:
        if not facts.asked and seconds_since(facts, facts.created_at) < OCCUPIED_SECONDS:
            return None
        evidence = waited(facts, one) or [own_words(condition)]
        return Finding("queued", Sentence(_QUEUED), evidence, one.node if facts.asked else None)
    first = facts.rivals[0] if facts.rivals else None
    if first is None:
        message = Sentence(_WORKFLOW_LIMIT_NONE, {"n": facts.max_runs})
    else:
        values = {"n": facts.max_runs or "?", "run": first.run, "span": span(seconds_since(facts, first.since))}
        message = Sentence(_WORKFLOW_LIMIT, values)
    evidence = held(facts, "wait", _RIVAL, _RIVAL, facts.rivals) or [own_words(condition)]
    help_ = [actions.cancel_run(first.run)] if first else []
    help_.append(actions.cancel_run(facts.run))
    return Finding("workflow_limit", message, evidence, one.node if facts.asked else None, help_)


def _upstream(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    root = one.root
    if root is None:
        if not facts.asked:
            return None
        message = Sentence(_UPSTREAM, {"node": one.name, "message": condition.sentence})
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
    message = Sentence(template, values)
    values |= {"process": process(root.pid), "time": clock_time(root.since) if root.since else "?"}
    at = iso(root.since) if root.since else None
    evidence = [Evidence("wait", Sentence(_ROOT, values), round(seconds, 3), "seconds", root.pid, at)]
    help_ = [actions.cancel_holder(facts.run, root.node)] if root.is_stuck else []
    return Finding("upstream", message, evidence, one.node, help_)
