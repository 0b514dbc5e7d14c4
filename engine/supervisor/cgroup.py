"""A control group of the kernel for one node process and all it starts, where the host lets us make one.

With it the limit on memory holds between two looks, a bomb of processes stops by itself and gets no more of the
processor than one program, a tree can be frozen at a stroke, and its members are known whatever they did to hide.
Without it (mostly: no right to make groups) trees are sampled. Moving a process in costs the kernel some 7 ms for each
controller, so a node process does it itself as it starts: later there would be no time, for a bomb doubles every few
milliseconds, and the supervisor never waits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from engine.inspect import procfs

ROOT = "/sys/fs/cgroup"
NAME = re.compile(r"-(?P<pid>\d+)\.(?P<start>\d+)-\d+$")
"""A group bears the mark of its node process, which ends with its supervisor's pid and start, and a number."""
TASKS_MAX = 512 + 64 * (os.cpu_count() or 1)
"""Processes and threads of one node: a backstop above the stated limit of processes, with room for libraries that
start threads by the number of cores."""


class ControlGroup:
    """Folders of one control group: one by controller in version 1, the same one in version 2."""

    __slots__ = ("_folders", "_freezer", "_limited", "_memory", "_refused", "_tasks", "_unified")

    def __init__(
        self, memory: str | None, tasks: str | None, freezer: str | None, others: list[str], unified: bool
    ) -> None:
        self._memory, self._tasks, self._freezer, self._unified = memory, tasks, freezer, unified
        named = [folder for folder in (memory, tasks, freezer) if folder is not None]
        self._folders = list(dict.fromkeys([*named, *others]))
        self._limited = False
        if tasks is not None:
            _write(tasks, "pids.max", str(TASKS_MAX))
        self._refused = 0

    def entry_files(self) -> list[str]:
        """Files into which a process writes 0 to enter, with what it starts from then on."""
        return [f"{folder}/cgroup.procs" for folder in self._folders]

    def freeze(self, frozen: bool) -> None:
        """Stop all members where they are, or let them go on."""
        if self._freezer is None:
            return
        try:
            if self._unified:
                _write(self._freezer, "cgroup.freeze", "1" if frozen else "0")
            else:
                _write(self._freezer, "freezer.state", "FROZEN" if frozen else "THAWED")
        except OSError:
            pass

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
        for folder in self._folders:
            data = procfs.read(f"{folder}/cgroup.procs")
            if data:
                found.update(map(int, data.split()))
        return sorted(found)

    def remove(self) -> bool:
        """Delete the empty group; whether it is gone."""
        gone = True
        for folder in self._folders:
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
        return gone


def create(name: str) -> ControlGroup | None:
    """A new, empty group under the one of this process; None where none can be made."""
    places = _own_places()
    if "" in places and os.path.exists(f"{ROOT}/cgroup.controllers"):
        folder = _make(places[""], name)
        if folder is None:
            return None
        memory = folder if os.path.exists(f"{folder}/memory.max") else None
        tasks = folder if os.path.exists(f"{folder}/pids.max") else None
        freezer = folder if os.path.exists(f"{folder}/cgroup.freeze") else None
        if memory or tasks:
            return ControlGroup(memory, tasks, freezer, [], True)
        os.rmdir(folder)
        return None
    memory = _make(places.get("memory"), name)
    tasks = _make(places.get("pids"), name)
    freezer = _make(places.get("freezer"), name)
    processor = _make(places.get("cpu"), name)
    others = [processor] if processor else []
    return ControlGroup(memory, tasks, freezer, others, False) if memory or tasks or freezer or others else None


def remove_orphans() -> None:
    """Delete the empty groups of supervisors that are gone, of whatever home."""
    for folder in _leftovers():
        try:
            os.rmdir(folder)
        except OSError:
            pass


def orphaned_members(prefix: str, without: tuple[int, int] | None = None) -> set[int]:
    """Pids of the processes in groups whose supervisor is gone, or is `without`, (pid, start), and whose name begins
    with `prefix`."""
    found: set[int] = set()
    for folder in _leftovers(without):
        if os.path.basename(folder).startswith(f"{prefix}-"):
            found.update(map(int, (procfs.read(f"{folder}/cgroup.procs") or b"").split()))
    return found


def _leftovers(without: tuple[int, int] | None = None) -> Iterator[str]:
    """Folders of the groups that supervisors which are gone, and `without`, have made beside this process."""
    for place in set(_own_places().values()):
        try:
            names = [entry.name for entry in os.scandir(place) if entry.name.startswith("interlock-")]
        except OSError:
            continue
        for name in names:
            found = NAME.search(name)
            if found is None:
                continue
            named = int(found["pid"]), int(found["start"])
            owner = procfs.process(named[0])
            if owner is None or owner.start != named[1] or owner.is_gone or named == without:
                yield f"{place}/{name}"


def thaw_orphan(pid: int) -> None:
    """Let a process go on whose supervisor was killed while it had its group frozen: a frozen one cannot even die.

    Groups that no supervisor made are left alone.
    """
    places = _places(str(pid))
    for folder, name, text in (
        (places.get("freezer"), "freezer.state", "THAWED"),
        (places.get(""), "cgroup.freeze", "0"),
    ):
        if folder is None or not os.path.basename(folder).startswith("interlock-") or not NAME.search(folder):
            continue
        try:
            _write(folder, name, text)
        except OSError:
            pass


def _own_places() -> dict[str, str]:
    return _places("self")


def _places(process: str) -> dict[str, str]:
    """Controller -> folder of the group that this process is in; "" is version 2."""
    places: dict[str, str] = {}
    for line in (procfs.read(f"/proc/{process}/cgroup") or b"").decode().splitlines():
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
