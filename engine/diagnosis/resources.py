"""What a run uses of the machine, and which resources it lacks. Pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.clock import iso
from engine.diagnosis import actions
from engine.diagnosis.facts import RunFacts, RunningFacts, UsageSample
from engine.diagnosis.finding import Action, Evidence, Finding, Usage
from engine.diagnosis.wording import percent, process, size
from engine.sentences import Sentence, gettext_noop, span

FRESH_SECONDS = 3.5
"""Samples are taken every second. Older ones do not say what is used now."""
SHORTAGE_SAMPLES = 5
"""Samples in a row that tell a shortage from a short burst."""
CPU_SHARE = 0.9
"""Of the cores that a node may use; above it the node is limited by CPU."""
IO_WAIT_PERCENT = 50.0
MEMORY_SHARE = 0.8
"""Of `memory_mb`: the kernel ends what exceeds it without a warning. Of the memory of the machine, MACHINE_SHARE."""
MACHINE_SHARE = 0.9
MIB = 2**20

T = TypeVar("T")

_MEMORY = gettext_noop(
    '"{node}" is close to its memory limit: it uses {used} of {limit} ({percent}) and is killed if it needs more.'
)
_MEMORY_MACHINE = gettext_noop('"{node}" uses {used} of the {limit} of memory of this machine.')
_MEMORY_USED = gettext_noop("{used} of {limit} in {process} and its children: {percent}")
_MEMORY_NO_MORE = gettext_noop("The machine has {machine} in total: process the data in parts")
_CPU = gettext_noop('"{node}" is limited by CPU: it uses {percent} of one core and may use {cores} cores.')
_CPU_ONE = gettext_noop('"{node}" is limited by CPU: it uses {percent} of the one core that it may use.')
_CPU_USED = gettext_noop("{percent} of one core on average over the last {span} in {process}; it may use {cores} cores")
_CPU_HINT = gettext_noop("More cores (affinity, CPU quota of the service) or less concurrent work would make it faster")
_CPU_RUN = gettext_noop(
    "The run is limited by CPU: its {n} running nodes together use {percent} of one core and may use {cores} cores."
)
_CPU_NODE = gettext_noop('"{node}" uses {percent} of one core on average over the last {span} in {process}')
_IO = gettext_noop('"{node}" is limited by the disk: it waited for the disk or another device in {percent} of samples.')
_IO_USED = gettext_noop("{n} of {all} samples of the last {span} in {process} had a thread in uninterruptible sleep")
_IO_MOVED = gettext_noop("It reads and writes {rate} per second meanwhile")


def usage(facts: RunFacts) -> Usage:
    """Return what the process trees of the run use now; all None if nothing runs."""
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
            "cpu_usage": _scope(cpu),
            "memory_usage": _scope(memory),
            "io_wait": "tree" if waits else "not_determined",
            "network_io": network_scope,
        },
    )


def _scope(value: float | None) -> str:
    return "not_determined" if value is None else "tree"


def _fresh(facts: RunFacts, running: RunningFacts) -> UsageSample | None:
    if not running.samples:
        return None
    last = running.samples[-1]
    return last if (facts.now - last.at).total_seconds() <= FRESH_SECONDS else None


def _total(
    fresh: Sequence[tuple[RunningFacts, UsageSample]], value: Callable[[UsageSample], float | None]
) -> float | None:
    values = [found for _, sample in fresh if (found := value(sample)) is not None]
    return sum(values) if values else None


def _memory_percent(facts: RunFacts, fresh: Sequence[tuple[RunningFacts, UsageSample]]) -> float | None:
    """Return the memory in use in percent of `memory_mb` if every running node has one, else of the machine."""
    measured = [(running, sample.memory_bytes) for running, sample in fresh if sample.memory_bytes is not None]
    if not measured:
        return None
    used = sum(number for _, number in measured)
    if all(running.memory_mb for running, _ in measured):
        return 100 * used / (MIB * sum(running.memory_mb or 0 for running, _ in measured))
    return 100 * used / facts.machine_memory if facts.machine_memory else None


def _network(samples: Sequence[UsageSample]) -> tuple[float | None, str]:
    measured = [sample for sample in samples if sample.network_bytes is not None]
    trees = [sample for sample in measured if sample.network_scope == "tree"]
    hosts = [sample for sample in measured if sample.network_scope == "host"]
    if hosts:
        # The figure of the host includes all process trees.
        newest = max(hosts, key=lambda sample: sample.at)
        return float(newest.network_bytes or 0), "host"
    if trees:
        return float(sum(sample.network_bytes or 0 for sample in trees)), "tree"
    return None, "not_determined"


def memory_findings(facts: RunFacts) -> list[Finding]:
    """Return a finding for each node that is close to its limit on memory: it may be killed."""
    return [finding for running in facts.running if (finding := _memory(facts, running)) is not None]


def findings(facts: RunFacts) -> list[Finding]:
    """Return a finding for each node that lacks disk or CPU."""
    found: list[Finding] = []
    for rule in (_io, _cpu):
        found += [finding for running in facts.running if (finding := rule(facts, running)) is not None]
    if facts.requested_node is None and not any(finding.code == "cpu_limited" for finding in found):
        found += _cpu_together(facts)
    return found


def _memory(facts: RunFacts, running: RunningFacts) -> Finding | None:
    sample = _fresh(facts, running)
    if sample is None or sample.memory_bytes is None:
        return None
    limit = running.memory_mb * MIB if running.memory_mb else facts.machine_memory
    if not limit or sample.memory_bytes < (MEMORY_SHARE if running.memory_mb else MACHINE_SHARE) * limit:
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
            no_more = Sentence(_MEMORY_NO_MORE, {"machine": size(facts.machine_memory)})
            evidence.append(Evidence("memory", no_more, facts.machine_memory, "bytes", None, iso(sample.at)))
    help_.append(actions.cancel_node(facts.run, running.node))
    message = Sentence(_MEMORY if running.memory_mb else _MEMORY_MACHINE, values)
    return Finding("memory_near_limit", message, evidence, running.node, help_)


def _is_in_time(running: RunningFacts) -> bool:
    """Return whether its expected duration has not passed: until then it may use all there is."""
    return running.expected is not None and running.stuck_after is not None and running.seconds <= running.expected


def _mean_cpu(facts: RunFacts, running: RunningFacts) -> float | None:
    """Return the mean of the last samples in percent of one core; None: they are too few, or the node is in time."""
    last = running.samples[-SHORTAGE_SAMPLES:]
    measured = [sample.cpu_percent for sample in last if sample.cpu_percent is not None]
    if len(measured) < SHORTAGE_SAMPLES or _fresh(facts, running) is None or _is_in_time(running):
        return None
    return sum(measured) / len(measured)


def _cpu_together(facts: RunFacts) -> list[Finding]:
    """Return the finding that the nodes together use all cores, although none does alone."""
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
            "span": span(SHORTAGE_SAMPLES),
            "process": process(running.pid, running.worker),
        }
        at = iso(running.samples[-1].at)
        evidence.append(Evidence("cpu", Sentence(_CPU_NODE, values), round(mean, 1), "percent", running.pid, at))
    evidence.append(Evidence("cpu", Sentence(_CPU_HINT), cores, None, None, iso(facts.now)))
    message = Sentence(_CPU_RUN, {"n": len(busy), "percent": percent(total), "cores": f"{cores:g}"})
    return [Finding("cpu_limited", message, evidence)]


def _cpu(facts: RunFacts, running: RunningFacts) -> Finding | None:
    last, cores = running.samples[-SHORTAGE_SAMPLES:], running.cores
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


def _io(facts: RunFacts, running: RunningFacts) -> Finding | None:
    measured = [sample for sample in running.samples if sample.io_wait is not None]
    if len(measured) < SHORTAGE_SAMPLES or _fresh(facts, running) is None or _is_in_time(running):
        return None
    waiting = sum(bool(sample.io_wait) for sample in measured)
    share = 100 * waiting / len(measured)
    if share <= IO_WAIT_PERCENT:
        return None
    last = measured[-1]
    over = span((last.at - measured[0].at).total_seconds() + 1)
    values = {"n": waiting, "all": len(measured), "span": over, "process": process(running.pid, running.worker)}
    evidence = [Evidence("io", Sentence(_IO_USED, values), round(share, 1), "percent", running.pid, iso(last.at))]
    if last.io_bytes is not None:
        moved = Sentence(_IO_MOVED, {"rate": size(last.io_bytes)})
        evidence.append(Evidence("io", moved, last.io_bytes, "bytes_per_second", running.pid, iso(last.at)))
    message = Sentence(_IO, {"node": running.name, "percent": percent(share)})
    stacks = actions.take_stacks(facts.run, running.node)
    return Finding("io_wait", message, evidence, running.node, [stacks, actions.cancel_node(facts.run, running.node)])
