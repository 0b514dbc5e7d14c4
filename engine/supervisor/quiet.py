"""Detects that an attempt without an expected duration does nothing measurable, or nothing that can be seen. Pure."""

from engine.policy import QUIET_SECONDS, SILENT_SECONDS

CPU_SHARE = 0.005
"""Less CPU time than this share does not count as work, for instance a loop that polls ten times a second."""
COMPUTING_SHARE = 0.9
"""Of one core, the time in which it could run but got no core included."""
IDLING_SHARE = 0.1
"""Of one core; a loop that looks once a second with a process of its own uses less."""
IDLING_BYTES = 64 * 1024
"""A second."""
RESTART_SECONDS = 5.0
"""After so long a rate that does not fit begins a new measurement."""


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


class SilenceDetector:
    """Reports once when an attempt wrote no line and reported no progress for SILENT_SECONDS although it computed all
    the time ("computing"), or moved next to nothing ("idling"); and again only after a line or progress."""

    __slots__ = ("_active_at", "_computing", "_idling", "_reported")

    def __init__(self, now: float, demand_seconds: float, began: float | None = None) -> None:
        """`began`: when the attempt began, if that is a little earlier; what it did until now is taken for either."""
        began = now if began is None else began
        self._active_at = began
        self._computing = (began, demand_seconds - (now - began))
        """(since when, `demand_seconds` then)."""
        self._idling = (began, demand_seconds, 0.0)
        """(since when, `demand_seconds` then, bytes moved since then)."""
        self._reported = False

    def sample(self, now: float, active_at: float, demand_seconds: float, moved_bytes: float) -> str:
        """Return "computing" or "idling" when the attempt has just been so for SILENT_SECONDS, else "".

        `active_at`: when it last wrote a line or reported progress; `demand_seconds`: CPU time that its tree used or
        waited for so far; `moved_bytes`: I/O and network traffic since the last sample.
        """
        if active_at > self._active_at:
            self._active_at, self._reported = active_at, False
            self._computing, self._idling = (now, demand_seconds), (now, demand_seconds, 0.0)
            return ""
        began, before = self._computing
        if demand_seconds - before < COMPUTING_SHARE * (now - began) and now - began >= RESTART_SECONDS:
            began = now
            self._computing = (now, demand_seconds)
        since, used, moved = self._idling
        # A child that ended without being waited for takes its CPU time with it.
        used, moved = min(used, demand_seconds), moved + moved_bytes
        is_active = demand_seconds - used > IDLING_SHARE * (now - since) or moved > IDLING_BYTES * (now - since)
        if is_active and now - since >= RESTART_SECONDS:
            since, used, moved = now, demand_seconds, 0.0
        self._idling = (since, used, moved)
        if self._reported:
            return ""
        found = "computing" if now - began >= SILENT_SECONDS else "idling" if now - since >= SILENT_SECONDS else ""
        self._reported = bool(found)
        return found
