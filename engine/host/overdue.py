"""Which work a host takes without a message. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.executors.wire import SHORT_WORKS_MAX

OVERDUE_SECONDS = 1.0
"""If no host has taken work after this time, its message counts as lost, and any host takes the work without it."""
MESSAGE_SECONDS = 0.02
"""How long a message may take while it is not known whether messages are lost."""
LOOK_MAX = 2 * SHORT_WORKS_MAX
"""So many of the oldest works are looked at."""


@dataclass(frozen=True, slots=True)
class OverdueWork:
    """Work that no host has taken."""

    claim: str
    short: bool
    age: float
    """Seconds since its message was sent."""


def choose(found: Iterable[OverdueWork], capacity: int, claims: int) -> list[str]:
    """Return the claims of the work to take, in order, for a host with so many node processes and claims.

    Short work is sent ahead of a free process. Other work is left to hosts with a free process, unless none has come.
    """
    room = capacity - claims
    chosen: list[str] = []
    for one in found:
        if one.short:
            chosen.append(one.claim)
        elif room > 0 or (one.age > OVERDUE_SECONDS and room > -capacity):
            room -= 1
            chosen.append(one.claim)
        if len(chosen) == SHORT_WORKS_MAX:
            break
    return chosen
