"""The limits on memory and processes of one attempt, enforced by its control group or by measuring its tree."""

from typing import Any

from engine.supervisor.attempt import Attempt
from engine.supervisor.attempt_errors import memory_limit, process_limit, task_limit
from engine.supervisor.cgroup import TASKS_MAX, ControlGroup
from engine.supervisor.process import NodeProcess
from engine.supervisor.resource_usage import PROCESSES_MAX, proportional_bytes

MIB = 1024 * 1024


def set_memory_limit(process: NodeProcess, attempt: Attempt) -> None:
    """Let the kernel enforce the limit of an attempt that is about to be sent, if there is a control group."""
    limit = attempt.memory_mb
    if process.group is not None:
        process.group.limit_memory(None if limit is None else limit * MIB)
        if limit is not None:
            attempt.oom_kills_before = process.group.oom_kills()


def was_killed_at_limit(process: NodeProcess, attempt: Attempt) -> bool:
    """Return whether the kernel has killed a process of the attempt because it passed its limit."""
    return (
        attempt.memory_mb is not None
        and process.group is not None
        and process.group.oom_kills() > attempt.oom_kills_before
    )


def was_refused_tasks(group: ControlGroup | None, attempt: Attempt) -> bool:
    """Return whether the kernel has ever refused the attempt a process or thread.

    The group reports a refusal once; the error that the node's code makes of it may be reported later.
    """
    if group is not None and group.has_refused_tasks():
        attempt.tasks_refused = True
    return attempt.tasks_refused


def check(process: NodeProcess, attempt: Attempt) -> dict[str, Any] | None:
    """Return the error of the limit that the attempt has passed, if any."""
    if was_refused_tasks(process.group, attempt):
        # Before the tree is measured, which would take long now.
        return task_limit(TASKS_MAX)
    tree = attempt.usage.measure(process.pid)
    if was_killed_at_limit(process, attempt):
        return memory_error(attempt, len(tree))
    if len(tree) > PROCESSES_MAX:
        return process_limit(PROCESSES_MAX)
    limit = attempt.memory_mb
    if limit is None or not tree or attempt.usage.memory_bytes <= limit * MIB:
        return None
    # Processes are read one after another: if one forks meanwhile, its pages are counted twice.
    used = proportional_bytes(tree)
    if used > limit * MIB and len(tree) > 1:
        used = min(used, proportional_bytes(attempt.usage.measure(process.pid)))
    if used <= limit * MIB:
        return None
    return memory_error(attempt, len(tree), used)


def memory_error(attempt: Attempt, processes: int = 1, used: int | None = None) -> dict[str, Any]:
    """Return the error for `used` bytes in `processes`. `used` is None if the kernel enforced the limit."""
    limit = attempt.memory_mb or 0
    attempt.usage.memory_peak_bytes = max(attempt.usage.memory_peak_bytes, limit * MIB if used is None else used)
    used_mb = None if used is None else used / MIB
    return memory_limit(limit, processes, used_mb, is_own=attempt.work.memory_mb is not None)
