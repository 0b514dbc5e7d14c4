"""What shows that a running node does what is said of it: its time, its stacks, what it uses, what it wrote. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.clock import iso
from engine.diagnosis.facts import BEHIND_MOST, Facts, Running, own_lines
from engine.diagnosis.finding import Evidence
from engine.diagnosis.threads import Doing, Spot
from engine.diagnosis.wording import clock_time, cut, percent, process, size, span
from engine.sentences import Sentence, gettext_noop

IO_LEAST = 64 * 1024
"""Bytes a second: less is the process only being alive."""
IDLE_PERCENT = 1.0
"""Of one core in a sample: no more is the process only being alive."""
WITNESS_SAMPLES = 3
"""So many samples tell whether a tree uses CPU."""

_HERE = gettext_noop(" in line {line}: {source}")
_HERE_LINE = gettext_noop(" in line {line}")
_HERE_FILE = gettext_noop(" in {function} ({file}, line {line})")
_MOVED = gettext_noop("Reads and writes {rate} per second")
_RUNS = gettext_noop("Running for {span} in {process}; expected {expected} (set by the author)")
_RUNS_LEARNED = gettext_noop("Running for {span} in {process}; expected {expected} (median of its last runs)")
_RUNS_NONE = gettext_noop("Running for {span} in {process}; no expected duration yet")
_SAME = gettext_noop("Identical in {n} samples at {time}{where}")
_MOVES = gettext_noop("Moving: changed between {n} samples at {time}; last{where}")
_ONE = gettext_noop("Sampled at {time}{where}")
_NOWHERE = gettext_noop("Sampled at {time}: no line of its code is on the stack")
_NO_FRAMES = gettext_noop("Sampled at {time}: {where}")
_THREAD = gettext_noop("Thread {thread} waits for a lock{where}")
_WAITS = gettext_noop("Waits for {message} ({process}, at {time})")
_NO_CPU = gettext_noop("Used no CPU in the last {span}")
_CPU = gettext_noop("Uses {percent} of one core")
_CHILD = gettext_noop("Child process {pid}: {command}")
_CHILD_STATE = gettext_noop("Child process {pid} has used {cpu} of CPU: {command}")
_CHILD_WAITS = gettext_noop("Child process {pid} waits for {message}")
_MORE_CHILDREN = gettext_noop("and {n} more child processes")
_MORE_CHILD = gettext_noop("and 1 more child process")
_LINE = gettext_noop("Last line {span} ago: {line}")
_NO_LINE = gettext_noop("No log lines")
_BEHIND_ONE = gettext_noop("1 node waits for it")
_BEHIND = gettext_noop("{n} nodes wait for it")
_BEHIND_MANY = gettext_noop("At least {n} nodes wait for it")


def place_of(spot: Spot) -> Sentence | str:
    """` in line 3: time.sleep(600)`; empty where it is not known."""
    if spot.line is None:
        return ""
    if spot.is_author:
        return Sentence(_HERE if spot.source else _HERE_LINE, {"line": spot.line, "source": cut(spot.source)})
    file = spot.file.rpartition("/")[2]
    return Sentence(_HERE_FILE, {"function": spot.function, "file": file, "line": spot.line}) if file else ""


def how_long(running: Running) -> Evidence:
    values: dict[str, Any] = {"span": span(running.seconds), "process": process(running.pid, running.worker)}
    template = _RUNS_NONE
    if running.limit is not None and running.expected is not None:
        values["expected"] = span(running.expected)
        template = _RUNS if running.expected_from == "author" else _RUNS_LEARNED
    return Evidence(
        "duration",
        Sentence(template, values),
        round(running.seconds, 3),
        "seconds",
        running.pid,
        iso(running.started_at),
    )


def what_was_seen(running: Running, seen: Doing) -> list[Evidence]:
    stack = running.stack
    assert stack is not None
    at, pid = stack.taken_at, running.pid
    time = clock_time(at)
    found: list[Evidence] = []
    spots = list(seen.spots)
    if seen.code == "deadlock":
        for thread, spot in spots[:4]:
            said = Sentence(_THREAD, {"thread": thread, "where": place_of(spot)})
            found.append(Evidence("stack", said, spot.line, None, pid, iso(at)))
    else:
        where = place_of(spots[0][1]) if spots else ""
        if not where and stack.body.get("message"):
            # Why there are no frames, as the supervisor says it.
            where, template = cut(str(stack.body["message"]), 300), _NO_FRAMES
        else:
            template = _NOWHERE if not where else _ONE if seen.samples < 2 else _MOVES if seen.moves else _SAME
        said = Sentence(template, {"n": seen.samples, "time": time, "where": where})
        found.append(Evidence("stack", said, seen.samples, None, pid, iso(at)))
    if seen.message:
        said = Sentence(_WAITS, {"message": cut(seen.message), "process": process(pid), "time": time})
        found.append(Evidence("wait", said, seen.address or seen.path or None, None, pid, iso(at)))
    if seen.child:
        found += _child(seen, at)
    return found


def _child(seen: Doing, at: datetime) -> list[Evidence]:
    child = seen.child or {}
    pid, cpu, since = child.get("pid"), child.get("cpu_seconds"), child.get("since")
    command = cut(str(child.get("command") or ""))
    begun = since if isinstance(since, str) else iso(at)
    if cpu is None:
        found = [Evidence("child", Sentence(_CHILD, {"pid": pid, "command": command}), None, None, pid, begun)]
    else:
        said = Sentence(_CHILD_STATE, {"pid": pid, "cpu": span(float(cpu)), "command": command})
        found = [Evidence("child", said, round(float(cpu), 3), "seconds", pid, begun)]
    if message := str((child.get("waits_on") or {}).get("message") or ""):
        said = Sentence(_CHILD_WAITS, {"pid": pid, "message": cut(message)})
        found.append(Evidence("child", said, None, None, pid, iso(at)))
    if seen.others > 0:
        found.append(
            Evidence(
                "child",
                Sentence(_MORE_CHILD if seen.others == 1 else _MORE_CHILDREN, {"n": seen.others}),
                seen.others,
                None,
                None,
                iso(at),
            )
        )
    return found


def what_it_uses(facts: Facts, running: Running) -> list[Evidence]:
    return [*_cpu_use(facts, running), *_io_use(running)]


def _io_use(running: Running) -> list[Evidence]:
    known = [sample for sample in running.samples[-WITNESS_SAMPLES:] if sample.io_bytes is not None]
    rate = sum(sample.io_bytes or 0 for sample in known) / len(known) if known else 0.0
    if rate < IO_LEAST:
        return []
    said = Sentence(_MOVED, {"rate": size(rate)})
    return [Evidence("io", said, round(rate), "bytes_per_second", running.pid, iso(known[-1].at))]


def _cpu_use(facts: Facts, running: Running) -> list[Evidence]:
    known = [sample for sample in running.samples if sample.cpu_percent is not None]
    if not known:
        return []
    last = known[-1]
    busy = [sample for sample in known if (sample.cpu_percent or 0.0) > IDLE_PERCENT]
    if busy and busy[-1] is last:
        said = Sentence(_CPU, {"percent": percent(last.cpu_percent or 0.0)})
        return [Evidence("cpu", said, last.cpu_percent, "percent", running.pid, iso(last.at))]
    since = busy[-1].at if busy else max(known[0].at, running.started_at)
    idle = max(1.0, (facts.now - since).total_seconds())
    return [
        Evidence("cpu", Sentence(_NO_CPU, {"span": span(idle)}), last.cpu_percent, "percent", running.pid, iso(last.at))
    ]


def what_it_said(facts: Facts, running: Running) -> list[Evidence]:
    found = []
    if lines := own_lines(running.logs):
        line = lines[-1]
        at = datetime.fromisoformat(str(line["at"]))
        ago = max(0.0, (facts.now - at).total_seconds())
        said = Sentence(_LINE, {"span": span(ago), "line": cut(str(line["message"]))})
        found.append(Evidence("log", said, round(ago, 3), "seconds", running.pid, str(line["at"])))
    else:
        found.append(Evidence("log", Sentence(_NO_LINE), 0, None, running.pid, iso(running.started_at)))
    if running.behind:
        template = _BEHIND_MANY if running.behind >= BEHIND_MOST else _BEHIND
        said = Sentence(_BEHIND_ONE if running.behind == 1 else template, {"n": f"{running.behind:,}"})
        found.append(Evidence("wait", said, running.behind, None, running.pid, iso(running.started_at)))
    return found
