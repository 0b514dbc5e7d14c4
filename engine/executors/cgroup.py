"""A control group of the kernel for one node process and all it starts, where the host lets us make one.

With it the limit on memory holds between two looks, a bomb of processes stops by itself, and the members of a
tree are known whatever they did to hide. Without it (mostly: no right to make groups) trees are sampled. A process
is put in late, when it first needs one, for the kernel takes some 7 ms to move it.
"""

from __future__ import annotations

import os

from engine.executors import procfs

ROOT = "/sys/fs/cgroup"
TASKS_MAX = 4096
"""Processes and threads of one node: a backstop far above the stated limit of processes."""


class Group:
    """Folders of one control group: one by controller in version 1, the same one in version 2."""

    __slots__ = ("_limited", "_memory", "_refused", "_tasks", "_unified")

    def __init__(self, memory: str | None, tasks: str | None, unified: bool) -> None:
        self._memory, self._tasks, self._unified = memory, tasks, unified
        self._limited = False
        self._refused = 0

    def attach(self, pid: int) -> None:
        """Put a process in, with what it starts from now on. Raises OSError."""
        for folder in self._folders():
            _write(folder, "cgroup.procs", str(pid))
        if self._tasks:
            _write(self._tasks, "pids.max", str(TASKS_MAX))

    def limit_memory(self, limit: int | None) -> None:
        """Let the members use `limit` bytes together; None: no limit."""
        if self._memory is None or (limit is None and not self._limited):
            return
        self._limited = limit is not None
        value = "max" if self._unified else "-1"
        try:
            if self._unified:
                _write(self._memory, "memory.max", str(limit or value))
            else:
                _write(self._memory, "memory.limit_in_bytes", str(limit or value))
        except OSError:
            # More is used already than may be: the look at the tree that follows ends it.
            pass

    def oom_kills(self) -> int:
        """Members that the kernel has killed at the limit."""
        if self._memory is None:
            return 0
        return _count(self._memory, "memory.events" if self._unified else "memory.oom_control", b"oom_kill ")

    def tasks_refused(self) -> bool:
        """Whether a member was kept from starting a process or thread since the last call."""
        if self._tasks is None:
            return False
        before, self._refused = self._refused, _count(self._tasks, "pids.events", b"max ")
        return self._refused > before

    def members(self) -> list[int]:
        """Pids of the processes in it."""
        found: set[int] = set()
        for folder in self._folders():
            data = procfs.read(f"{folder}/cgroup.procs")
            if data:
                found.update(map(int, data.split()))
        return sorted(found)

    def remove(self) -> bool:
        """Delete the empty group; whether it is gone."""
        gone = True
        for folder in self._folders():
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
        return gone

    def _folders(self) -> list[str]:
        return list(dict.fromkeys(folder for folder in (self._memory, self._tasks) if folder))


def make(name: str) -> Group | None:
    """A new, empty group under the one of this process; None where none can be made."""
    places = _own_places()
    if "" in places and os.path.exists(f"{ROOT}/cgroup.controllers"):
        folder = _make(places[""], name)
        if folder is None:
            return None
        memory = folder if os.path.exists(f"{folder}/memory.max") else None
        tasks = folder if os.path.exists(f"{folder}/pids.max") else None
        if memory or tasks:
            return Group(memory, tasks, True)
        os.rmdir(folder)
        return None
    memory = _make(places.get("memory"), name)
    tasks = _make(places.get("pids"), name)
    return Group(memory, tasks, False) if memory or tasks else None


def remove_leftovers(prefix: str) -> None:
    """Delete empty groups whose names begin with `prefix`."""
    for place in set(_own_places().values()):
        try:
            names = [entry.name for entry in os.scandir(place) if entry.name.startswith(prefix)]
        except OSError:
            continue
        for name in names:
            try:
                os.rmdir(f"{place}/{name}")
            except OSError:
                pass


def _own_places() -> dict[str, str]:
    """Controller -> folder of the group that this process is in; "" is version 2."""
    places: dict[str, str] = {}
    for line in (procfs.read("/proc/self/cgroup") or b"").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            base = f"{ROOT}/{controller}" if controller else ROOT
            # In a container the path may be the host's, of which only the base is seen.
            place = base + path.rstrip("/")
            places[controller] = place if os.path.isdir(place) else base
    return places


def _make(place: str | None, name: str) -> str | None:
    if place is None:
        return None
    folder = f"{place}/{name}"
    try:
        os.mkdir(folder)
    except OSError:
        return None
    return folder


def _write(folder: str, name: str, text: str) -> None:
    descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _count(folder: str, name: str, key: bytes) -> int:
    for line in (procfs.read(f"{folder}/{name}") or b"").splitlines():
        if line.startswith(key):
            return int(line[len(key) :])
    return 0
