"""Errors of attempts that the supervisor finds, and those that node processes report, made storable. Pure."""

import signal
from typing import Any

from engine.executors.base import Work
from engine.log_lines import clean

TEXT_CHARS_MAX = 64 * 1024
"""Length of a message or traceback."""
BASES_MAX, NAME_CHARS_MAX = 30, 200
"""Classes of one error that are named, and the length of a name."""


def worker_lost(message: str) -> dict[str, Any]:
    return _error("WorkerLost", message)


def process_died(code: int | None, number: int | None, out_of_memory: bool) -> dict[str, Any]:
    """Return the error of an attempt whose node process exited with `code` or was ended by the signal `number`."""
    if number is None:
        return worker_lost(f"The node process ended with exit code {code}: the node's code ended it.")
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if out_of_memory:
        return worker_lost(f"The node process was ended by {name}: killed by the kernel, probably out of memory.")
    return worker_lost(f"The node process was ended by {name} while the attempt ran.")


def soft_timeout(work: Work, ended_with: dict[str, Any] | None) -> dict[str, Any]:
    message = f"The soft limit of {work.soft_timeout:g} s had passed when the attempt ended."
    if ended_with is None:
        return _error("SoftTimeout", message)
    message += f" It ended with {ended_with['class']}: {ended_with['message']}"
    return {**_error("SoftTimeout", message), "line": ended_with.get("line"), "traceback": ended_with.get("traceback")}


def hard_timeout(work: Work) -> dict[str, Any]:
    message = f"The hard limit of {work.hard_timeout:g} s has passed; the attempt was ended with its processes."
    return _error("HardTimeout", message)


def memory_limit(limit_mb: int, processes: int, used_mb: float | None, *, is_own: bool) -> dict[str, Any]:
    """Return the error of an attempt that passed its limit on memory.

    `used_mb` is None if the kernel enforced the limit; `is_own` is False if it is the installation's.
    """
    name = "memory_mb" if is_own else "INTERLOCK_NODE_MEMORY_MB"
    among = f" in its {processes} processes" if processes > 1 else ""
    if used_mb is None:
        text = f"The attempt wanted more memory{among} than its limit ({name}) of {limit_mb:,} MiB."
    else:
        text = f"The attempt used {used_mb:,.0f} MiB of memory{among}; its limit ({name}) is {limit_mb:,}."
    advice = "Raise memory_mb" if is_own else "Give the node a higher memory_mb"
    return _error("MemoryLimit", f"{text} {advice}, or work on the data in parts.")


def process_limit(limit: int) -> dict[str, Any]:
    return _error(
        "ProcessLimit",
        f"The attempt had more than the {limit} processes that a node may have at once. "
        "Start fewer, or wait for some to end first.",
    )


def task_limit(limit: int, ended_with: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the error of an attempt that the kernel refused another process or thread.

    `ended_with` is the error that the node's code made of the refusal.
    """
    text = (
        f"The attempt had {limit:,} processes and threads at once, which is all that a node may have. "
        "Start fewer, or wait for some to end first."
    )
    if ended_with is None:
        return _error("ProcessLimit", text)
    return {**ended_with, "class": "ProcessLimit", "message": f"{text} It ended with {ended_with['message']}"}


def reported(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error as a node process reported it, in a form that every database stores."""
    line, traceback = error.get("line"), error.get("traceback")
    bases = error.get("bases")
    named = bases[:BASES_MAX] if isinstance(bases, list) else ()
    return {
        **error,
        "bases": [clean(name)[:NAME_CHARS_MAX] for name in named if isinstance(name, str)],
        "class": clean(str(error["class"])),
        "message": clean(str(error.get("message") or ""))[:TEXT_CHARS_MAX],
        "line": line if isinstance(line, int) else None,
        "traceback": None if traceback is None else clean(str(traceback))[-TEXT_CHARS_MAX:],
    }


def _error(name: str, message: str) -> dict[str, Any]:
    return {"class": name, "message": message, "line": None, "traceback": None}
