"""How many cores a process may use: its affinity and the CPU quotas of its control groups."""

import os
from collections.abc import Callable

from engine.inspect import procfs

ROOT = "/sys/fs/cgroup"


def usable(pid: int, started: str) -> float | None:
    """Return how many cores the process may use; None if it has ended or runs on another host.

    `started` is its start time in clock ticks, as text.
    """
    if not hasattr(os, "sched_getaffinity") or not started or str(procfs.start_of(pid)) != started:
        return None
    try:
        cores = float(len(os.sched_getaffinity(pid)))
    except OSError:
        return None
    quota = _quota(pid)
    return cores if quota is None else min(cores, quota)


def _quota(pid: int) -> float | None:
    """Return the smallest quota among the process's control groups, in cores; None if there is none."""
    found: list[float] = []
    for line in (procfs.read(f"/proc/{pid}/cgroup") or b"").decode(errors="replace").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found += _quotas(ROOT, path, _quota_v2)
        elif "cpu" in controllers.split(","):
            found += _quotas(f"{ROOT}/{controllers}", path, _quota_v1)
            found += _quotas(f"{ROOT}/cpu", path, _quota_v1)
    return min(found, default=None)


def _quotas(root: str, path: str, read_quota: Callable[[str], float | None]) -> list[float]:
    """Return the quotas of a group and those above it. In a container the upper ones cannot be seen."""
    parts = [part for part in path.split("/") if part and part != ".."]
    folders = ["/".join([root, *parts[:count]]) for count in range(len(parts) + 1)]
    return [quota for folder in folders if (quota := read_quota(folder)) is not None]


def _quota_v2(folder: str) -> float | None:
    words = (procfs.read(f"{folder}/cpu.max") or b"").split()
    if len(words) != 2 or words[0] == b"max":
        return None
    return _ratio(words[0], words[1])


def _quota_v1(folder: str) -> float | None:
    quota = (procfs.read(f"{folder}/cpu.cfs_quota_us") or b"").strip()
    period = (procfs.read(f"{folder}/cpu.cfs_period_us") or b"").strip()
    return None if not quota or quota.startswith(b"-") else _ratio(quota, period)


def _ratio(quota: bytes, period: bytes) -> float | None:
    try:
        return int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
