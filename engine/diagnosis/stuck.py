"""Rules about running nodes that take too long, or are quiet: what each of them is doing instead of ending. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.evidence import WITNESS_SAMPLES, how_long, place_of, what_it_said, what_it_uses, what_was_seen
from engine.diagnosis.facts import Facts, Running, Sampled
from engine.diagnosis.finding import Evidence, Finding, StuckNode
from engine.diagnosis.threads import RUNS_PERCENT, Doing, doing
from engine.diagnosis.wording import clock_time, cut, percent, process, span, times
from engine.policy import QUIET_SECONDS
from engine.sentences import Sentence, gettext_noop

GRACE_SECONDS = 2.0
"""So long after a node began to count as stuck its stacks may still be on their way."""
PROGRESS_SECONDS = 15.0
"""A node that reported progress since it counts as stuck, and no longer ago than this, is slow."""
IDLE_SHARE = 0.005
"""Of one core over QUIET_SECONDS: a loop that looks every tenth of a second whether something has come."""
LOOK_SECONDS = 2.5
"""Taking stacks costs the node process a little; so long after it that is not the node's work."""

_TAIL_STUCK = gettext_noop("it has run for {span}, {times} times the expected {expected}")
_TAIL_QUIET = gettext_noop("it has done nothing for {span}")
_SENTENCE = gettext_noop("{cause}; {tail}.")

_CAUSES = {
    "sleeping": gettext_noop('"{node}" sleeps{where}'),
    "polling": gettext_noop('"{node}" waits for something to happen{where}'),
    "cpu_loop": gettext_noop('"{node}" keeps computing{where}'),
    "child_computes": gettext_noop('"{node}" waits for its child process {pid}, which computes: {command}'),
    "child_hangs": gettext_noop('"{node}" waits for its child process {pid}, which hangs: {command}'),
    "blocked_on_socket": gettext_noop('"{node}" waits for an answer from {address}{where}'),
    "queue": gettext_noop('"{node}" waits for an item from a queue that nothing is added to{where}'),
    "queue_put": gettext_noop('"{node}" waits for space in a queue that nothing is taken from{where}'),
    "result": gettext_noop('"{node}" waits for a result of another thread that does not arrive{where}'),
    "signal": gettext_noop('"{node}" waits for a signal of another thread that does not arrive{where}'),
    "blocked_on_lock": gettext_noop('"{node}" waits for a lock that is not released{where}'),
    "blocked_on_file": gettext_noop('"{node}" waits for {what}{where}'),
    "blocked_on_pipe": gettext_noop('"{node}" waits for {what}{where}'),
    "io_wait": gettext_noop('"{node}" waits for the disk or another device{where}'),
    "blocked": gettext_noop('"{node}" waits for {what}{where}'),
}
_NO_ADDRESS = gettext_noop('"{node}" waits for an answer over the network{where}')
_NO_COMMAND = gettext_noop('"{node}" waits for its child process {pid}, which hangs')
_DEADLOCK = gettext_noop(
    '"{node}" is in a deadlock: thread {first}{first_where} and thread {second}{second_where} wait for each other'
)
_DEADLOCK_MORE = gettext_noop(
    '"{node}" is in a deadlock of {n} threads: among them {first}{first_where} and {second}{second_where} '
    "wait for each other"
)
_FILE = gettext_noop("the file {path}")
_PIPE = gettext_noop("the other end of a pipe")
_SOMETHING = gettext_noop("something in the kernel")
_SLOW = gettext_noop(
    '"{node}" is slow but making progress: {percent} after {span}; at this rate it ends in about {left}.'
)
_REPORTED = gettext_noop("Progress {percent} in {process}, {span} ago")
_REPORTED_WORDS = gettext_noop("Progress {percent} in {process}, {span} ago: {line}")
_TOO_SHORT = gettext_noop("Its soft limit of {soft} ends it before that")
_UNKNOWN = gettext_noop('Why "{node}" does not end is not determined')

_NO_STACK = gettext_noop("No stack traces show what this attempt is doing now")
_STALE_STACK = gettext_noop("Its stack traces of {time} contradict later measurements")

Facing = tuple[Running, float | None]
"""A node to be looked at, and for how long it has been quiet (None: it is stuck)."""


def quiet_seconds(running: Running, now: datetime) -> float | None:
    """For how long a node has done nothing that can be measured; None: it has done something lately, something is
    expected of it, or it is not determined."""
    if running.limit is not None or running.seconds < QUIET_SECONDS:
        return None
    last = max(moment for moment in (running.started_at, running.said_at) if moment is not None)
    determined, used = False, 0.0
    for sample in running.samples:
        if sample.cpu_percent is None:
            continue
        determined = True
        if _is_our_look(running, sample):
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
        # The samples reach back only so far; the supervisor has seen the quiet begin.
        idle = max(idle, (now - stack.taken_at).total_seconds() + QUIET_SECONDS)
    return idle


def _is_our_look(running: Running, sample: Sampled) -> bool:
    if running.stack is None:
        return False
    return -0.5 <= (sample.at - running.stack.taken_at).total_seconds() <= LOOK_SECONDS


def to_look_at(facts: Facts) -> list[Facing]:
    """Nodes that are stuck, the one that takes longest over its expectation first, then quiet ones."""
    stuck: list[tuple[float, Facing]] = []
    quiet: list[tuple[float, Facing]] = []
    for running in facts.running:
        if facts.asked not in (None, running.node):
            continue
        if running.is_stuck:
            stuck.append((-running.seconds / max(running.expected or 0.0, 0.001), (running, None)))
        elif (idle := quiet_seconds(running, facts.now)) is not None:
            quiet.append((-idle, (running, idle)))
    return [facing for _, facing in [*_sorted(stuck), *_sorted(quiet)]]


def _sorted(found: list[tuple[float, Facing]]) -> list[tuple[float, Facing]]:
    return sorted(found, key=lambda pair: (pair[0], pair[1][0].node))


def stuck_nodes(facing: Sequence[Facing]) -> list[StuckNode]:
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
        for running, _ in facing
    ]


def findings(facts: Facts, facing: Sequence[Facing]) -> list[Finding]:
    """One for each node that is stuck or quiet."""
    found = []
    for running, idle in facing:
        finding = _finding(facts, running, idle)
        if finding is not None:
            found.append(finding)
    return found


def _finding(facts: Facts, running: Running, idle: float | None) -> Finding | None:
    if idle is None and (slow := _slow(facts, running)) is not None:
        return slow
    used = _cpu(running)
    seen = None if running.stack is None else doing(running.stack.body, used)
    fits = seen is not None and seen.code != "not_determined" and _fits(running, seen, used)
    if not fits:
        if idle is None and seen is None and running.seconds - (running.limit or 0.0) < GRACE_SECONDS:
            return None
        return _undetermined(facts, running, idle, seen)
    assert seen is not None
    code = seen.code if idle is None else "quiet"
    message = Sentence(_SENTENCE, {"cause": cause(running.name, seen), "tail": _tail(running, idle)})
    evidence = [
        how_long(running),
        *what_was_seen(running, seen),
        *what_it_uses(facts, running),
        *what_it_said(facts, running),
    ]
    return Finding(code, message, evidence, running.node, _actions(facts, running, idle))


def _slow(facts: Facts, running: Running) -> Finding | None:
    """Of a node that has reported progress since it counts as stuck: to end it would throw away what it did."""
    at, fraction, limit = running.progress_at, running.fraction, running.limit
    if at is None or limit is None or fraction is None or not 0 < fraction < 1:
        return None
    took, ago = (at - running.started_at).total_seconds(), max(0.0, (facts.now - at).total_seconds())
    if took <= limit or ago > PROGRESS_SECONDS:
        return None
    whole = took / fraction
    done = percent(100 * fraction)
    message = Sentence(
        _SLOW,
        {"node": running.name, "percent": done, "span": span(took), "left": span(max(0.0, whole - running.seconds))},
    )
    values = {
        "percent": done,
        "span": span(ago),
        "process": process(running.pid, running.worker),
        "line": cut(running.progress_words),
    }
    said = Sentence(_REPORTED_WORDS if values["line"] else _REPORTED, values)
    evidence = [how_long(running), Evidence("duration", said, fraction, None, running.pid, iso(at))]
    if running.soft_timeout is not None and whole > running.soft_timeout:
        said = Sentence(_TOO_SHORT, {"soft": span(running.soft_timeout)})
        evidence.append(Evidence("duration", said, running.soft_timeout, "seconds", running.pid, iso(at)))
    evidence += [*what_it_uses(facts, running), *what_it_said(facts, running)]
    help_ = _actions(facts, running, None)
    return Finding("slow", message, evidence, running.node, [*help_[1:], help_[0]])


def _undetermined(facts: Facts, running: Running, idle: float | None, seen: Doing | None) -> Finding:
    message = Sentence(_SENTENCE, {"cause": Sentence(_UNKNOWN, {"node": running.name}), "tail": _tail(running, idle)})
    evidence = [how_long(running), *what_it_uses(facts, running)]
    if running.stack is None:
        evidence.append(Evidence("stack", Sentence(_NO_STACK), pid=running.pid))
    elif seen is not None and seen.code == "not_determined":
        evidence += what_was_seen(running, seen)
    else:
        at = running.stack.taken_at
        said = Sentence(_STALE_STACK, {"time": clock_time(at)})
        evidence.append(Evidence("stack", said, pid=running.pid, at=iso(at)))
    evidence += what_it_said(facts, running)
    help_ = _actions(facts, running, idle)
    # The stacks come first: what helps depends on what they say.
    first = [action for action in help_ if action.method == "GET"]
    return Finding(
        "not_determined" if idle is None else "quiet",
        message,
        evidence,
        running.node,
        [*first, *(action for action in help_ if action not in first)],
    )


def _fits(running: Running, seen: Doing, used: float | None) -> bool:
    """Whether kept stacks still tell the truth: a node that was seen waiting must not compute by now, nor the reverse.

    Samples of before the stacks prove nothing.
    """
    stack = running.stack
    assert stack is not None
    later = [sample for sample in running.samples if sample.at > stack.taken_at and sample.cpu_percent is not None]
    if len(later) < WITNESS_SAMPLES:
        return True
    mean = sum(sample.cpu_percent or 0.0 for sample in later) / len(later)
    return mean >= RUNS_PERCENT if seen.code in ("cpu_loop", "child_computes") else mean < 50


def _cpu(running: Running) -> float | None:
    """Mean use of the tree in the last samples, in percent of one core."""
    known = [sample.cpu_percent for sample in running.samples[-WITNESS_SAMPLES:] if sample.cpu_percent is not None]
    return sum(known) / len(known) if known else None


def cause(name: str, seen: Doing) -> Sentence:
    """What the node called `name` is doing, without a stop at its end."""
    spots = list(seen.spots)
    values: dict[str, Any] = {"node": name, "where": place_of(spots[0][1]) if spots else ""}
    if seen.code == "deadlock":
        (first, first_spot), (second, second_spot) = spots[0], spots[1]
        values |= {"first": first, "first_where": place_of(first_spot)}
        values |= {"second": second, "second_where": place_of(second_spot), "n": len(spots)}
        return Sentence(_DEADLOCK if len(spots) == 2 else _DEADLOCK_MORE, values)
    template = _CAUSES[seen.inside or seen.code]
    if seen.code in ("child_hangs", "child_computes"):
        child = seen.child or {}
        values |= {"pid": child.get("pid") or "?", "command": cut(str(child.get("command") or ""))}
        if not values["command"]:
            template = _NO_COMMAND
    elif seen.code == "blocked_on_socket":
        values["address"] = seen.address
        if not seen.address:
            template = _NO_ADDRESS
    elif seen.code in ("blocked_on_file", "blocked_on_pipe", "blocked"):
        values["what"] = cut(seen.message) or _what(seen)
    return Sentence(template, values)


def _what(seen: Doing) -> Sentence:
    if seen.path:
        return Sentence(_FILE, {"path": cut(seen.path)})
    return Sentence(_PIPE if seen.code == "blocked_on_pipe" else _SOMETHING)


def _tail(running: Running, idle: float | None) -> Sentence:
    if idle is not None:
        return Sentence(_TAIL_QUIET, {"span": span(idle)})
    expected = running.expected or 0.0
    ratio = times(running.seconds / expected) if expected > 0 else "∞"
    return Sentence(_TAIL_STUCK, {"span": span(running.seconds), "times": ratio, "expected": span(expected)})


def _actions(facts: Facts, running: Running, idle: float | None) -> list[Any]:
    active = max(0.0, running.seconds - idle) if idle is not None else 0.0
    return [
        actions.retry_with_limit(facts.run, running, active),
        actions.take_stacks(facts.run, running.node),
        actions.skip(facts.run, running.node),
        actions.cancel_node(facts.run, running.node),
    ]
