"""Resource use of one attempt's process tree, measured from outside."""

import time
from typing import Any

from engine.executors.base import Sampled
from engine.inspect import procfs
from engine.inspect.network import NetworkMeter
from engine.supervisor.quiet import QuietDetector, SilenceDetector

PROCESSES_MAX = 512
"""Processes that one node may have at once, its node process included."""


class ResourceUsage:
    """Measures the tree of a node process while one attempt runs in it."""

    def __init__(self) -> None:
        self.memory_bytes = 0
        """Memory of the tree when it was measured last."""
        self.memory_peak_bytes = 0
        self.processes: set[tuple[int, int]] = set()
        """(pid, start) of the processes when they were measured last."""
        self._cpu_at_start: float | None = None
        """CPU seconds of the tree when it was measured first."""
        self._cpu_seconds: float | None = None
        self._cpu_sample: tuple[float, float] | None = None
        """(when, CPU seconds) at the last sample."""
        self._io_sample: tuple[float, dict[int, int]] | None = None
        """(when, bytes by process) at the last sample."""
        self._network: NetworkMeter | None = None
        self._runnable_seconds = 0.0
        """How long processes of the tree could have run but got no core, at the last sample."""
        self._quiet: QuietDetector | None = None
        self._silence: SilenceDetector | None = None

    def measure(self, pid: int) -> list[procfs.Process]:
        """Read the tree of the node process `pid`; return its living processes, one more than allowed at most."""
        tree = [process for process in procfs.tree(pid, PROCESSES_MAX + 1) if not process.is_gone]
        if tree:
            self.processes = {(process.pid, process.start) for process in tree}
            cpu = _cpu_seconds(tree)
            if self._cpu_at_start is None:
                self._cpu_at_start = cpu
            self._cpu_seconds = max(cpu, self._cpu_seconds or 0.0)
            self.memory_bytes = sum(process.memory_bytes for process in tree)
            self.memory_peak_bytes = max(self.memory_peak_bytes, self.memory_bytes)
        return tree

    def sample(self, claim: str, pid: int, now: float) -> Sampled:
        """Return the resource use now. CPU, I/O and network are rates since the last sample, None in the first."""
        tree = self.measure(pid)
        before, seconds = self._cpu_sample, _cpu_seconds(tree)
        self._cpu_sample = (now, seconds)
        self._runnable_seconds = sum(procfs.runnable_seconds(process.pid) for process in tree)
        cpu = None
        if before is not None and now > before[0]:
            # A child that ended without being waited for takes its CPU time with it, so the sum may fall.
            cpu = round(max(0.0, seconds - before[1]) / (now - before[0]) * 100, 1)
        if self._network is None:
            self._network = NetworkMeter()
        network, scope = self._network.rate(tree, now)
        return Sampled(
            claim,
            time.time(),
            cpu,
            self.memory_bytes if tree else None,
            any(procfs.waits_for_io(process) for process in tree) if tree else None,
            network,
            scope,
            self._io_rate(tree, now),
        )

    def _io_rate(self, tree: list[procfs.Process], now: float) -> int | None:
        """Return the bytes a second that the tree has read and written by system calls; None if not determined."""
        before = self._io_sample
        figures = {one.pid: figure for one in tree if (figure := procfs.io_bytes(one.pid)) is not None}
        self._io_sample = (now, figures) if figures else None
        if before is None or not figures or now <= before[0]:
            return None
        moved = sum(max(0, figure - before[1].get(pid, 0)) for pid, figure in figures.items())
        return round(moved / (now - before[0]))

    def became_quiet(self, sampled: Sampled, now: float, began: float, active_at: float, stacks_taken: bool) -> str:
        """Return how the attempt, by its last sample, has just become quiet: idle (it did nothing), computing or idling
        (it wrote nothing for long); empty: it has not.

        `stacks_taken`: whether its stacks were taken since the sample before, which costs CPU time and I/O.
        """
        cpu = self._cpu_sample[1] if self._cpu_sample is not None else 0.0
        demand = cpu + self._runnable_seconds
        if self._quiet is None or self._silence is None:
            self._quiet, self._silence = QuietDetector(began, cpu), SilenceDetector(now, demand, began)
        network = sampled.network_bytes if sampled.network_scope == "tree" else None
        moved = 0 if stacks_taken else (sampled.io_bytes or 0) + (network or 0)
        if stacks_taken:
            self._quiet.ignore_cpu(cpu)
        is_idle = self._quiet.sample(now, active_at, cpu, moved)
        silence = self._silence.sample(now, active_at, demand, moved)
        return "idle" if is_idle else silence

    def merge(self, reported: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return {cpu_seconds, memory_peak_bytes} of the whole attempt; what the node process reported comes first."""
        usage = dict(reported) if reported else {}
        if usage.get("cpu_seconds") is None and self._cpu_seconds is not None and self._cpu_at_start is not None:
            usage["cpu_seconds"] = round(self._cpu_seconds - self._cpu_at_start, 3)
        if self.memory_peak_bytes > (usage.get("memory_peak_bytes") or 0):
            usage["memory_peak_bytes"] = self.memory_peak_bytes
        return usage or None


def proportional_bytes(tree: list[procfs.Process]) -> int:
    """Return the memory of the tree with shared pages counted once, where the kernel says how they are shared."""
    total = 0
    for process in tree:
        used = procfs.proportional_bytes(process.pid)
        total += process.memory_bytes if used is None else used
    return total


def _cpu_seconds(tree: list[procfs.Process]) -> float:
    return sum(process.cpu_ticks for process in tree) / procfs.TICKS_PER_SECOND
