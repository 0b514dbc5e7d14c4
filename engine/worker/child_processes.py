"""Processes below this one. Their orphans become its children, because it is their subreaper."""

import os
import time

POLL_SECONDS = 0.005


def descendants() -> list[int]:
    """Return the pids of all processes below this one, parents before children."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = _parent(name)
            if parent is not None:
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    rest = [os.getpid()]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def signal_descendants(number: int) -> None:
    """Send a signal to every process below this one."""
    for pid in descendants():
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def reap(seconds: float, group: int | None = None) -> bool:
    """Wait up to `seconds` for children (of the process group `group`) to end; return whether none is left."""
    which = -1 if group is None else -group
    until = time.monotonic() + seconds
    while True:
        try:
            while os.waitpid(which, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)


def _parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rsplit(b")", 1)[1].split()[1])
    except (OSError, IndexError, ValueError):
        return None
