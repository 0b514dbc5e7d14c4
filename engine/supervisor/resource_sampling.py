"""Figures of a running attempt's process tree: limits on memory and processes, samples once a second."""

from __future__ import annotations

import time
from typing import Any

from engine.executors.base import Sampled
from engine.inspect import procfs
from engine.supervisor.attempt import Attempt
from engine.supervisor.cgroup import TASKS_MAX
from engine.supervisor.process import NodeProcess
from engine.supervisor.quiet import Quiet

CHECK_SECONDS = 0.1
SAMPLE_SECONDS = 1.0
PROCESSES_MAX = 512
"""Processes that one node may have at once, its node process included."""
MIB = 1024 * 1024


def limit_memory(process: NodeProcess, attempt: Attempt) -> None:
    """Let the kernel keep the limit of an attempt that is about to be sent, where it can."""
    limit = attempt.work.memory_mb
    group = process.group
    if group is not None:
        group.limit_memory(None if limit is None else limit * MIB)
        if limit is not None:
            attempt.oom_kills = group.oom_kills()


def killed_at_limit(process: NodeProcess, attempt: Attempt) -> bool:
    """Whether the kernel has killed a process of the attempt because it passed `memory_mb`."""
    return (
        attempt.work.memory_mb is not None
        and process.group is not None
        and process.group.oom_kills() > attempt.oom_kills
    )


def tasks_refused(process: NodeProcess, attempt: Attempt) -> bool:
    """Whether the kernel has kept the attempt from starting a process or thread, now or before: what its code made of
    that may be heard after the limit was seen."""
    if process.group is not None and process.group.tasks_refused():
        attempt.refused = True
    return attempt.refused


def check_limits(process: NodeProcess, attempt: Attempt, now: float) -> dict[str, Any] | None:
    """The error of a limit that the tree has passed now, if any."""
    if tasks_refused(process, attempt):
        # Sentence before the tree is looked at: that would take long now.
        return tasks_error()
    tree = _look(process, attempt, now)
    if killed_at_limit(process, attempt):
        return memory_error(attempt, len(tree))
    if len(tree) > PROCESSES_MAX:
        return _error(
            "ProcessLimit",
            f"The attempt had more than the {PROCESSES_MAX} processes that a node may have at once. "
            "Start fewer, or wait for some to end first.",
        )
    limit = attempt.work.memory_mb
    if limit is None or sum(one.memory_bytes for one in tree) <= limit * MIB:
        return None
    # Read one process after the other: while it forks, pages counted whole in the first count again in the next.
    used = _shared_once(tree)
    if used > limit * MIB and len(tree) > 1:
        used = min(used, _shared_once(_look(process, attempt, now)))
    if used <= limit * MIB:
        return None
    attempt.memory_peak = max(attempt.memory_peak, used)
    return memory_error(attempt, len(tree), used)


def memory_error(attempt: Attempt, processes: int = 1, used: int | None = None) -> dict[str, Any]:
    """`used` bytes in `processes`; None: what the kernel stopped at the limit."""
    among = f" in its {processes} processes" if processes > 1 else ""
    limit = attempt.work.memory_mb
    if used is None:
        attempt.memory_peak = max(attempt.memory_peak, (limit or 0) * MIB)
        text = f"The attempt wanted more memory{among} than its limit (memory_mb) of {limit:,} MiB."
    else:
        text = f"The attempt used {used / MIB:,.0f} MiB of memory{among}; its limit (memory_mb) is {limit:,}."
    return _error("MemoryLimit", f"{text} Raise memory_mb, or work on the data in parts.")


def sample(process: NodeProcess, attempt: Attempt, now: float) -> Sampled:
    """Resource use now. CPU and network are rates since the last sample: unknown in the first one."""
    before = attempt.cpu_sample
    tree = _look(process, attempt, now)
    cpu = None
    seconds = sum(one.cpu_ticks for one in tree) / procfs.TICKS_PER_SECOND
    if before is not None and now > before[0]:
        # A child that ended without being waited for takes its time with it: the sum may fall.
        cpu = round(max(0.0, seconds - before[1]) / (now - before[0]) * 100, 1)
    attempt.cpu_sample = (now, seconds)
    traffic, scope = attempt.network.rate(tree, now)
    moved = _moved(tree, attempt, now)
    return Sampled(
        attempt.claim,
        time.time(),
        cpu,
        sum(one.memory_bytes for one in tree) if tree else None,
        any(procfs.waits_for_io(one) for one in tree) if tree else None,
        traffic,
        scope,
        moved,
    )


def _moved(tree: list[procfs.Process], attempt: Attempt, now: float) -> int | None:
    """Bytes a second read and written by the tree's system calls since the last sample; None: not determined."""
    before = attempt.io_sample
    figures = {one.pid: figure for one in tree if (figure := procfs.io_bytes(one.pid)) is not None}
    attempt.io_sample = (now, figures) if figures else None
    if before is None or not figures or now <= before[0]:
        return None
    moved = sum(max(0, figure - before[1].get(pid, 0)) for pid, figure in figures.items())
    return round(moved / (now - before[0]))


def is_quiet(attempt: Attempt, sampled: Sampled, now: float) -> bool:
    """Whether the attempt, of which nothing is expected, has just been seen to do nothing for long."""
    cpu = attempt.cpu_sample[1] if attempt.cpu_sample is not None else 0.0
    if attempt.quiet is None:
        attempt.quiet = Quiet(attempt.began, cpu)
    if attempt.looked_at:
        # What taking stacks has cost the process is not the attempt's doing.
        attempt.looked_at = attempt.sampling is not None
        attempt.quiet.rebase(cpu)
        return attempt.quiet.sample(now, attempt.did_at, cpu, 0)
    moved = (sampled.io_bytes or 0) + (sampled.network_bytes or 0 if sampled.network_scope == "tree" else 0)
    return attempt.quiet.sample(now, attempt.did_at, cpu, moved)


def last_look(process: NodeProcess, attempt: Attempt, now: float) -> None:
    """Measure the tree once more before it is ended, for the attempt's usage."""
    _look(process, attempt, now)


def _look(process: NodeProcess, attempt: Attempt, now: float) -> list[procfs.Process]:
    tree = [one for one in procfs.tree(process.pid, PROCESSES_MAX + 1) if not one.is_gone]
    if not tree:
        return tree
    attempt.seen = {(one.pid, one.start) for one in tree}
    cpu = sum(one.cpu_ticks for one in tree) / procfs.TICKS_PER_SECOND
    if attempt.cpu_started is None:
        attempt.cpu_started = cpu
    attempt.cpu_seconds = max(cpu, attempt.cpu_seconds or 0.0)
    attempt.memory_now = sum(one.memory_bytes for one in tree)
    attempt.memory_peak = max(attempt.memory_peak, attempt.memory_now)
    return tree


def tasks_error(ended_with: dict[str, Any] | None = None) -> dict[str, Any]:
    """The kernel has refused another process or thread; `ended_with` is what the code made of that."""
    text = (
        f"The attempt had {TASKS_MAX:,} processes and threads at once, which is all that a node may have. "
        "Start fewer, or wait for some to end first."
    )
    if ended_with is None:
        return _error("ProcessLimit", text)
    return {**ended_with, "class": "ProcessLimit", "message": f"{text} It ended with {ended_with['message']}"}


def _shared_once(tree: list[procfs.Process]) -> int:
    """Memory of the tree with pages that its processes share counted once, where the kernel tells."""
    total = 0
    for one in tree:
        used = procfs.proportional_bytes(one.pid)
        total += one.memory_bytes if used is None else used
    return total


def _error(name: str, message: str) -> dict[str, Any]:
    return {"class": name, "message": message, "line": None, "traceback": None}
