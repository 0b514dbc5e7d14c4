"""Named fault points, off unless a test arms them: where the product can be made to stop, fail or die on purpose.

INTERLOCK_FAULT="tick.after_commit:kill:3" kills this process at the third passage of that point; `raise` raises
Fault there, `hang` never returns, `stop` stops the process until somebody continues it. With the path of a folder
instead, each file in it is one fault, whichever process meets it: "tick.after_commit:kill:anything" is deleted by the
next passage of that point, which then does as it says. A test in the same process uses `arm`.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Fault(Exception):
    """Raised by an armed fault point."""


_armed: dict[str, Callable[[], None]] = {}
_folder = ""


def point(name: str) -> None:
    """Do what a test armed here; otherwise nothing."""
    if _armed and (action := _armed.get(name)) is not None:
        action()
    if _folder:
        _look(name)


def arm(name: str, action: Callable[[], None]) -> None:
    """Call `action` at each passage of the point `name`."""
    _armed[name] = action


def disarm() -> None:
    """Turn all fault points off that were armed in this process."""
    _armed.clear()


def _act(name: str, kind: str) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "stop":
        # To this thread: sent to the process it may go on until another one has taken the signal.
        signal.raise_signal(signal.SIGSTOP)
        return
    while kind == "hang":
        signal.pause()
    raise Fault(name)


def _look(name: str) -> None:
    for file in os.listdir(_folder):
        met, _, rest = file.partition(":")
        if met != name:
            continue
        try:
            os.unlink(os.path.join(_folder, file))
        except FileNotFoundError:
            # Another process met it first.
            continue
        _act(name, rest.partition(":")[0])
        return


def _from_environment(text: str) -> None:
    for part in text.split(","):
        name, _, rest = part.partition(":")
        kind, _, count = rest.partition(":")
        left = [int(count or 1)]

        def action(kind: str = kind, left: list[int] = left, name: str = name) -> None:
            left[0] -= 1
            if left[0] == 0:
                _act(name, kind)

        arm(name, action)


if text := os.environ.get("INTERLOCK_FAULT"):
    if text.startswith("/"):
        _folder = text
    else:
        _from_environment(text)
