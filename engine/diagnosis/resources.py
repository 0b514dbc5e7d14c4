"""What a run uses of the machine, and what it is short of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import Facts, Running, Sampled
from engine.diagnosis.finding import Action, Evidence, Finding, Usage
from engine.diagnosis.wording import percent, process, size, span
from engine.sentences import Sentence, gettext_noop

FRESH_SECONDS = 3.5
"""An older sample does not say what is used now; one comes each second."""
SHORT_SAMPLES = 5
"""So many samples in a row tell a shortage from a moment's work."""
CPU_SHARE = 0.9
"""Of the cores that a node may use: above it the node is short of them."""
IO_WAIT_PERCENT = 50.0
MEMORY_SHARE = 0.9
MIB = 2**20

T = TypeVar("T")

_MEMORY = gettext_noop('"{node}" is near its memory limit: it uses {used} of {limit} and is killed when it needs more.')
_MEMORY_MACHINE = gettext_noop('"{node}" uses {used} of the {limit} of memory that this machine has.')
_MEMORY_USED = gettext_noop("{used} of {limit} in {process} and its children: {percent}")
_MEMORY_NO_MORE = gettext_noop("The machine has {machine} in all: process the data in parts")
_CPU = gettext_noop('"{node}" is short of CPU: it uses {percent} of one core, of the {cores} that it may use.')
_CPU_ONE = gettext_noop('"{node}" is short of CPU: it uses {percent} of the one core that it may use.')
_CPU_USED = gettext_noop("{percent} of one core on average over the last {span} in {process}; it may use {cores}")
_CPU_HINT = gettext_noop(
    "More cores (affinity, CPU quota of the service), or less concurrent work, would make it faster"
)
_CPU_RUN = gettext_noop(
    "The run is short of CPU: its {n} running nodes use {percent} of one core together, of the {cores} that "
    "they may use."
)
_CPU_NODE = gettext_noop('"{node}" uses {percent} of one core on average over the last {span} in {process}')
_IO = gettext_noop('"{node}" is short of disk: in {percent} of the samples it waited for the disk or another device.')
_IO_USED = gettext_noop("{n} of {all} samples of the last {span} in {process} had a thread in uninterruptible sleep")
_IO_MOVED = gettext_noop("It reads and writes {rate} per second meanwhile")


def usage(facts: Facts) -> Usage:
    """What the process trees of the run use now; all None when nothing runs."""
    fresh = [(running, sample) for running in facts.running if (sample := _fresh(facts, running)) is not None]
    cpu = _total(fresh, lambda sample: sample.cpu_percent)
    memory = _memory_percent(facts, fresh)
    waits = [sample.io_wait for running in facts.running for sample in running.samples if sample.io_wait is not None]
    network, network_scope = _network([sample for _, sample in fresh])
    return Usage(
        cpu_usage=None if cpu is None else round(cpu, 1),
        memory_usage=None if memory is None else round(memory, 3),
        io_wait=round(100 * sum(waits) / len(waits), 1) if waits else None,
        network_io=network,
        scopes={
            "cpu_usage": _tree(cpu),
            "memory_usage": _tree(memory),
            "io_wait": "tree" if waits else "not_determined",
            "network_io": network_scope,
        },
    )


def _tree(value: float | None) -> str:
    return "not_determined" if value is None else "tree"


def _fresh(facts: Facts, running: Running) -> Sampled | None:
    if not running.samples:
        return None
    last = running.samples[-1]
    return last if (facts.now - last.at).total_seconds() <= FRESH_SECONDS else None


def _total(fresh: Sequence[tuple[Running, Sampled]], value: Callable[[Sampled], float | None]) -> float | None:
    known = [found for _, sample in fresh if (found := value(sample)) is not None]
    return sum(known) if known else None


def _memory_percent(facts: Facts, fresh: Sequence[tuple[Running, Sampled]]) -> float | None:
    """Of `memory_mb` where every node that runs has one, else of the machine."""
    known = [(running, sample.memory_bytes) for running, sample in fresh if sample.memory_bytes is not None]
    if not known:
        return None
    used = sum(number for _, number in known)
    if all(running.memory_mb for running, _ in known):
        return 100 * used / (MIB * sum(running.memory_mb or 0 for running, _ in known))
    return 100 * used / facts.machine_memory if facts.machine_memory else None


def _network(samples: Sequence[Sampled]) -> tuple[float | None, str]:
    known = [sample for sample in samples if sample.network_bytes is not None]
    trees = [sample for sample in known if sample.network_scope == "tree"]
    hosts = [sample for sample in known if sample.network_scope == "host"]
    if hosts:
        # The host's figure holds every tree's: it is not added up.
        newest = max(hosts, key=lambda sample: sample.at)
        return float(newest.network_bytes or 0), "host"
    if trees:
        return float(sum(sample.network_bytes or 0 for sample in trees)), "tree"
    return None, "not_determined"


def findings(facts: Facts) -> list[Finding]:
    """Nodes that are short of memory, processor or disk; the one that may be killed first."""
    found: list[Finding] = []
    for rule in (_memory, _io, _cpu):
        found += [finding for running in facts.running if (finding := rule(facts, running)) is not None]
    if facts.asked is None and not any(finding.code == "cpu_limited" for finding in found):
        found += _cpu_together(facts)
    return found


def _memory(facts: Facts, running: Running) -> Finding | None:
    sample = _fresh(facts, running)
    if sample is None or sample.memory_bytes is None:
        return None
    limit = running.memory_mb * MIB if running.memory_mb else facts.machine_memory
    if not limit or sample.memory_bytes < MEMORY_SHARE * limit:
        return None
    values = {
        "node": running.name,
        "used": size(sample.memory_bytes),
        "limit": size(limit),
        "percent": percent(100 * sample.memory_bytes / limit),
        "process": process(running.pid, running.worker),
    }
    evidence = [
        Evidence("memory", Sentence(_MEMORY_USED, values), sample.memory_bytes, "bytes", running.pid, iso(sample.at))
    ]
    help_: list[Action] = []
    if running.memory_mb:
        more = actions.more_memory(running.memory_mb, sample.memory_bytes, facts.machine_memory)
        if more is not None:
            help_.append(actions.retry_with_memory(facts.run, running.node, more, ends=True))
        elif facts.machine_memory:
            said = Sentence(_MEMORY_NO_MORE, {"machine": size(facts.machine_memory)})
            evidence.append(Evidence("memory", said, facts.machine_memory, "bytes", None, iso(sample.at)))
    help_.append(actions.cancel_node(facts.run, running.node))
    message = Sentence(_MEMORY if running.memory_mb else _MEMORY_MACHINE, values)
    return Finding("memory_near_limit", message, evidence, running.node, help_)


def _in_time(running: Running) -> bool:
    """What is expected of it has not passed: it may use all that there is."""
    return running.expected is not None and running.limit is not None and running.seconds <= running.expected


def _mean_cpu(facts: Facts, running: Running) -> float | None:
    """Of the last samples, in percent of one core; None: too few, or the node may use what it likes."""
    last = running.samples[-SHORT_SAMPLES:]
    known = [sample.cpu_percent for sample in last if sample.cpu_percent is not None]
    if len(known) < SHORT_SAMPLES or _fresh(facts, running) is None or _in_time(running):
        return None
    return sum(known) / len(known)


def _cpu_together(facts: Facts) -> list[Finding]:
    """Nodes of which none uses all the cores, but all of them do."""
    busy = [
        (running, running.cores, mean)
        for running in facts.running
        if running.cores is not None and (mean := _mean_cpu(facts, running)) is not None
    ]
    cores = max((cores for _, cores, _ in busy), default=0.0)
    total = sum(mean for _, _, mean in busy)
    if len(busy) < 2 or total <= CPU_SHARE * 100 * cores:
        return []
    busy.sort(key=lambda one: -one[2])
    evidence = []
    for running, _, mean in busy[:5]:
        values = {
            "node": running.name,
            "percent": percent(mean),
            "span": span(SHORT_SAMPLES),
            "process": process(running.pid, running.worker),
        }
        at = iso(running.samples[-1].at)
        evidence.append(Evidence("cpu", Sentence(_CPU_NODE, values), round(mean, 1), "percent", running.pid, at))
    evidence.append(Evidence("cpu", Sentence(_CPU_HINT), cores, None, None, iso(facts.now)))
    message = Sentence(_CPU_RUN, {"n": len(busy), "percent": percent(total), "cores": f"{cores:g}"})
    return [Finding("cpu_limited", message, evidence)]


def _cpu(facts: Facts, running: Running) -> Finding | None:
    last, cores = running.samples[-SHORT_SAMPLES:], running.cores
    mean = _mean_cpu(facts, running)
    if cores is None or mean is None or mean <= CPU_SHARE * 100 * cores:
        return None
    shown = f"{cores:g}"
    values = {
        "node": running.name,
        "percent": percent(mean),
        "cores": shown,
        "process": process(running.pid, running.worker),
    }
    over = span((last[-1].at - last[0].at).total_seconds() + 1)
    evidence = [
        Evidence(
            "cpu",
            Sentence(_CPU_USED, {**values, "span": over}),
            round(mean, 1),
            "percent",
            running.pid,
            iso(last[-1].at),
        ),
        Evidence("cpu", Sentence(_CPU_HINT), cores, None, running.pid, iso(last[-1].at)),
    ]
    message = Sentence(_CPU_ONE if cores == 1 else _CPU, values)
    return Finding("cpu_limited", message, evidence, running.node, [actions.cancel_node(facts.run, running.node)])


def _io(facts: Facts, running: Running) -> Finding | None:
    known = [sample for sample in running.samples if sample.io_wait is not None]
    if len(known) < SHORT_SAMPLES or _fresh(facts, running) is None or _in_time(running):
        return None
    waiting = sum(bool(sample.io_wait) for sample in known)
    share = 100 * waiting / len(known)
    if share <= IO_WAIT_PERCENT:
        return None
    last = known[-1]
    over = span((last.at - known[0].at).total_seconds() + 1)
    values = {"n": waiting, "all": len(known), "span": over, "process": process(running.pid, running.worker)}
    evidence = [Evidence("io", Sentence(_IO_USED, values), round(share, 1), "percent", running.pid, iso(last.at))]
    if last.io_bytes is not None:
        said = Sentence(_IO_MOVED, {"rate": size(last.io_bytes)})
        evidence.append(Evidence("io", said, last.io_bytes, "bytes_per_second", running.pid, iso(last.at)))
    message = Sentence(_IO, {"node": running.name, "percent": percent(share)})
    stacks = actions.take_stacks(facts.run, running.node)
    return Finding("io_wait", message, evidence, running.node, [stacks, actions.cancel_node(facts.run, running.node)])
