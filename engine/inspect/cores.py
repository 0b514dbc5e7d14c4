"""How many cores a process may use: affinity, and the CPU quotas of its control groups. Reads /proc and /sys."""

from __future__ import annotations

import os

from engine.inspect import procfs

ROOT = "/sys/fs/cgroup"


def usable(pid: int, started: str) -> float | None:
    """Cores that the process (pid, start time in ticks) may use; None: it is gone, or not on this host."""
    if not hasattr(os, "sched_getaffinity") or not started or str(procfs.start_of(pid)) != started:
        return None
    try:
        cores = float(len(os.sched_getaffinity(pid)))
    except OSError:
        return None
    quota = _quota(pid)
    return cores if quota is None else min(cores, quota)


def _quota(pid: int) -> float | None:
    """The smallest quota of the groups that the process is in, in cores; None: none is set."""
    found: list[float] = []
    for line in (procfs.read(f"/proc/{pid}/cgroup") or b"").decode(errors="replace").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found += _each(ROOT, path, _quota_v2)
        elif "cpu" in controllers.split(","):
            found += _each(f"{ROOT}/{controllers}", path, _quota_v1)
            found += _each(f"{ROOT}/cpu", path, _quota_v1)
    return min(found, default=None)


def _each(root: str, path: str, read: object) -> list[float]:
    """Quotas from the group up to the root; in a container the upper ones are not there."""
    assert callable(read)
    parts = [part for part in path.split("/") if part and part != ".."]
    folders = ["/".join([root, *parts[:count]]) for count in range(len(parts) + 1)]
    return [quota for folder in folders if (quota := read(folder)) is not None]


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
