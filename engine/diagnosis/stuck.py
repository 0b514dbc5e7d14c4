"""Rules about running nodes that take too long or are quiet: what keeps each of them from ending. Pure."""

import operator
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from engine.clock import iso
from engine.diagnosis import actions, locks, looks, stuck_help
from engine.diagnosis.causes import cause
from engine.diagnosis.evidence import (
    CPU_SAMPLES,
    IO_MIN,
    duration_evidence,
    output_evidence,
    stack_evidence,
    usage_evidence,
)
from engine.diagnosis.facts import RunFacts, RunningFacts, UsageSample
from engine.diagnosis.finding import Evidence, Finding, StuckNode
from engine.diagnosis.threads import BUSY_PERCENT, RUNS_PERCENT, Activity, activity_of
from engine.diagnosis.wording import clock_time, cut, percent, process, times
from engine.policy import QUIET_SECONDS
from engine.sentences import Sentence, gettext_noop, span

GRACE_SECONDS = 2.0
"""Stacks of a node that became stuck this recently may still be on their way."""
PROGRESS_SECONDS = 15.0
"""A stuck node that reported progress this recently is slow."""
IDLE_SHARE = 0.005
"""Of one core over QUIET_SECONDS: a loop that checks ten times a second whether something has arrived."""
SILENCE_SAMPLES = 10
"""Samples that must agree with how a node was silent when that was noticed."""
SAMPLING_SECONDS = 2.5
"""Taking stacks costs the process tree some CPU for this long afterwards."""

_TAIL_STUCK = gettext_noop("it has run for {span}, {times} times the expected {expected}")
_TAIL_QUIET = gettext_noop("it has done nothing for {span}")
_TAIL_SILENT = {
    "computing": gettext_noop("it has computed for {span} without a line or progress"),
    "idling": gettext_noop("it has written no line and reported no progress for {span}"),
}
_SENTENCE = gettext_noop("{cause}; {tail}.")
_ADVISED = gettext_noop("{cause}; {tail}. {advice}.")
_ONLY = gettext_noop("{sentence}.")
_ONLY_ADVISED = gettext_noop("{sentence}. {advice}.")

_QUIET_CODES = {"idle": "quiet", "idling": "quiet", "computing": "quiet_computing"}

_SLOW = gettext_noop(
    '"{node}" is slow but making progress: {percent} after {span}; at this rate it ends in about {left}.'
)
_PROGRESS = gettext_noop("Progress {percent} in {process}, {span} ago")
_PROGRESS_MESSAGE = gettext_noop("Progress {percent} in {process}, {span} ago: {line}")
_TOO_SHORT = gettext_noop("Its soft limit of {soft} ends it before that")
_UNKNOWN = gettext_noop('It is not known why "{node}" does not end')

_NO_STACK = gettext_noop("No stack traces show what this attempt is doing now")
_STALE_STACK = gettext_noop("Its stack traces of {time} contradict later measurements")


class SuspectNode(NamedTuple):
    """A running node that is stuck or quiet."""

    running: RunningFacts
    quiet_seconds: float | None
    """How long it has been quiet; None: it is stuck."""
    quiet: str = "idle"
    """How it is quiet: idle, or silent although computing or idling."""


def quiet_seconds(running: RunningFacts, now: datetime) -> float | None:
    """Return for how long a node has done nothing that can be measured.

    None: it has done something lately, it has an expected duration, or it is not determined.
    """
    if running.stuck_after is not None or running.seconds < QUIET_SECONDS:
        return None
    last = running.last_sign_at
    determined, used = False, 0.0
    for sample in running.samples:
        if sample.cpu_percent is None:
            continue
        determined = True
        if _is_stack_sampling(running, sample):
            continue
        moved = (sample.io_bytes or 0) + ((sample.network_bytes or 0) if sample.network_scope == "tree" else 0)
        if moved or sample.cpu_percent > 100 * IDLE_SHARE * QUIET_SECONDS:
            last = max(last, sample.at)
        elif (now - sample.at).total_seconds() <= QUIET_SECONDS:
            used += sample.cpu_percent / 100
    if used > IDLE_SHARE * QUIET_SECONDS:
        return None
    idle = (now - last).total_seconds()
    if not determined or idle < QUIET_SECONDS:
        return None
    stack = running.stack
    if stack is not None and stack.why == "quiet" and running.samples and last <= running.samples[0].at:
        # The samples do not reach back to when it became quiet; the stack does.
        idle = max(idle, (now - stack.taken_at).total_seconds() + QUIET_SECONDS)
    return idle


def silent_seconds(running: RunningFacts, now: datetime) -> float | None:
    """Return for how long a node has written no line and reported no progress although it computed or idled.

    None: it has, it has an expected duration, or what was measured lately differs.
    """
    if running.stuck_after is not None or running.silent_at is None or running.silence not in _TAIL_SILENT:
        return None
    last = running.last_sign_at
    if last > running.silent_at:
        return None
    lately = [sample.cpu_percent for sample in running.samples[-SILENCE_SAMPLES:] if sample.cpu_percent is not None]
    moved = [sample.io_bytes for sample in running.samples[-SILENCE_SAMPLES:] if sample.io_bytes is not None]
    if lately:
        cpu = sum(lately) / len(lately)
        if running.silence == "computing" and cpu < RUNS_PERCENT:
            return None
        if running.silence == "idling" and (cpu >= BUSY_PERCENT or sum(moved) > IO_MIN * len(moved)):
            return None
    return (now - last).total_seconds()


def _is_stack_sampling(running: RunningFacts, sample: UsageSample) -> bool:
    """Return whether the sample measures the taking of stacks rather than the node's own work."""
    if running.stack is None:
        return False
    return -0.5 <= (sample.at - running.stack.taken_at).total_seconds() <= SAMPLING_SECONDS


def suspects(facts: RunFacts) -> list[SuspectNode]:
    """Return stuck nodes, those first that exceed their expected duration most, then quiet nodes."""
    stuck: list[tuple[float, str, SuspectNode]] = []
    quiet: list[tuple[float, str, SuspectNode]] = []
    for running in facts.running:
        if facts.requested_node not in (None, running.node):
            continue
        if running.is_stuck:
            ratio = running.seconds / max(running.expected or 0.0, 0.001)
            stuck.append((-ratio, running.node, SuspectNode(running, None)))
        elif (idle := quiet_seconds(running, facts.now)) is not None:
            quiet.append((-idle, running.node, SuspectNode(running, idle)))
        elif (silent := silent_seconds(running, facts.now)) is not None:
            quiet.append((-silent, running.node, SuspectNode(running, silent, running.silence or "")))
    by_excess = operator.itemgetter(0, 1)
    return [suspect for *_, suspect in [*sorted(stuck, key=by_excess), *sorted(quiet, key=by_excess)]]


def stuck_nodes(found: Sequence[SuspectNode]) -> list[StuckNode]:
    """Return the suspects in the shape of the diagnosis."""
    return [
        StuckNode(
            running.node,
            running.type,
            running.seconds,
            running.expected,
            running.expected_from if running.expected is not None else "none",
            running.logs,
            None if running.stack is None else running.stack.body,
        )
        for running, *_ in found
    ]


def findings(facts: RunFacts, found: Sequence[SuspectNode]) -> list[Finding]:
    """Return a finding for each node that is stuck or quiet."""
    return [finding for suspect in found if (finding := _finding(facts, *suspect)) is not None]


def _finding(facts: RunFacts, running: RunningFacts, idle: float | None, how: str) -> Finding | None:
    if idle is None and (slow := _slow(facts, running)) is not None:
        return slow
    cpu = _mean_cpu(running)
    activity = None if running.stack is None else activity_of(running.stack.body, cpu)
    if activity is None or activity.code == "not_determined" or not _still_true(running, activity):
        if idle is None and activity is None and running.seconds - (running.stuck_after or 0.0) < GRACE_SECONDS:
            return None
        return _undetermined(facts, running, idle, how, activity)
    holder = running.holders.get(activity.holder or 0)
    is_circle = holder is not None and locks.is_circle(facts.run, running, holder)
    if is_circle:
        activity = replace(activity, code="deadlock")
    why = (
        locks.cause(facts, running, activity, holder) or looks.cause(running, activity) or cause(running.name, activity)
    )
    advice = stuck_help.advice(activity)
    values = {"cause": why, "tail": _tail(running, idle, how), "advice": advice, "sentence": why}
    message = Sentence(_SENTENCE if advice is None else _ADVISED, values)
    brief = Sentence(_ONLY if advice is None else _ONLY_ADVISED, values)
    evidence = [
        duration_evidence(running),
        *stack_evidence(running, activity),
        *locks.holder_evidence(facts, holder),
        *usage_evidence(facts, running),
        *output_evidence(facts, running),
    ]
    line = activity.threads[0][1].line if activity.threads and activity.threads[0][1].is_author else None
    help_ = stuck_help.calls(facts, running, stuck_help.kind_of(activity), _active_seconds(running, idle), line)
    if holder is not None and holder.run is not None and (holder.run, holder.node) != (facts.run, running.node):
        help_.insert(0, actions.cancel_holder(holder.run, holder.node))
    code = activity.code if idle is None else _QUIET_CODES[how]
    return Finding(code, message, evidence, running.node, help_, brief, activity.code)


def _slow(facts: RunFacts, running: RunningFacts) -> Finding | None:
    """Return the finding about a node that has reported progress since it became stuck: ending it would waste its
    work."""
    at, fraction, limit = running.progress_at, running.fraction, running.stuck_after
    if at is None or limit is None or fraction is None or not 0 < fraction < 1:
        return None
    took, ago = (at - running.started_at).total_seconds(), max(0.0, (facts.now - at).total_seconds())
    if took <= limit or ago > PROGRESS_SECONDS:
        return None
    total = took / fraction
    done = percent(100 * fraction)
    message = Sentence(
        _SLOW,
        {"node": running.name, "percent": done, "span": span(took), "left": span(max(0.0, total - running.seconds))},
    )
    values = {
        "percent": done,
        "span": span(ago),
        "process": process(running.pid, running.worker),
        "line": cut(running.progress_message),
    }
    progress = Sentence(_PROGRESS_MESSAGE if values["line"] else _PROGRESS, values)
    evidence = [duration_evidence(running), Evidence("duration", progress, fraction, None, running.pid, iso(at))]
    if running.soft_timeout is not None and total > running.soft_timeout:
        too_short = Sentence(_TOO_SHORT, {"soft": span(running.soft_timeout)})
        evidence.append(Evidence("duration", too_short, running.soft_timeout, "seconds", running.pid, iso(at)))
    evidence += [*usage_evidence(facts, running), *output_evidence(facts, running)]
    # To retry it comes last.
    retry, *others = stuck_help.calls(facts, running, "slow")
    return Finding("slow", message, evidence, running.node, [*others, retry], cause="slow")


def _undetermined(
    facts: RunFacts, running: RunningFacts, idle: float | None, how: str, activity: Activity | None
) -> Finding:
    unknown = Sentence(_UNKNOWN, {"node": running.name})
    message = Sentence(_SENTENCE, {"cause": unknown, "tail": _tail(running, idle, how)})
    evidence = [duration_evidence(running), *usage_evidence(facts, running)]
    if running.stack is None:
        evidence.append(Evidence("stack", Sentence(_NO_STACK), pid=running.pid))
    elif activity is not None and activity.code == "not_determined":
        evidence += stack_evidence(running, activity)
    else:
        at = running.stack.taken_at
        stale = Sentence(_STALE_STACK, {"time": clock_time(at)})
        evidence.append(Evidence("stack", stale, pid=running.pid, at=iso(at)))
    evidence += output_evidence(facts, running)
    # What helps depends on the stacks.
    help_ = stuck_help.calls(facts, running, "not_determined", _active_seconds(running, idle))
    code = "not_determined" if idle is None else _QUIET_CODES[how]
    brief = Sentence(_ONLY, {"sentence": unknown})
    return Finding(code, message, evidence, running.node, help_, brief, "not_determined")


def _still_true(running: RunningFacts, activity: Activity) -> bool:
    """Return whether stored stacks agree with later samples: a node that waited must not compute now, nor the other
    way round. Samples from before the stacks prove nothing."""
    stack = running.stack
    assert stack is not None
    later = [sample for sample in running.samples if sample.at > stack.taken_at and sample.cpu_percent is not None]
    if len(later) < CPU_SAMPLES:
        return True
    mean = sum(sample.cpu_percent or 0.0 for sample in later) / len(later)
    if activity.code == "query":
        return True
    return mean >= RUNS_PERCENT if activity.code in ("cpu_loop", "child_computes") else mean < 50


def _mean_cpu(running: RunningFacts) -> float | None:
    """Return the mean CPU use of the process tree in the last samples, in percent of one core."""
    measured = [sample.cpu_percent for sample in running.samples[-CPU_SAMPLES:] if sample.cpu_percent is not None]
    return sum(measured) / len(measured) if measured else None


def _tail(running: RunningFacts, idle: float | None, how: str) -> Sentence:
    if idle is not None:
        return Sentence(_TAIL_SILENT.get(how, _TAIL_QUIET), {"span": span(idle)})
    expected = running.expected or 0.0
    ratio = times(running.seconds / expected) if expected > 0 else "∞"
    return Sentence(_TAIL_STUCK, {"span": span(running.seconds), "times": ratio, "expected": span(expected)})


def _active_seconds(running: RunningFacts, idle: float | None) -> float:
    """Return how long a quiet node worked before it became quiet; 0 for a stuck one."""
    return 0.0 if idle is None else max(0.0, running.seconds - idle)
