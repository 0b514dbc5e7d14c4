"""Evidence about a running node: how long it has run, its stacks, what it uses, what it wrote. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.clock import iso
from engine.diagnosis.facts import DEPENDENTS_MAX, RunFacts, RunningFacts, own_lines
from engine.diagnosis.finding import Evidence
from engine.diagnosis.threads import Activity, Location, wait_text
from engine.diagnosis.wording import clock_time, cut, percent, process, size
from engine.sentences import Sentence, Text, gettext_noop, span

IO_MIN = 64 * 1024
"""Bytes a second. An idle process tree moves less."""
IDLE_PERCENT = 1.0
"""Percent of one core. An idle process tree uses no more."""
LINES_SHOWN = 4
"""Lines of a computing thread that the evidence names."""
CPU_SAMPLES = 3
"""Samples whose mean tells whether a process tree uses CPU."""

_HERE = gettext_noop(" in line {line}: {source}")
_HERE_LINE = gettext_noop(" in line {line}")
_HERE_FILE = gettext_noop(" in {function} ({file}, line {line})")
_IO = gettext_noop("Reads and writes {rate} per second")
_RUNS = gettext_noop("Running for {span} in {process}; expected {expected} (set by the author)")
_RUNS_LEARNED = gettext_noop("Running for {span} in {process}; expected {expected} (median of its last runs)")
_RUNS_NONE = gettext_noop("Running for {span} in {process}; no expected duration yet")
_SAME = gettext_noop("Identical in {n} samples at {time}{where}")
_MOVES = gettext_noop("Moving: changed between {n} samples at {time}; last{where}")
_SHARE = gettext_noop("{percent} of {n} samples at {time}{where}")
_SHARE_NOWHERE = gettext_noop("{percent} of {n} samples at {time} in code that is not its own")
_ONE = gettext_noop("Sampled at {time}{where}")
_NOWHERE = gettext_noop("Sampled at {time}: none of its own code is on the stack")
_NO_FRAMES = gettext_noop("Sampled at {time}: {where}")
_THREAD = gettext_noop("Thread {thread} waits for a lock{where}")
_WAITS = gettext_noop("Waits for {message} ({process}, at {time})")
_NO_CPU = gettext_noop("No CPU used in the last {span}")
_CPU = gettext_noop("Uses {percent} of one core")
_CHILD = gettext_noop("Child process {pid}: {command}")
_CHILD_CPU = gettext_noop("Child process {pid} has used {cpu} of CPU: {command}")
_CHILD_WAITS = gettext_noop("Child process {pid} waits for {message}")
_MORE_CHILDREN = gettext_noop("and {n} more child processes")
_MORE_CHILD = gettext_noop("and 1 more child process")
_LINE = gettext_noop("Last log line {span} ago: {line}")
_NO_LINE = gettext_noop("No log lines")
_DEPENDENT = gettext_noop("1 node waits for it")
_DEPENDENTS = gettext_noop("{n} nodes wait for it")
_DEPENDENTS_MANY = gettext_noop("At least {n} nodes wait for it")


def location_text(location: Location) -> Text:
    """Return ` in line 3: time.sleep(600)`; empty if it is not known."""
    if location.line is None:
        return ""
    if location.is_author:
        values = {"line": location.line, "source": cut(location.source)}
        return Sentence(_HERE if location.source else _HERE_LINE, values)
    file = location.file.rpartition("/")[2]
    if not file:
        return ""
    return Sentence(_HERE_FILE, {"function": location.function, "file": file, "line": location.line})


def duration_evidence(running: RunningFacts) -> Evidence:
    """Say how long a node has run, and how long was expected."""
    values: dict[str, Any] = {"span": span(running.seconds), "process": process(running.pid, running.worker)}
    template = _RUNS_NONE
    if running.stuck_after is not None and running.expected is not None:
        values["expected"] = span(running.expected)
        template = _RUNS if running.expected_from == "author" else _RUNS_LEARNED
    since = iso(running.started_at)
    return Evidence("duration", Sentence(template, values), round(running.seconds, 3), "seconds", running.pid, since)


def stack_evidence(running: RunningFacts, activity: Activity) -> list[Evidence]:
    """Say where its threads are and what they wait for."""
    stack = running.stack
    assert stack is not None
    at, pid = stack.taken_at, running.pid
    time = clock_time(at)
    evidence: list[Evidence] = []
    if activity.code == "deadlock" and activity.circle:
        for child in activity.circle[:4]:
            evidence += _child_evidence(replace(activity, child=child), at)
    elif activity.code == "deadlock":
        for thread, location in activity.threads[:4]:
            message = Sentence(_THREAD, {"thread": thread, "where": location_text(location)})
            evidence.append(Evidence("stack", message, location.line, None, pid, iso(at)))
    else:
        where = location_text(activity.threads[0][1]) if activity.threads else ""
        if not where and stack.body.get("message"):
            # The supervisor's explanation why there are no frames.
            where, template = cut(str(stack.body["message"]), 300), _NO_FRAMES
        elif not where:
            template = _NOWHERE
        elif activity.samples < 2:
            template = _ONE
        elif len(activity.lines) > 1:
            return [*_line_shares(activity, at, pid), *_waits_evidence(activity, at, pid)]
        else:
            template = _MOVES if activity.moves else _SAME
        message = Sentence(template, {"n": activity.samples, "time": time, "where": where})
        evidence.append(Evidence("stack", message, activity.samples, None, pid, iso(at)))
    return [*evidence, *_waits_evidence(activity, at, pid)]


def _line_shares(activity: Activity, at: datetime, pid: int | None) -> list[Evidence]:
    """Say where a thread spends its time: the share of each line among the samples."""
    evidence = []
    for location, share in activity.lines[:LINES_SHOWN]:
        where = location_text(location)
        values = {"percent": percent(100 * share), "n": activity.samples, "time": clock_time(at), "where": where}
        message = Sentence(_SHARE if where else _SHARE_NOWHERE, values)
        evidence.append(Evidence("stack", message, round(100 * share, 1), "percent", pid, iso(at)))
    return evidence


def _waits_evidence(activity: Activity, at: datetime, pid: int | None) -> list[Evidence]:
    """Say what the thread waits for, and what its child processes do."""
    evidence: list[Evidence] = []
    if activity.message:
        message = Sentence(_WAITS, {"message": activity.message, "process": process(pid), "time": clock_time(at)})
        evidence.append(Evidence("wait", message, activity.address or activity.path or None, None, pid, iso(at)))
    if activity.child:
        evidence += _child_evidence(activity, at)
    return evidence


def _child_evidence(activity: Activity, at: datetime) -> list[Evidence]:
    child = activity.child or {}
    pid, cpu, since = child.get("pid"), child.get("cpu_seconds"), child.get("since")
    command = cut(str(child.get("command") or ""))
    since = since if isinstance(since, str) else iso(at)
    if cpu is None:
        evidence = [Evidence("child", Sentence(_CHILD, {"pid": pid, "command": command}), None, None, pid, since)]
    else:
        message = Sentence(_CHILD_CPU, {"pid": pid, "cpu": span(float(cpu)), "command": command})
        evidence = [Evidence("child", message, round(float(cpu), 3), "seconds", pid, since)]
    if wait := wait_text(child.get("waits_on")):
        message = Sentence(_CHILD_WAITS, {"pid": pid, "message": wait})
        evidence.append(Evidence("child", message, None, None, pid, iso(at)))
    if activity.others > 0:
        message = Sentence(_MORE_CHILD if activity.others == 1 else _MORE_CHILDREN, {"n": activity.others})
        evidence.append(Evidence("child", message, activity.others, None, None, iso(at)))
    return evidence


def usage_evidence(facts: RunFacts, running: RunningFacts) -> list[Evidence]:
    """Say what CPU and I/O it uses, as far as that is known."""
    return [*_cpu_evidence(facts, running), *_io_evidence(running)]


def _io_evidence(running: RunningFacts) -> list[Evidence]:
    measured = [sample for sample in running.samples[-CPU_SAMPLES:] if sample.io_bytes is not None]
    rate = sum(sample.io_bytes or 0 for sample in measured) / len(measured) if measured else 0.0
    if rate < IO_MIN:
        return []
    message = Sentence(_IO, {"rate": size(rate)})
    return [Evidence("io", message, round(rate), "bytes_per_second", running.pid, iso(measured[-1].at))]


def _cpu_evidence(facts: RunFacts, running: RunningFacts) -> list[Evidence]:
    measured = [sample for sample in running.samples if sample.cpu_percent is not None]
    if not measured:
        return []
    last = measured[-1]
    busy = [sample for sample in measured if (sample.cpu_percent or 0.0) > IDLE_PERCENT]
    if busy and busy[-1] is last:
        message = Sentence(_CPU, {"percent": percent(last.cpu_percent or 0.0)})
    else:
        since = busy[-1].at if busy else max(measured[0].at, running.started_at)
        message = Sentence(_NO_CPU, {"span": span(max(1.0, (facts.now - since).total_seconds()))})
    return [Evidence("cpu", message, last.cpu_percent, "percent", running.pid, iso(last.at))]


def output_evidence(facts: RunFacts, running: RunningFacts) -> list[Evidence]:
    """Say what it wrote last, and how many nodes wait for it."""
    evidence = []
    if lines := own_lines(running.logs):
        line = lines[-1]
        ago = max(0.0, (facts.now - datetime.fromisoformat(str(line["at"]))).total_seconds())
        message = Sentence(_LINE, {"span": span(ago), "line": cut(str(line["message"]))})
        evidence.append(Evidence("log", message, round(ago, 3), "seconds", running.pid, str(line["at"])))
    else:
        evidence.append(Evidence("log", Sentence(_NO_LINE), 0, None, running.pid, iso(running.started_at)))
    if running.dependents:
        template = _DEPENDENTS_MANY if running.dependents >= DEPENDENTS_MAX else _DEPENDENTS
        template = _DEPENDENT if running.dependents == 1 else template
        message = Sentence(template, {"n": f"{running.dependents:,}"})
        evidence.append(Evidence("wait", message, running.dependents, None, running.pid, iso(running.started_at)))
    return evidence
