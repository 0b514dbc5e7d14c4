"""The end of a process tree: nothing of it is left, and a count of what was ended.

A tree is the node process, its descendants, its process group, its control group and whoever carries its mark in
the environment (a daemon that left the process group and lost its parents still does). It is stopped first, so that
it cannot grow while it is searched, then killed, then looked for again until a search finds nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from engine.inspect import procfs
from engine.supervisor.cgroup import ControlGroup

FREEZE_SECONDS = 0.25
"""How long the search waits for a tree that keeps growing before it kills what it has."""
GIVE_UP_SECONDS = 5.0
"""After this long, processes of other users (set-uid programs) that cannot be signalled are left alone."""
STOPPED = frozenset("TtZXD")
"""States in which a process starts no other: stopped, gone, or (also when frozen) in uninterruptible sleep."""


class TreeKill:
    """One kill under way. `advance` does the next step and never waits."""

    __slots__ = (
        "_frozen",
        "_group",
        "_known",
        "_mark",
        "_refused",
        "_root",
        "_root_start",
        "began",
        "ended",
        "seconds",
    )

    def __init__(
        self,
        root: int,
        root_start: int,
        mark: str,
        now: float,
        known: Iterable[tuple[int, int]] = (),
        group: ControlGroup | None = None,
    ) -> None:
        """`root`, `root_start`: the node process, which must not have been waited for (its pid stays taken).

        `known`: (pid, start) of further processes seen in its tree; `group`: its control group, frozen, where it has
        one; `now`: monotonic seconds.
        """
        self._root, self._root_start = root, root_start
        self._mark = mark_entry(mark)
        self._group = group
        self._known: dict[int, int] = {root: root_start, **dict(known)}
        self._frozen = False
        self._refused: set[int] = set()
        self.began = now
        self.ended: set[tuple[int, int]] = set()
        """(pid, start) of every process that was told to end."""
        self.seconds = 0.0

    def advance(self, now: float) -> bool:
        """Take the next step; True when the tree is gone, verified by a search that found nothing."""
        # A turn of the loop may carry a time from just before the kill began.
        self.seconds = max(0.0, now - self.began)
        try:
            return self._step()
        except OSError:
            # /proc cannot be read now (no descriptor is free): nothing is known to be gone.
            return False

    def _step(self) -> bool:
        if not self._frozen:
            for _ in range(8):
                alive = self._search()
                new = [one for one in alive if (one.pid, one.start) not in self.ended]
                self._signal(new, signal.SIGSTOP)
                if not new and all(one.state in STOPPED or one.pid in self._refused for one in alive):
                    break
            else:
                if self.seconds < FREEZE_SECONDS:
                    return False
            self._frozen = True
        else:
            alive = self._search()
        self._signal(alive, signal.SIGKILL)
        if self._group is not None:
            # Frozen processes do not even die.
            self._group.freeze(False)
        if self.seconds > GIVE_UP_SECONDS:
            alive = [one for one in alive if one.pid not in self._refused]
        return not alive

    def _search(self) -> list[procfs.Process]:
        """Processes of the tree that live."""
        table = procfs.processes()
        me = os.getpid()
        members = {pid for pid, start in self._known.items() if pid in table and table[pid].start == start}
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
            self._known[pid] = one.start
            if not one.is_gone:
                alive.append(one)
            elif one.parent == me and pid != self._root:
                # An orphan of the tree that fell to this process (a subreaper). The node process itself is
                # waited for by its owner, and anybody else's child by its parent.
                _wait(pid)
        return alive

    def _signal(self, targets: Iterable[procfs.Process], number: int) -> None:
        for one in targets:
            try:
                if procfs.send_signal(one.pid, one.start, number):
                    self.ended.add((one.pid, one.start))
            except PermissionError:
                self._refused.add(one.pid)


def _wait(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def mark_entry(mark: str) -> bytes:
    """How `mark` stands in /proc/<pid>/environ."""
    return b"INTERLOCK_MARK=" + mark.encode() + b"\0"
