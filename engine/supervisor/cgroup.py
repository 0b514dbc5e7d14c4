"""A control group of the kernel for one node process and all it starts, where the host allows creating one.

With a group, the kernel enforces the limit on memory at every moment, stops a fork bomb, and gives it no more of the
processor than one program. A tree can be frozen at once, and all its members can be listed, however they try to hide.
Without a group (usually because the permission is missing) trees are sampled.

Entering a group takes the kernel about 7 ms for each controller. So a node process enters its group itself, and the
supervisor does not wait. It does that at its start, because a fork bomb grows faster than it can be moved.
"""

import os
import re
from collections.abc import Iterator

from engine.inspect import procfs

ROOT = "/sys/fs/cgroup"
NAME = re.compile(r"-(?P<pid>\d+)\.(?P<start>\d+)-\d+$")
"""The name of a group is the mark of its node process: it ends with its supervisor's pid and start and a number."""
TASKS_MAX = 512 + 64 * (os.cpu_count() or 1)
"""Processes and threads of one node: a backstop above the stated limit of processes, with room for libraries that start
as many threads as there are cores."""


class ControlGroup:
    """One control group: a folder for each controller in version 1, one folder in version 2."""

    __slots__ = ("_folders", "_freezer", "_limit", "_memory", "_refused", "_tasks", "_unified")

    def __init__(
        self, memory: str | None, tasks: str | None, freezer: str | None, others: list[str], unified: bool
    ) -> None:
        self._memory, self._tasks, self._freezer, self._unified = memory, tasks, freezer, unified
        named = [folder for folder in (memory, tasks, freezer) if folder is not None]
        self._folders = list(dict.fromkeys([*named, *others]))
        self._limit: int | None = None
        if tasks is not None:
            _write(tasks, "pids.max", str(TASKS_MAX))
        self._refused = 0

    def entry_files(self) -> list[str]:
        """Return the files to which a process writes 0 to enter the group."""
        return [f"{folder}/cgroup.procs" for folder in self._folders]

    def freeze(self, frozen: bool) -> None:
        """Freeze all members, or thaw them."""
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
        """Limit the memory of all members together to `limit` bytes; None for no limit."""
        if self._memory is None or limit == self._limit:
            return
        self._limit = limit
        value = "max" if self._unified else "-1"
        try:
            if self._unified:
                _write(self._memory, "memory.max", str(limit or value))
            else:
                _write(self._memory, "memory.limit_in_bytes", str(limit or value))
        except OSError:
            # More is in use already; the next check of the tree ends the attempt.
            pass

    def oom_kills(self) -> int:
        """Return how many members the kernel has killed at the limit."""
        if self._memory is None:
            return 0
        return _count(self._memory, "memory.events" if self._unified else "memory.oom_control", b"oom_kill ")

    def has_refused_tasks(self) -> bool:
        """Return whether a member was refused a process or thread since the last call."""
        if self._tasks is None:
            return False
        before, self._refused = self._refused, _count(self._tasks, "pids.events", b"max ")
        return self._refused > before

    def members(self) -> list[int]:
        """Return the pids of the members."""
        found: set[int] = set()
        for folder in self._folders:
            data = procfs.read(f"{folder}/cgroup.procs")
            if data:
                found.update(map(int, data.split()))
        return sorted(found)

    def remove(self) -> bool:
        """Delete the group; return False if that is not possible yet, because it has members."""
        removed = True
        for folder in self._folders:
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                removed = False
        return removed


def create(name: str) -> ControlGroup | None:
    """Create an empty group under the one of this process; None if that is not possible."""
    parents = _group_folders("self")
    if "" in parents and os.path.exists(f"{ROOT}/cgroup.controllers"):
        folder = _create_folder(parents[""], name)
        if folder is None:
            return None
        memory = folder if os.path.exists(f"{folder}/memory.max") else None
        tasks = folder if os.path.exists(f"{folder}/pids.max") else None
        freezer = folder if os.path.exists(f"{folder}/cgroup.freeze") else None
        if memory or tasks:
            return ControlGroup(memory, tasks, freezer, [], True)
        os.rmdir(folder)
        return None
    memory = _create_folder(parents.get("memory"), name)
    tasks = _create_folder(parents.get("pids"), name)
    freezer = _create_folder(parents.get("freezer"), name)
    processor = _create_folder(parents.get("cpu"), name)
    others = [processor] if processor else []
    return ControlGroup(memory, tasks, freezer, others, False) if memory or tasks or freezer or others else None


def remove_orphans() -> None:
    """Delete the empty groups of supervisors that have ended, whatever their home."""
    for folder in _orphaned_folders():
        try:
            os.rmdir(folder)
        except OSError:
            pass


def orphaned_members(prefix: str, also_of: tuple[int, int] | None = None) -> set[int]:
    """Return the pids in groups of supervisors that have ended, and of the supervisor `also_of`, (pid, start).

    Only groups whose name begins with `prefix` are searched.
    """
    found: set[int] = set()
    for folder in _orphaned_folders(also_of):
        if os.path.basename(folder).startswith(f"{prefix}-"):
            found.update(map(int, (procfs.read(f"{folder}/cgroup.procs") or b"").split()))
    return found


def _orphaned_folders(also_of: tuple[int, int] | None = None) -> Iterator[str]:
    """Yield the folders of groups beside this process whose supervisor has ended or is `also_of`."""
    for parent in set(_group_folders("self").values()):
        try:
            names = [entry.name for entry in os.scandir(parent) if entry.name.startswith("interlock-")]
        except OSError:
            continue
        for name in names:
            found = NAME.search(name)
            if found is None:
                continue
            supervisor = int(found["pid"]), int(found["start"])
            process = procfs.process(supervisor[0])
            has_ended = process is None or process.start != supervisor[1] or process.is_gone
            if has_ended or supervisor == also_of:
                yield f"{parent}/{name}"


def thaw_orphan(pid: int) -> None:
    """Thaw the group of a process whose supervisor was killed while the group was frozen; otherwise the process could
    not die.

    Groups that no supervisor has created are left alone.
    """
    folders = _group_folders(str(pid))
    for folder, name, text in (
        (folders.get("freezer"), "freezer.state", "THAWED"),
        (folders.get(""), "cgroup.freeze", "0"),
    ):
        if folder is None or not os.path.basename(folder).startswith("interlock-") or not NAME.search(folder):
            continue
        try:
            _write(folder, name, text)
        except OSError:
            pass


def _group_folders(process: str) -> dict[str, str]:
    """Return {controller: folder of the group that the process is in}; the controller of version 2 is empty."""
    folders: dict[str, str] = {}
    for line in (procfs.read(f"/proc/{process}/cgroup") or b"").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            base = f"{ROOT}/{controller}" if controller else ROOT
            # In a container the path may be the host's, of which only the base is visible.
            folder = base + path.rstrip("/")
            folders[controller] = folder if os.path.isdir(folder) else base
    return folders


def _create_folder(parent: str | None, name: str) -> str | None:
    if parent is None:
        return None
    folder = f"{parent}/{name}"
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
