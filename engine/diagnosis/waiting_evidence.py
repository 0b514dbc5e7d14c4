"""What rules about waiting nodes show: since when, who has it, and the words of the code that admits nodes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.admission.conditions import WaitingCondition
from engine.clock import iso
from engine.diagnosis.facts import Facts, Holder, Waiting
from engine.diagnosis.finding import Evidence, Finding
from engine.diagnosis.wording import clock_time, process, span
from engine.sentences import Sentence, gettext_noop

_SLOT = gettext_noop("1 slot")
_SLOTS = gettext_noop("{n} slots")
_WAITS = gettext_noop("Waits for {span}, since {time}")
_OTHER = gettext_noop('"{node}": {message}')


def seconds_since(facts: Facts, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (facts.now - since).total_seconds())


def slots(number: int) -> Sentence:
    return Sentence(_SLOT) if number == 1 else Sentence(_SLOTS, {"n": f"{number:,}"})


def waited(facts: Facts, one: Waiting) -> list[Evidence]:
    if one.since is None:
        return []
    seconds = seconds_since(facts, one.since)
    said = Sentence(_WAITS, {"span": span(seconds), "time": clock_time(one.since)})
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
        said = Sentence(stuck if holder.is_stuck else plain, values)
        at = iso(holder.since) if holder.since else None
        found.append(Evidence(kind, said, round(seconds, 3), "seconds", holder.pid, at))
    return found


def worst_holder(holders: Sequence[Holder]) -> Holder | None:
    """The holder that is to blame: a stuck one, else the longest."""
    return next((holder for holder in holders if holder.is_stuck), holders[0] if holders else None)


def plainly(facts: Facts, one: Waiting, condition: WaitingCondition) -> Finding | None:
    """For an asked node what no rule explains."""
    if not facts.asked:
        return None
    message = Sentence(_OTHER, {"node": one.name, "message": condition.sentence})
    evidence = [own_words(condition), *waited(facts, one)]
    return Finding(condition.code, message, evidence, one.node)


def own_words(condition: WaitingCondition) -> Evidence:
    """The admitting code's own words."""
    return Evidence("wait", condition.sentence, None, None, None, condition.since)
