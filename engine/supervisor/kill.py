"""Kills a process tree, verifies that nothing of it is left, and counts what was ended.

A tree is the node process, its descendants, its process group, its control group, and every process with its mark in
the environment (a daemon that left the process group and lost its parents still has it). The tree is stopped first, so
that it cannot grow while it is searched, then killed, then searched again until nothing is found.
"""

import os
import signal
from collections.abc import Iterable

from engine.inspect import procfs
from engine.supervisor.cgroup import ControlGroup

FREEZE_SECONDS = 0.25
"""How long a tree that keeps growing is stopped before what was found is killed."""
GIVE_UP_SECONDS = 5.0
"""After this time, processes of other users (set-uid programs) that cannot be signalled are left alone."""
STOPPED = frozenset("TtZXD")
"""States in which a process starts no other: stopped, ended, or in uninterruptible sleep (also when frozen)."""


class TreeKill:
    """Kills one tree. `advance` does the next step and never waits."""

    def __init__(
        self,
        root: int,
        root_start: int,
        mark: str,
        now: float,
        seen: Iterable[tuple[int, int]] = (),
        group: ControlGroup | None = None,
    ) -> None:
        """`root`, `root_start`: the node process, which must not have been waited for, so that its pid stays taken.

        `seen`: (pid, start) of processes seen in its tree; `group`: its control group, frozen, if it has one.
        """
        self._root, self._root_start = root, root_start
        self._mark = mark_entry(mark)
        self._group = group
        self._seen: dict[int, int] = {root: root_start, **dict(seen)}
        """Pid -> start of every process that a search has found."""
        self._frozen = False
        self._not_permitted: set[int] = set()
        """Pids of processes that cannot be signalled."""
        self.began = now
        self.ended: set[tuple[int, int]] = set()
        """(pid, start) of every process that was signalled."""
        self.seconds = 0.0

    def advance(self, now: float) -> bool:
        """Do the next step; return True if a search has found nothing of the tree."""
        # `now` is the time of the loop's current turn, which may have started just before the kill.
        self.seconds = max(0.0, now - self.began)
        try:
            return self._step()
        except OSError:
            # /proc cannot be read now, because no descriptor is free.
            return False

    def _step(self) -> bool:
        if not self._frozen:
            for _ in range(8):
                alive = self._search()
                new = [one for one in alive if (one.pid, one.start) not in self.ended]
                self._signal(new, signal.SIGSTOP)
                if not new and all(one.state in STOPPED or one.pid in self._not_permitted for one in alive):
                    break
            else:
                if self.seconds < FREEZE_SECONDS:
                    return False
            self._frozen = True
        else:
            alive = self._search()
        self._signal(alive, signal.SIGKILL)
        if self._group is not None:
            # A frozen process cannot die.
            self._group.freeze(False)
        if self.seconds > GIVE_UP_SECONDS:
            alive = [one for one in alive if one.pid not in self._not_permitted]
        return not alive

    def _search(self) -> list[procfs.Process]:
        """Return the living processes of the tree."""
        table = procfs.processes()
        me = os.getpid()
        members = {pid for pid, start in self._seen.items() if pid in table and table[pid].start == start}
        if self._group is not None:
            members.update(pid for pid in self._group.members() if pid in table)
        for one in table.values():
            if one.start < self._root_start or not one.is_user or one.pid in members:
                continue
            if one.group == self._root or (not one.is_gone and self._mark in procfs.environment(one.pid)):
                members.add(one.pid)
        members = procfs.descendants(table, members - {me}) & table.keys()
        alive = []
        for pid in members:
            one = table[pid]
            self._seen[pid] = one.start
            if not one.is_gone:
                alive.append(one)
            elif one.parent == me and pid != self._root:
                # An orphan of the tree, adopted by this process as a subreaper. The node process itself is waited for
                # when it is released, and other processes by their parents.
                _wait(pid)
        return alive

    def _signal(self, targets: Iterable[procfs.Process], number: int) -> None:
        for one in targets:
            try:
                if procfs.send_signal(one.pid, one.start, number):
                    self.ended.add((one.pid, one.start))
            except PermissionError:
                self._not_permitted.add(one.pid)


def _wait(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def mark_entry(mark: str) -> bytes:
    """Return the entry with `mark` in /proc/<pid>/environ."""
    return b"INTERLOCK_MARK=" + mark.encode() + b"\0"
