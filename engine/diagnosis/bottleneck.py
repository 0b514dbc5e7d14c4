"""Why a run that succeeded was slow: the chain of nodes that decided its end, and where its time went. Pure."""

import operator
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine import policy
from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import PathStep, RunFacts
from engine.diagnosis.finding import Evidence, Finding
from engine.diagnosis.wording import percent, times
from engine.sentences import Sentence, Text, gettext_noop, span

SLOW_TIMES = policy.STUCK_TIMES
"""A run is slow when it took this many times what runs of its workflow take."""
SLOW_MORE_SECONDS = policy.STUCK_LEARNED_SECONDS
"""By less than this it is not slow: short runs vary by their start alone."""
LONG_SECONDS = 10.0
"""A run is slow from this length on when nothing says how long it should take."""
STEPS_SHOWN = 5
SHOWN_SHARE = 0.02
"""Of the run's duration. Steps that took less are left out of the evidence."""
IDLE_CPU_SHARE = 0.1
"""A step that used less CPU than this share of its working time waited inside its code."""

_WORKED = gettext_noop('Most of the run\'s {span}{usual} went into "{node}", which worked for {part}, {percent} of it.')
_WAITED = gettext_noop(
    'Most of the run\'s {span}{usual} went into waiting: "{node}" could start only after {part}, {percent} of it.'
)
_USUAL = gettext_noop(" ({times} times the usual {expected})")
_TOTAL = gettext_noop("Critical path of {n} nodes: {working} of work, {waiting} of waiting")
_TOTAL_ONE = gettext_noop("Critical path of 1 node: {working} of work, {waiting} of waiting")
_STEP = gettext_noop('"{node}" worked for {working} and waited for {waiting} before it{why}')
_STEP_ONLY = gettext_noop('"{node}" worked for {working}')
_WHY_POOL = gettext_noop(" (slots of pool {pool})")
_WHY_RETRIES = gettext_noop(" ({n} attempts)")
_LONGER = gettext_noop('"{node}" was expected to take {expected}')
_IDLE = gettext_noop('"{node}" used only {cpu} of CPU: it mostly waited for something outside of the run')
_BUSY = gettext_noop('"{node}" used {cpu} of CPU')


def critical_path(
    ends: Mapping[str, datetime], upstream: Mapping[str, Sequence[str]], most: int | None = None
) -> list[str]:
    """Return the nodes that decided when the run ended, in their order: each began when the one before it ended.

    `ends`: when each node that ran ended; `upstream`: the sources of each node. The last `most` of them.
    """
    path: list[str] = []
    last = max(ends, key=lambda node: ends[node], default=None)
    while last is not None and len(path) != most:
        path.append(last)
        last = max((one for one in upstream.get(last, ()) if one in ends), key=lambda node: ends[node], default=None)
    return path[::-1]


def findings(facts: RunFacts) -> list[Finding]:
    """Return the finding about a run that succeeded and was slow."""
    path, seconds = facts.critical_path, facts.duration
    if facts.state != "succeeded" or not path or not seconds or not _is_slow(facts, seconds):
        return []
    worst, is_waiting, part = _worst(path)
    working, waiting = sum(step.working for step in path), sum(step.waiting for step in path)
    values: dict[str, Any] = {
        "node": worst.name,
        "span": span(seconds),
        "part": span(part),
        "percent": percent(100 * min(1.0, part / seconds)),
        "usual": _usual(facts, seconds),
    }
    at = iso(facts.finished_at or facts.now)
    total = Sentence(
        _TOTAL_ONE if len(path) == 1 else _TOTAL,
        {"n": f"{len(path):,}", "working": span(working), "waiting": span(waiting)},
    )
    evidence = [Evidence("duration", total, round(seconds, 3), "seconds", None, at)]
    longest = sorted(path, key=lambda step: -(step.working + step.waiting))[:STEPS_SHOWN]
    evidence += [_step(one) for one in longest if one is worst or one.working + one.waiting >= SHOWN_SHARE * seconds]
    if not is_waiting:
        evidence += _work_evidence(worst)
    help_ = []
    if is_waiting and worst.pool_slots is not None:
        help_.append(actions.resize_pool(worst.pool, worst.pool_slots + 1, 1))
    message = Sentence(_WAITED if is_waiting else _WORKED, values)
    return [Finding("bottleneck", message, evidence, worst.node, help_)]


def _is_slow(facts: RunFacts, seconds: float) -> bool:
    limits = [policy.stuck_after(step.expected, step.expected_from) for step in facts.critical_path]
    if facts.usual_seconds is not None:
        if seconds > max(SLOW_TIMES * facts.usual_seconds, facts.usual_seconds + SLOW_MORE_SECONDS):
            return True
    elif all(limit is None for limit in limits):
        return seconds >= LONG_SECONDS
    return any(
        limit is not None and step.working > limit for step, limit in zip(facts.critical_path, limits, strict=True)
    )


def _worst(path: Sequence[PathStep]) -> tuple[PathStep, bool, float]:
    """Return (step, whether it was waiting, seconds) of the longest part of the path."""
    parts = [(step.working, False, step) for step in path] + [(step.waiting, True, step) for step in path]
    seconds, is_waiting, step = max(parts, key=operator.itemgetter(0))
    return step, is_waiting, seconds


def _usual(facts: RunFacts, seconds: float) -> Text:
    usual = facts.usual_seconds
    if not usual:
        return ""
    return Sentence(_USUAL, {"times": times(seconds / usual), "expected": span(usual)})


def _step(step: PathStep) -> Evidence:
    why: Text = ""
    if step.attempts > 1:
        why = Sentence(_WHY_RETRIES, {"n": step.attempts})
    elif step.pool:
        why = Sentence(_WHY_POOL, {"pool": step.pool})
    values = {"node": step.name, "working": span(step.working), "waiting": span(step.waiting), "why": why}
    message = Sentence(_STEP if step.waiting >= 0.05 else _STEP_ONLY, values)
    return Evidence("duration", message, round(step.working + step.waiting, 3), "seconds", step.pid, iso(step.ended_at))


def _work_evidence(step: PathStep) -> list[Evidence]:
    evidence, at = [], iso(step.ended_at)
    limit = policy.stuck_after(step.expected, step.expected_from)
    if limit is not None and step.working > limit:
        longer = Sentence(_LONGER, {"node": step.name, "expected": span(step.expected or 0.0)})
        evidence.append(Evidence("duration", longer, step.expected, "seconds", step.pid, at))
    if step.cpu_seconds is not None:
        idle = step.cpu_seconds < IDLE_CPU_SHARE * step.working
        used = Sentence(_IDLE if idle else _BUSY, {"node": step.name, "cpu": span(step.cpu_seconds)})
        evidence.append(Evidence("cpu", used, round(step.cpu_seconds, 3), "seconds", step.pid, at))
    return evidence
