"""What an attempt used, as its own process can measure it; the supervisor sees the rest of its tree."""

from __future__ import annotations

import os
import resource
import time

from engine.worker.baseline import resident_bytes

SHORT_SECONDS = 0.002
"""An attempt shorter than this is not worth reading its memory peak, which costs as much as running it."""


class Usage:
    """Must be made before the process counts its open files: it keeps some of /proc open."""

    def __init__(self) -> None:
        resident_bytes()
        self._status = _opened("/proc/self/status", os.O_RDONLY)
        self._clear = _opened("/proc/self/clear_refs", os.O_WRONLY)

    def begin(self) -> float:
        """Forget the memory peak so far; the CPU seconds used so far."""
        if self._clear is not None:
            try:
                os.pwrite(self._clear, b"5", 0)
            except OSError:
                self._clear = None
        return _cpu_seconds()

    def since(self, used: float, seconds: float) -> bytes:
        """{cpu_seconds, memory_peak_bytes} as JSON, since `begin` gave `used`, `seconds` ago; the children waited for
        count."""
        cpu = _cpu_seconds() - used
        try:
            peak = resident_bytes() if seconds < SHORT_SECONDS else self._peak()
        except (OSError, ValueError):
            return b'{"cpu_seconds":%.6f}' % cpu
        return b'{"cpu_seconds":%.6f,"memory_peak_bytes":%d}' % (cpu, peak)

    def _peak(self) -> int:
        if self._status is None or self._clear is None:
            return resident_bytes()
        status = os.pread(self._status, 4096, 0)
        at = status.index(b"VmHWM:") + 6
        return int(status[at : status.index(b"kB", at)]) * 1024


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _opened(path: str, flags: int) -> int | None:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return None
