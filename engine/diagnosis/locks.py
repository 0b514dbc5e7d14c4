"""Rules about locks on files and databases: who holds them, and why that one does not release them. Pure."""

from typing import Any

from engine.clock import iso
from engine.diagnosis.causes import cause as cause_of
from engine.diagnosis.evidence import location_text
from engine.diagnosis.facts import HolderFacts, RunFacts, RunningFacts
from engine.diagnosis.finding import Evidence
from engine.diagnosis.threads import Activity, activity_of
from engine.diagnosis.wording import clock_time, cut
from engine.sentences import Sentence, gettext_noop, span

_LOCK = gettext_noop("a lock on {path}")
_LOCK_SOMEWHERE = gettext_noop("a lock on a file")
_LOCK_DATABASE = gettext_noop("a lock in the PostgreSQL database {name} at {address} ({command})")
_BY_NODE = gettext_noop(
    '"{node}" waits for {what}, which is held by run {run}, node "{holder}", for up to {span}{where}'
)
_BY_PROCESS = gettext_noop(
    '"{node}" waits for {what}, which is held by process {pid} ({command}), for up to {span}{where}'
)
_BY_NOBODY = gettext_noop('"{node}" waits for {what}; who holds it is not known{where}')
_BY_ITSELF = gettext_noop(
    '"{node}" is in a deadlock with itself: it waits for {what}, which it holds through another open file or '
    "connection{where}"
)
_CIRCLE = gettext_noop(
    '"{node}" is in a deadlock with run {run}, node "{holder}": it waits for {what}, which that node holds, and that '
    "node for {other}, which this one holds{where}"
)
_WHY = gettext_noop("The holder, run {run}: {cause} (at {time})")
_HOLDER = gettext_noop('Run {run}, node "{holder}" (process {pid}) has run for {span}')
_HOLDER_PROCESS = gettext_noop("Process {pid} has run for {span}: {command}")
_NEXT = gettext_noop('It waits itself for what run {run}, node "{holder}" holds')


def is_circle(run: int, running: RunningFacts, holder: HolderFacts) -> bool:
    """Return whether the node holds, directly or through others, what it waits for itself."""
    if holder.pid == running.pid:
        return True
    # Another process of the node that holds the lock may go on and release it.
    step = None if is_own(run, running, holder) else holder.holder
    while step is not None:
        if is_own(run, running, step):
            return True
        step = step.holder
    return False


def is_own(run: int, running: RunningFacts, holder: HolderFacts) -> bool:
    """Return whether a holder is a process of the node itself."""
    return holder.pid == running.pid or (holder.run, holder.node) == (run, running.node)


def cause(facts: RunFacts, running: RunningFacts, activity: Activity, holder: HolderFacts | None) -> Sentence | None:
    """Return what a node that waits for a lock on a file waits for, without a full stop; None for other causes."""
    if activity.code not in ("file_lock", "database_lock") and (activity.code != "deadlock" or holder is None):
        return None
    values: dict[str, Any] = {
        "node": running.name,
        "what": _what(activity),
        "where": location_text(activity.threads[0][1]) if activity.threads else "",
    }
    if holder is None:
        return Sentence(_BY_NOBODY, values)
    values |= {"run": holder.run, "holder": holder.node, "pid": holder.pid, "span": _span(facts, holder)}
    values["command"] = cut(holder.command, 60) or "?"
    if activity.code != "deadlock":
        is_process = holder.run is None or is_own(facts.run, running, holder)
        return Sentence(_BY_PROCESS if is_process else _BY_NODE, values)
    if is_own(facts.run, running, holder):
        return Sentence(_BY_ITSELF, values)
    other = activity_of(holder.stack.body) if holder.stack is not None else None
    return Sentence(_CIRCLE, {**values, "other": Sentence(_LOCK_SOMEWHERE) if other is None else _what(other)})


def _what(activity: Activity) -> Sentence:
    if activity.backend is not None:
        values = {"name": activity.backend.get("database"), "address": activity.address}
        return Sentence(_LOCK_DATABASE, {**values, "command": activity.backend.get("does")})
    return Sentence(_LOCK, {"path": cut(activity.path)}) if activity.path else Sentence(_LOCK_SOMEWHERE)


def _span(facts: RunFacts, holder: HolderFacts) -> Any:
    return "?" if holder.since is None else span(max(0.0, (facts.now - holder.since).total_seconds()))


def holder_evidence(facts: RunFacts, holder: HolderFacts | None) -> list[Evidence]:
    """Say who holds a lock, since when it runs, and why it does not end."""
    if holder is None:
        return []
    values = {"run": holder.run, "holder": holder.node, "pid": holder.pid, "span": _span(facts, holder)}
    values["command"] = cut(holder.command)
    message = Sentence(_HOLDER_PROCESS if holder.run is None else _HOLDER, values)
    at = None if holder.since is None else iso(holder.since)
    evidence = [Evidence("wait", message, holder.pid, None, holder.pid, at)]
    if holder.stack is not None and holder.run is not None:
        activity = activity_of(holder.stack.body)
        if activity.code != "not_determined":
            why = {
                "run": holder.run,
                "cause": cause_of(holder.node, activity),
                "time": clock_time(holder.stack.taken_at),
            }
            evidence.append(
                Evidence("stack", Sentence(_WHY, why), activity.code, None, holder.pid, iso(holder.stack.taken_at))
            )
    if holder.holder is not None and holder.holder.run is not None:
        values = {"run": holder.holder.run, "holder": holder.holder.node}
        evidence.append(Evidence("wait", Sentence(_NEXT, values), holder.holder.pid, None, holder.holder.pid, at))
    return evidence
