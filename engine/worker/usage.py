"""Measures what an attempt uses, from inside its process. The supervisor measures the rest of the tree."""

import os
import resource
import time

from engine.worker.baseline import resident_bytes

SHORT_SECONDS = 0.002
"""The memory peak of a shorter attempt is not read, because that would take as long as the attempt."""


class UsageMeter:
    """Create it before the process counts its open files, because it keeps files of /proc open."""

    def __init__(self) -> None:
        resident_bytes()
        self._status = _open("/proc/self/status", os.O_RDONLY)
        self._clear_refs = _open("/proc/self/clear_refs", os.O_WRONLY)

    def start(self) -> float:
        """Reset the memory peak; return the CPU seconds used so far."""
        if self._clear_refs is not None:
            try:
                os.pwrite(self._clear_refs, b"5", 0)
            except OSError:
                self._clear_refs = None
        return _cpu_seconds()

    def since(self, cpu_before: float, seconds: float) -> bytes:
        """Return {cpu_seconds, memory_peak_bytes} since `start` returned `cpu_before`, `seconds` ago, as JSON.

        Children that were waited for are included.
        """
        cpu = _cpu_seconds() - cpu_before
        try:
            peak = resident_bytes() if seconds < SHORT_SECONDS else self._peak()
        except (OSError, ValueError):
            return b'{"cpu_seconds":%.6f}' % cpu
        return b'{"cpu_seconds":%.6f,"memory_peak_bytes":%d}' % (cpu, peak)

    def _peak(self) -> int:
        if self._status is None or self._clear_refs is None:
            return resident_bytes()
        status = os.pread(self._status, 4096, 0)
        at = status.index(b"VmHWM:") + 6
        return int(status[at : status.index(b"kB", at)]) * 1024


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _open(path: str, flags: int) -> int | None:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return None
