"""Detects that an attempt without an expected duration does nothing measurable. Pure."""

from engine.policy import QUIET_SECONDS

CPU_SHARE = 0.005
"""Less CPU time than this share does not count as work, for instance a loop that polls ten times a second."""


class QuietDetector:
    """Reports once when an attempt has been quiet for QUIET_SECONDS, and again only after it was active."""

    __slots__ = ("_cpu", "_reported", "_since")

    def __init__(self, now: float, cpu_seconds: float) -> None:
        self._since = now
        self._cpu = cpu_seconds
        self._reported = False

    def sample(self, now: float, active_at: float, cpu_seconds: float, moved_bytes: int | None) -> bool:
        """Return whether the attempt has just become quiet.

        `active_at`: when it last wrote a line or reported progress; `cpu_seconds`: used by its tree so far;
        `moved_bytes`: I/O and network traffic since the last sample; None if not determined, which counts as none.
        """
        # A child that ended without being waited for takes its CPU time with it.
        self._cpu = min(self._cpu, cpu_seconds)
        quiet = now - self._since
        worked = bool(moved_bytes) or cpu_seconds - self._cpu > CPU_SHARE * max(quiet, QUIET_SECONDS)
        if worked or active_at > self._since:
            self._since = now if worked else active_at
            self._cpu = cpu_seconds
            self._reported = False
            return False
        if self._reported or quiet < QUIET_SECONDS:
            return False
        self._reported = True
        return True

    def ignore_cpu(self, cpu_seconds: float) -> None:
        """Do not count the CPU time used so far as work: taking stacks has cost it."""
        self._cpu = max(self._cpu, cpu_seconds)
