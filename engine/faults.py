"""Named fault points, off unless a test arms them: where the product can be made to stop, fail or die on purpose.

INTERLOCK_FAULT="tick.after_commit:kill:3" kills this process at the third passage of that point; `raise` raises
Fault there, `hang` never returns. A test in the same process uses `arm`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable


class Fault(Exception):
    """Raised by an armed fault point."""


_armed: dict[str, Callable[[], None]] = {}


def point(name: str) -> None:
    """Do what a test armed here; otherwise nothing."""
    if _armed and (action := _armed.get(name)) is not None:
        action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Call `action` at each passage of the point `name`."""
    _armed[name] = action


def disarm() -> None:
    """Turn all fault points off."""
    _armed.clear()


def _from_environment(text: str) -> None:
    for part in text.split(","):
        name, _, rest = part.partition(":")
        kind, _, count = rest.partition(":")
        left = [int(count or 1)]

        def action(kind: str = kind, left: list[int] = left, name: str = name) -> None:
            left[0] -= 1
            if left[0] == 0:
                if kind == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if kind == "hang":
                    threading.Event().wait()
                raise Fault(name)

        arm(name, action)


if text := os.environ.get("INTERLOCK_FAULT"):
    _from_environment(text)
