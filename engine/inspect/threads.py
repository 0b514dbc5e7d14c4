"""What /proc says about the threads of one process. Everything may vanish or be refused: then it is None."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from engine.inspect import procfs, syscalls

THREADS_MAX = 128


class Task(NamedTuple):
    """One thread, as the kernel sees it."""

    tid: int
    name: str
    state: str
    """R running, S sleeping, D uninterruptible, T stopped, ..."""
    place: str | None
    """Function of the kernel in which it sleeps (wchan)."""
    number: int | None
    """Of the system call that it is in; None: it runs, or may not be read; -1: none."""
    arguments: tuple[int, ...]

    @property
    def call(self) -> str | None:
        """Name of the system call; restarted ones and those that may not be read by where the kernel sleeps."""
        if self.number is None or self.number < 0:
            return syscalls.name_at(self.place) if self.state != "R" else None
        name = syscalls.name_of(self.number)
        return syscalls.name_at(self.place) if name == "restart_syscall" else name


def tasks(pid: int) -> list[Task]:
    """The living threads of `pid`, the main one first; no more than 128."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = (task(pid, tid) for tid in sorted(map(int, names))[:THREADS_MAX])
    return [one for one in found if one is not None and one.state not in "ZX"]


def task(pid: int, tid: int) -> Task | None:
    folder = f"/proc/{pid}/task/{tid}"
    stat = procfs.read(f"{folder}/stat")
    if stat is None:
        return None
    end = stat.rfind(b")")
    name = stat[stat.find(b"(") + 1 : end].decode("utf-8", "replace")
    number: int | None = None
    arguments: tuple[int, ...] = ()
    words = (procfs.read(f"{folder}/syscall") or b"").split()
    if len(words) > 1:
        number = int(words[0])
        arguments = tuple(int(word, 16) for word in words[1:7])
    place = (procfs.read(f"{folder}/wchan") or b"").decode("ascii", "replace").strip()
    return Task(
        tid, name, stat[end + 2 : end + 3].decode(), place if place not in ("", "0") else None, number, arguments
    )


class Status(NamedTuple):
    """What a thread does about one signal, and how often it has given the processor away."""

    caught: bool
    blocked: bool
    """Also for the time of its handler."""
    pending: bool
    switches: int
    """Times it waited for something; a thread that holds Python's lock all the time does not."""


def status(pid: int, tid: int, number: int = signal.SIGUSR2) -> Status | None:
    """How the thread takes the signal `number`; None when it is gone."""
    data = procfs.read(f"/proc/{pid}/task/{tid}/status")
    if data is None:
        return None
    fields = dict(line.split(b":", 1) for line in data.splitlines() if b":" in line)
    try:
        caught, blocked, own, shared = (
            bool(int(fields[name], 16) >> (number - 1) & 1) for name in (b"SigCgt", b"SigBlk", b"SigPnd", b"ShdPnd")
        )
        return Status(caught, blocked, own or shared, int(fields[b"voluntary_ctxt_switches"]))
    except (KeyError, ValueError):
        return None


class Memory:
    """Reads the memory of a process, where that is allowed."""

    __slots__ = ("_descriptor",)

    def __init__(self, pid: int) -> None:
        try:
            self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def read(self, address: int, size: int) -> bytes | None:
        """`size` bytes at `address`; None when they cannot be read."""
        if self._descriptor < 0 or not 0 < address < 1 << 63:
            return None
        try:
            data = os.pread(self._descriptor, size, address)
        except OSError:
            return None
        return data if len(data) == size else None

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
