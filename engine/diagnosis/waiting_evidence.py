"""Evidence that rules about waiting nodes share: how long a node has waited, and who has what it waits for. Pure."""

from collections.abc import Sequence
from datetime import datetime

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis.facts import Blocker, RunFacts, WaitingFacts
from engine.diagnosis.finding import Evidence, Finding
from engine.diagnosis.wording import clock_time, process
from engine.sentences import Sentence, gettext_noop, span

BLOCKERS_MAX = 5
"""Blockers that one finding names."""

_SLOT = gettext_noop("1 slot")
_SLOTS = gettext_noop("{n} slots")
_WAITS = gettext_noop("Waiting for {span}, since {time}")
_OTHER = gettext_noop('"{node}": {message}')


def seconds_since(facts: RunFacts, since: datetime | None) -> float:
    """Return the seconds since a time; 0 if it is not known."""
    return 0.0 if since is None else max(0.0, (facts.now - since).total_seconds())


def slots_text(number: int) -> Sentence:
    """Return `1 slot`, `3 slots`."""
    return Sentence(_SLOT) if number == 1 else Sentence(_SLOTS, {"n": f"{number:,}"})


def waited_evidence(facts: RunFacts, node: WaitingFacts) -> list[Evidence]:
    """Say since when the node waits, if that is known."""
    if node.since is None:
        return []
    seconds = seconds_since(facts, node.since)
    message = Sentence(_WAITS, {"span": span(seconds), "time": clock_time(node.since)})
    return [Evidence("wait", message, round(seconds, 3), "seconds", None, iso(node.since))]


def condition_evidence(condition: WaitingCondition) -> Evidence:
    """Say what the node waits for."""
    return Evidence("wait", condition.sentence, None, None, None, condition.since)


def blocker_evidence(
    facts: RunFacts,
    kind: str,
    template: str,
    stuck_template: str,
    blockers: Sequence[Blocker],
    most: int = BLOCKERS_MAX,
) -> list[Evidence]:
    """Name the first `most` blockers, each by one evidence."""
    evidence = []
    for blocker in blockers[:most]:
        seconds = seconds_since(facts, blocker.since)
        values = {
            "holder": blocker.node,
            "run": blocker.run,
            "slots": slots_text(blocker.slots),
            "process": process(blocker.pid),
            "time": clock_time(blocker.since) if blocker.since else "?",
            "span": span(seconds),
        }
        message = Sentence(stuck_template if blocker.is_stuck else template, values)
        at = iso(blocker.since) if blocker.since else None
        evidence.append(Evidence(kind, message, round(seconds, 3), "seconds", blocker.pid, at))
    return evidence


def worst_first(blockers: Sequence[Blocker]) -> list[Blocker]:
    """Return the blockers, the one to blame first: the first stuck one, else the one that blocks longest."""
    return sorted(blockers, key=lambda blocker: blocker is not next((one for one in blockers if one.is_stuck), None))


def condition_finding(facts: RunFacts, node: WaitingFacts, condition: WaitingCondition) -> Finding | None:
    """Return what a requested node waits for, where no rule says more."""
    if not facts.requested_node:
        return None
    message = Sentence(_OTHER, {"node": node.name, "message": condition.sentence})
    evidence = [condition_evidence(condition), *waited_evidence(facts, node)]
    return Finding(condition.code, message, evidence, node.node)
