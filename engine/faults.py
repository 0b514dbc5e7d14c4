"""Named fault points, where a test can make the product stop, fail or die. They do nothing unless a test arms them.

INTERLOCK_FAULT="tick.after_commit:kill:3" kills this process at the third passage of that point. `raise` raises
InjectedFault there, `hang` never returns, and `stop` stops the process until somebody continues it. If INTERLOCK_FAULT
is the path of a folder, each file in it is one fault for whichever process meets it first: the next passage of the
point deletes the file "tick.after_commit:kill:anything" and does what it says. A test in the same process uses `arm`.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class InjectedFault(Exception):
    """Raised by an armed fault point."""


_armed: dict[str, Callable[[], None]] = {}
_folder = ""


def point(name: str) -> None:
    """Do what a test armed for this point, if anything."""
    if _armed and (action := _armed.get(name)) is not None:
        action()
    if _folder:
        _take_from_folder(name)


def arm(name: str, action: Callable[[], None]) -> None:
    """Call `action` at each passage of the point `name`."""
    _armed[name] = action


def disarm() -> None:
    """Disarm all fault points that were armed in this process."""
    _armed.clear()


def _inject(name: str, kind: str) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "stop":
        # To this thread: it could run on for a moment if another thread took a signal that was sent to the process.
        signal.raise_signal(signal.SIGSTOP)
        return
    while kind == "hang":
        signal.pause()
    raise InjectedFault(name)


def _take_from_folder(name: str) -> None:
    for file in os.listdir(_folder):
        point_name, _, rest = file.partition(":")
        if point_name != name:
            continue
        try:
            os.unlink(os.path.join(_folder, file))
        except FileNotFoundError:
            # Another process met it first.
            continue
        _inject(name, rest.partition(":")[0])
        return


def _arm_from_text(text: str) -> None:
    for part in text.split(","):
        name, _, rest = part.partition(":")
        kind, _, count = rest.partition(":")
        left = [int(count or 1)]

        def action(kind: str = kind, left: list[int] = left, name: str = name) -> None:
            left[0] -= 1
            if left[0] == 0:
                _inject(name, kind)

        arm(name, action)


if text := os.environ.get("INTERLOCK_FAULT"):
    if text.startswith("/"):
        _folder = text
    else:
        _arm_from_text(text)
