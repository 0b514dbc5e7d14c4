"""Rules about nodes that do not run: what they wait for, what holds it and since when, and what helps. Pure.

Most nodes of a healthy run wait. Waiting that is in order is explained only if one node is requested; a finding about
the run is what a person may want to change. Rules about pools and workers are in waiting_pools and waiting_workers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.database.heartbeat import is_alive
from engine.diagnosis import actions
from engine.diagnosis.facts import Blocker, RunFacts, WaitingFacts
from engine.diagnosis.finding import Evidence, Finding, WaitingNode
from engine.diagnosis.waiting_evidence import (
    blocker_evidence,
    condition_evidence,
    condition_finding,
    seconds_since,
    waited_evidence,
)
from engine.diagnosis.waiting_pools import pool_full, pool_missing, pool_too_small
from engine.diagnosis.waiting_workers import OCCUPIED_SECONDS, no_queue_worker, no_worker
from engine.diagnosis.wording import clock_time, error_sentence, process
from engine.sentences import Sentence, gettext_noop, span

_MORE_WAIT = gettext_noop("{n} more nodes of this run wait for the same")
_ONE_MORE_WAITS = gettext_noop("1 more node of this run waits for the same")
_RETRY = gettext_noop('"{node}" failed and will be retried in {span}: {cause}.')
_RETRY_FAILED = gettext_noop("Attempt {attempt} in {process} failed at {time}: {cause}")
_RETRY_BRIEF = gettext_noop("Retries in {span}.")
_RETRY_FAILED_BRIEF = gettext_noop("Attempt {attempt} in {process} failed at {time}")
_RETRY_DUE = gettext_noop("Retry {n} starts at {time}")
_RUN_LIMIT = gettext_noop(
    '"{node}" waits for another node of this run to end: at most {max_concurrent} may run at once.'
)
_OTHER_RUNNING = gettext_noop('Node "{holder}" ({process}) has been running since {time}, for {span}')
_OTHER_STUCK = gettext_noop('Node "{holder}" ({process}) is stuck: running since {time}, for {span}')
_WORKFLOW_LIMIT = gettext_noop(
    "The run waits for another run of this workflow to end (at most {n} at once): run {run} has been running for "
    "{span}."
)
_WORKFLOW_LIMIT_NONE = gettext_noop(
    "The run waits for another run of this workflow to end: at most {n} may run at once."
)
_COMPETING_RUN = gettext_noop("Run {run} has been running since {time}, for {span}")
_UPSTREAM_STUCK = gettext_noop('"{node}" waits for "{root}", which is stuck.')
_UPSTREAM_RUNNING = gettext_noop('"{node}" waits for "{root}", which has been running for {span}.')
_UPSTREAM_WAITS = gettext_noop('"{node}" waits for "{root}", which is not running either: {why}')
_UPSTREAM_OTHER = gettext_noop('"{node}" waits for "{root}", which is {state}.')
_UPSTREAM = gettext_noop('"{node}" waits for its upstream nodes: {message}')
_ROOT = gettext_noop('"{root}" ({process}) has been {state} since {time}, for {span}')
_PAUSED = gettext_noop("The run is paused: no new nodes start.")
_PAUSED_ONE = gettext_noop("1 node waits")
_PAUSED_MORE = gettext_noop("{n} nodes wait")
_NO_SCHEDULER = gettext_noop("The scheduler has not responded for {span}: nothing starts or ends until it is back.")
_NEVER_SCHEDULER = gettext_noop("No scheduler has run yet: nothing starts until one does.")
_BEAT = gettext_noop("The last heartbeat of the scheduler ({process}) was at {time}, {span} ago")
_NO_BEAT = gettext_noop("There is no heartbeat; `.venv/bin/interlock up` or `scheduler` starts a scheduler")
_NODE = gettext_noop("1 node of this run has not ended")
_NODES = gettext_noop("{n} nodes of this run have not ended")
_QUEUED = gettext_noop("The run waits for the scheduler to start it.")

Rule = Callable[[RunFacts, WaitingFacts, WaitingCondition], Finding | None]


def waiting_nodes(facts: RunFacts) -> list[WaitingNode]:
    """Return the waiting nodes in the shape of the diagnosis."""
    return [WaitingNode(node.node, node.conditions) for node in facts.waiting]


def scheduler(facts: RunFacts) -> list[Finding]:
    """Return the finding that no scheduler works on an unfinished run."""
    age = facts.beat_age
    if facts.state not in ("queued", "running", "paused") or is_alive(age):
        return []
    if age is None:
        evidence = [Evidence("wait", Sentence(_NO_BEAT), None, None, None, iso(facts.now))]
        return [Finding("no_scheduler", Sentence(_NEVER_SCHEDULER), evidence)]
    beat_at = facts.now - timedelta(seconds=age)
    values = {"span": span(age), "time": clock_time(beat_at), "process": process(facts.scheduler_pid)}
    evidence = [
        Evidence("wait", Sentence(_BEAT, values), round(age, 3), "seconds", facts.scheduler_pid, iso(beat_at)),
    ]
    left = sum(number for state, number in facts.counts.items() if state in ("pending", "ready", "running", "retrying"))
    if left:
        message = Sentence(_NODE if left == 1 else _NODES, {"n": f"{left:,}"})
        evidence.append(Evidence("wait", message, left, None, None, iso(facts.now)))
    return [Finding("no_scheduler", Sentence(_NO_SCHEDULER, values), evidence)]


def findings(facts: RunFacts, unexplained: Collection[str | None] = ()) -> list[Finding]:
    """Return what the run waits for, one finding for each cause; for a requested node whatever it waits for.

    `unexplained`: stuck nodes of the run whose cause is not known yet.
    """
    found: list[Finding] = []
    if facts.state == "paused":
        found.append(_paused(facts))
    places: dict[tuple[str, str], int] = {}
    same: dict[tuple[str, str], int] = {}
    for node in facts.waiting:
        if not facts.requested_node and node.root is not None and node.root.node in unexplained:
            continue
        for condition in node.conditions:
            if not facts.requested_node and unexplained and _waits_for_own_run(facts, node, condition):
                continue
            cause = _cause(node, condition)
            if cause in places:
                same[cause] = same.get(cause, 0) + 1
                continue
            finding = _RULES.get(condition.code, condition_finding)(facts, node, condition)
            if finding is not None:
                places[cause] = len(found)
                found.append(finding)
    for cause, more in same.items():
        finding = found[places[cause]]
        message = Sentence(_ONE_MORE_WAITS if more == 1 else _MORE_WAIT, {"n": f"{more:,}"})
        evidence = [*finding.evidence, Evidence("wait", message, more, None, None, iso(facts.now))]
        found[places[cause]] = replace(finding, evidence=evidence)
    return found


def _cause(node: WaitingFacts, condition: WaitingCondition) -> tuple[str, str]:
    """Return what nodes with the same cause have in common, so that they share a finding."""
    code = {"pool_line": "pool", "run_queued": "workflow_limit"}.get(condition.code, condition.code)
    if code.startswith("pool"):
        return code, node.pool.name if node.pool else ""
    if code == "retry_delay":
        return code, node.node
    if code == "upstream":
        return code, node.node if node.root is None else node.root.node
    return code, node.queue if code == "queue" else ""


def _waits_for_own_run(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> bool:
    """Return whether only nodes of the same run make it wait."""
    if condition.code not in ("run_limit", "pool", "pool_line"):
        return False
    return node.pool is None or all(holder.run == facts.run for holder in node.pool.holders)


def _paused(facts: RunFacts) -> Finding:
    waiting = facts.waiting_total
    message = Sentence(_PAUSED_ONE if waiting == 1 else _PAUSED_MORE, {"n": f"{waiting:,}"})
    return Finding("paused", Sentence(_PAUSED), [Evidence("wait", message, waiting, None, None, iso(facts.now))])


def _retry_delay(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding:
    left = 0.0 if node.retry_at is None else max(0.0, (node.retry_at - facts.now).total_seconds())
    cause = error_sentence(node.error)
    message = Sentence(_RETRY, {"node": node.name, "span": span(left), "cause": cause})
    evidence = []
    if node.failed_at is not None:
        values = {
            "attempt": node.attempt,
            "process": process(node.pid),
            "time": clock_time(node.failed_at),
            "cause": cause,
        }
        failed = Sentence(_RETRY_FAILED, values)
        brief = Sentence(_RETRY_FAILED_BRIEF, values)
        evidence.append(Evidence("error", failed, node.attempt, None, node.pid, iso(node.failed_at), brief))
    if node.retry_at is not None:
        due = Sentence(_RETRY_DUE, {"n": node.retries, "time": clock_time(node.retry_at)})
        evidence.append(Evidence("wait", due, round(left, 3), "seconds", None, iso(node.retry_at)))
    evidence = evidence or [condition_evidence(condition)]
    help_ = [
        actions.retry_now(facts.run, node.node),
        actions.skip(facts.run, node.node),
        actions.cancel_node(facts.run, node.node),
    ]
    return Finding("retry_delay", message, evidence, node.node, help_, Sentence(_RETRY_BRIEF, {"span": span(left)}))


def _run_limit(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    others = [
        Blocker(facts.run, running.node, running.started_at, pid=running.pid, is_stuck=running.is_stuck)
        for running in sorted(facts.running, key=lambda running: (not running.is_stuck, -running.seconds))
    ]
    stuck = next((other for other in others if other.is_stuck), None)
    if not (facts.requested_node or stuck):
        return None
    message = Sentence(_RUN_LIMIT, {"node": node.name, **condition.params})
    evidence = [
        *blocker_evidence(facts, "wait", _OTHER_RUNNING, _OTHER_STUCK, others),
        *(waited_evidence(facts, node) or [condition_evidence(condition)]),
    ]
    help_ = [actions.cancel_holder(stuck.run, stuck.node)] if stuck else []
    return Finding("run_limit", message, evidence, node.node, [*help_, actions.cancel_node(facts.run, node.node)])


def _workflow_limit(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    about = node.node if facts.requested_node else None
    if not facts.competing_runs and facts.max_runs is None:
        if not facts.requested_node and seconds_since(facts, facts.created_at) < OCCUPIED_SECONDS:
            return None
        evidence = waited_evidence(facts, node) or [condition_evidence(condition)]
        return Finding("queued", Sentence(_QUEUED), evidence, about)
    first = facts.competing_runs[0] if facts.competing_runs else None
    if first is None:
        message = Sentence(_WORKFLOW_LIMIT_NONE, {"n": facts.max_runs})
    else:
        values = {"n": facts.max_runs or "?", "run": first.run, "span": span(seconds_since(facts, first.since))}
        message = Sentence(_WORKFLOW_LIMIT, values)
    competing = blocker_evidence(facts, "wait", _COMPETING_RUN, _COMPETING_RUN, facts.competing_runs)
    help_ = [actions.cancel_run(first.run)] if first else []
    help_.append(actions.cancel_run(facts.run))
    return Finding("workflow_limit", message, competing or [condition_evidence(condition)], about, help_)


def _upstream(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    root = node.root
    if root is None:
        if not facts.requested_node:
            return None
        message = Sentence(_UPSTREAM, {"node": node.name, "message": condition.sentence})
        return Finding("upstream", message, [condition_evidence(condition)], node.node)
    if not facts.requested_node and not root.is_stuck:
        return None
    seconds = seconds_since(facts, root.since)
    values = {"node": node.name, "root": root.name, "span": span(seconds), "state": root.state, "why": root.why}
    if root.is_stuck:
        template = _UPSTREAM_STUCK
    elif root.why is not None:
        template = _UPSTREAM_WAITS
    else:
        template = _UPSTREAM_RUNNING if root.state == "running" else _UPSTREAM_OTHER
    message = Sentence(template, values)
    values |= {"process": process(root.pid), "time": clock_time(root.since) if root.since else "?"}
    at = iso(root.since) if root.since else None
    evidence = [Evidence("wait", Sentence(_ROOT, values), round(seconds, 3), "seconds", root.pid, at)]
    help_ = [actions.cancel_holder(facts.run, root.node)] if root.is_stuck else []
    return Finding("upstream", message, evidence, node.node, help_)


_RULES: Mapping[str, Rule] = {
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
"""By the code of the waiting condition."""
