"""What /proc says about the threads of one process. Functions return None for what has ended or may not be read."""

import os
import signal
from typing import NamedTuple

from engine.inspect import procfs, syscalls

THREADS_MAX = 128


class KernelThread(NamedTuple):
    """One thread as the kernel sees it."""

    tid: int
    name: str
    state: str
    """R running, S sleeping, D uninterruptible, T stopped, ..."""
    wait_channel: str | None
    """The function of the kernel in which it sleeps (wchan)."""
    syscall: int | None
    """Number of the system call that it is in; None if it runs or may not be read; -1 if it is in none."""
    arguments: tuple[int, ...]
    stack_pointer: int = 0
    """0: not known."""

    @property
    def call(self) -> str | None:
        """Name of the system call; from the wait channel if it was restarted or may not be read."""
        if self.syscall is None or self.syscall < 0:
            return syscalls.name_by_wait_channel(self.wait_channel) if self.state != "R" else None
        name = syscalls.name_of(self.syscall)
        return syscalls.name_by_wait_channel(self.wait_channel) if name == "restart_syscall" else name


def list_threads(pid: int) -> list[KernelThread]:
    """Return the living threads of `pid`, the main one first, but no more than THREADS_MAX."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = (read_thread(pid, tid) for tid in sorted(map(int, names))[:THREADS_MAX])
    return [thread for thread in found if thread is not None and thread.state not in "ZX"]


def read_thread(pid: int, tid: int) -> KernelThread | None:
    folder = f"/proc/{pid}/task/{tid}"
    stat = procfs.read(f"{folder}/stat")
    if stat is None:
        return None
    end = stat.rfind(b")")
    name = stat[stat.find(b"(") + 1 : end].decode("utf-8", "replace")
    state = stat[end + 2 : end + 3].decode()
    syscall: int | None = None
    arguments: tuple[int, ...] = ()
    stack_pointer = 0
    words = (procfs.read(f"{folder}/syscall") or b"").split()
    if len(words) > 1:
        syscall = int(words[0])
        arguments = tuple(int(word, 16) for word in words[1:7])
        stack_pointer = int(words[7], 16) if len(words) > 7 else 0
    wait_channel = (procfs.read(f"{folder}/wchan") or b"").decode("ascii", "replace").strip()
    channel = wait_channel if wait_channel not in ("", "0") else None
    return KernelThread(tid, name, state, channel, syscall, arguments, stack_pointer)


class SignalStatus(NamedTuple):
    """How a thread handles one signal, and how often it has waited."""

    caught: bool
    blocked: bool
    """True also while its handler runs."""
    pending: bool
    switches: int
    """How often it has waited for something. A thread that holds the interpreter lock all the time does not."""


def signal_status(pid: int, tid: int, number: int = signal.SIGUSR2) -> SignalStatus | None:
    """Return how the thread handles the signal `number`; None if it has ended."""
    data = procfs.read(f"/proc/{pid}/task/{tid}/status")
    if data is None:
        return None
    fields = dict(line.split(b":", 1) for line in data.splitlines() if b":" in line)
    try:
        caught, blocked, own, shared = (
            bool(int(fields[name], 16) >> (number - 1) & 1) for name in (b"SigCgt", b"SigBlk", b"SigPnd", b"ShdPnd")
        )
        return SignalStatus(caught, blocked, own or shared, int(fields[b"voluntary_ctxt_switches"]))
    except (KeyError, ValueError):
        return None


class ProcessMemory:
    """Reads the memory of a process, where that is allowed. Close it after use."""

    __slots__ = ("_descriptor",)

    def __init__(self, pid: int) -> None:
        try:
            self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def read(self, address: int, size: int) -> bytes | None:
        """Return `size` bytes at `address`; None if they cannot be read."""
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
