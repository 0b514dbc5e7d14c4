"""Whether an attempt of which nothing is expected does anything at all. Pure."""

from __future__ import annotations

from engine.policy import QUIET_SECONDS

CPU_SHARE = 0.005
"""CPU time below this share is no work: a loop that looks every tenth of a second whether something has come."""


class Quiet:
    """Fed with the figures of each sample; says when an attempt has been quiet for QUIET_SECONDS."""

    __slots__ = ("_cpu", "_since", "told")

    def __init__(self, now: float, cpu_seconds: float) -> None:
        self._since = now
        self._cpu = cpu_seconds
        self.told = False
        """Its stacks were taken, and it has done nothing since."""

    def sample(self, now: float, did_at: float, cpu_seconds: float, moved_bytes: int | None) -> bool:
        """Whether it has just become quiet.

        `did_at`: when it last wrote a line or reported progress; `cpu_seconds` used by its tree so far; `moved_bytes`
        by I/O or network since the last sample, None: not determined, which counts as none.
        """
        # A child that ended without being waited for takes its time with it.
        self._cpu = min(self._cpu, cpu_seconds)
        quiet = now - self._since
        worked = bool(moved_bytes) or cpu_seconds - self._cpu > CPU_SHARE * max(quiet, QUIET_SECONDS)
        if worked or did_at > self._since:
            self._since = now if worked else did_at
            self._cpu = cpu_seconds
            self.told = False
            return False
        if self.told or quiet < QUIET_SECONDS:
            return False
        self.told = True
        return True

    def rebase(self, cpu_seconds: float) -> None:
        """What taking the stacks has cost is not the attempt's doing."""
        self._cpu = max(self._cpu, cpu_seconds)
