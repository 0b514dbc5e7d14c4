"""How often the scheduler and the hosts send heartbeats, and after what silence they count as gone. Pure."""

from typing import Final

BEAT_SECONDS: Final = 6.0
"""The interval of an idle scheduler. It is long because each of its heartbeats is a write of its own. A scheduler that
writes anyway adds a heartbeat every second."""
SILENT_SECONDS: Final = 10.0
"""A scheduler that has been silent for longer counts as gone. A heartbeat may wait four seconds for the database."""
AHEAD_SECONDS: Final = 60.0
"""A heartbeat from further in the future is ignored: the clock has been set back since. The clocks of hosts may differ
by less than this."""
LEASE_SECONDS: Final = 3.0
"""A host that has been silent for longer, by the database's clock, is lost with all that runs there."""


def is_alive(age: float | None) -> bool:
    """Return whether a scheduler whose last heartbeat is `age` seconds old is alive; None: there was none."""
    return age is not None and -AHEAD_SECONDS < age < SILENT_SECONDS
