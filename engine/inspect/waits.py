"""What a thread waits on, as far as /proc shows it: which socket, file, lock or child.

A wait is {"kind", "message", "sentence"?, "syscall"?, "address"?, "path"?, "pid"?, "seconds"?, "lock"?}. `kind` is
sleep, socket, file, pipe, lock, child, poll, io or other. `message` is an English noun with what is known ("data from
127.0.0.1:5433"), and `sentence` its translatable form (engine.sentences.restored). `pid` is the process that the
thread waits for, or that holds the other end of the pipe or the lock on the file. `seconds` is the time left of a sleep
or the length of a timeout; it is missing if there is none or it is not known. `lock` is the lock's address in memory,
which distinguishes two locks. `stopped` is true for a process that a signal has stopped. `holder` is who holds the
lock on the file (see engine.inspect.children.identify). `database` is {"path", "holder"} of a SQLite database that
another connection keeps locked while the thread sleeps. `lookup` is {"name"} (None: not known) of a name that the
server at `address` is asked for. `backend` is what the PostgreSQL server at `address` does (engine.inspect.postgres).
`among` is the number of files that a poll waits for, if it waits for several or has a timeout.
`state` of a socket is listening, connecting or closed by its peer, if it is one of these.
"""

import os
import stat
import struct
import time
from typing import Any

from engine.inspect import descriptors, file_locks, name_lookups, postgres, procfs, syscalls
from engine.inspect.call_arguments import POLLIN, POLLOUT, CallArguments, c_int
from engine.inspect.children import command_line, identify
from engine.inspect.sockets import SocketInfo, SocketTable, parse_sockaddr
from engine.inspect.threads import KernelThread
from engine.sentences import Sentence, Text, span
from engine.sentences import gettext_noop as _
from engine.text import clean_text

Wait = dict[str, Any]

OWNERS_MAX = 64
"""Processes whose open pipes and sockets are read."""
SQLITE_SLEEP_SECONDS = 1.5
"""SQLite sleeps for 1 to 100 ms between two attempts to lock a database; some builds for a second."""
SWITCH_SECONDS = 0.02
"""A lock wait with a shorter timeout is taken for a wait for the interpreter lock, which Python does in steps of
5 ms."""

FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_CLOCK_REALTIME = 0, 9, 256
TIMER_ABSTIME = 1
P_PID, P_PIDFD = 1, 3

_WITHOUT_ARGUMENTS = {
    "futex": ("lock", _("a lock")),
    "nanosleep": ("sleep", _("a sleep")),
    "wait4": ("child", _("a child process")),
    "flock": ("file", _("a lock on a file")),
}
"""What a thread waits on when only the name of its system call is known."""
INTERPRETER_LOCK = _("its turn at Python's interpreter lock, or a lock for less than 20 ms")
_RANKS = ("socket", "child", "pipe", "file", "pair", "other")
"""The kinds of files, the most informative first. When a thread waits for several files at once, the first kind is
reported."""


class WaitReader:
    """Reads what the threads of one process wait on. Use it as a context manager."""

    def __init__(self, pid: int, tree: list[procfs.Process]) -> None:
        """`tree`: the node process and its descendants, among which the other ends of pipes are looked for."""
        self.pid = pid
        self._tree = tree
        self._arguments = CallArguments(pid)
        self._sockets = SocketTable(pid)
        self._stack_pointer = 0
        """Of the thread that is read now."""
        self._owners: dict[int, list[tuple[int, int]]] | None = None
        """Inode of a pipe or socket -> (pid, access mode) of the processes that have it open, the youngest last."""

    def __enter__(self) -> "WaitReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._arguments.memory.close()

    def wait_of(self, thread: KernelThread) -> Wait | None:
        """Return what the thread waits on; None if it runs."""
        if thread.state == "R":
            return None
        wait = self._wait_of(thread)
        text = wait["message"]
        return {**wait, "message": str(text), **({"sentence": text.stored()} if isinstance(text, Sentence) else {})}

    def _wait_of(self, thread: KernelThread) -> Wait:
        """Return the wait with the sentence itself as `message`."""
        call, args = thread.call, thread.arguments or (0,) * 6
        self._stack_pointer = thread.stack_pointer
        if thread.state in ("T", "t"):
            return {**_wait("other", Sentence(_("being continued: it is stopped (SIGSTOP)")), call), "stopped": True}
        try:
            if thread.state == "D":
                return self._io(thread, call, args)
            return self._asleep(call, args, bool(thread.arguments), thread.wait_channel)
        except (struct.error, OverflowError, ValueError):
            # The memory of the process does not contain what the call's arguments point to.
            return _wait("other", _system_call(call) if call else Sentence(_("the kernel")), call)

    def _asleep(self, call: str | None, args: tuple[int, ...], has_args: bool, wait_channel: str | None) -> Wait:
        if call is None:
            return _wait("other", _in_kernel(_("the kernel"), _("the kernel ({place})"), wait_channel), None)
        if not has_args:
            kind, template = _WITHOUT_ARGUMENTS.get(call, ("other", ""))
            return _wait(kind, Sentence(template) if template else _system_call(call), call)
        if call == "futex":
            return self._lock(call, args)
        if call in ("nanosleep", "clock_nanosleep"):
            return self._sleep(call, args)
        if call in ("wait4", "waitid"):
            return self._child(call, args)
        if call in syscalls.POLLS or call in syscalls.SELECTS or call in syscalls.EPOLLS:
            return self._poll(call, args)
        if call == "connect":
            raw = self._arguments.memory.read(args[1], min(c_int(args[2]), 110)) if c_int(args[2]) > 0 else None
            address = parse_sockaddr(raw or b"")
            if address is None:
                return self._file(call, c_int(args[0]), POLLOUT)
            address = clean_text(address)
            return {**_connecting(call, address), "state": "connecting"}
        if call in ("flock", "fcntl"):
            return self._file_lock(call, c_int(args[0]))
        if call in ("open", "openat", "openat2"):
            return self._opening(call, args[0] if call == "open" else args[1], wait_channel)
        if call in syscalls.READS or call in syscalls.RECEIVES or call in syscalls.ACCEPTS:
            return self._file(call, c_int(args[0]), POLLIN)
        if call in syscalls.WRITES or call in syscalls.SENDS or call == "fsync" or call == "fdatasync":
            return self._file(call, c_int(args[0]), POLLOUT)
        if call in ("pause", "rt_sigsuspend", "rt_sigtimedwait"):
            return _wait("other", Sentence(_("a signal")), call)
        return _wait("other", _system_call(call), call)

    # One method for each kind of call.

    def _io(self, thread: KernelThread, call: str | None, args: tuple[int, ...]) -> Wait:
        path = None
        if thread.arguments and call is not None:
            if call in syscalls.READS or call in syscalls.WRITES or call in ("fsync", "fdatasync", "flock", "fcntl"):
                target = self._target(c_int(args[0]))
                path = target if target is not None and target.startswith("/") else None
            elif call in ("open", "openat", "openat2"):
                path = self._arguments.text(args[0] if call == "open" else args[1])
        plain, placed = (
            (_("input or output of {path} in the kernel"), _("input or output of {path} in the kernel ({place})"))
            if path
            else (_("input or output in the kernel"), _("input or output in the kernel ({place})"))
        )
        return _wait("io", _in_kernel(plain, placed, thread.wait_channel, path), call, path=path)

    def _lock(self, call: str, args: tuple[int, ...]) -> Wait:
        kind = args[1] & 127
        seconds = None
        if args[3] and (at := self._arguments.timespec(args[3])) is not None:
            clock = time.CLOCK_REALTIME if args[1] & FUTEX_CLOCK_REALTIME else time.CLOCK_MONOTONIC
            seconds = at if kind == FUTEX_WAIT else at - time.clock_gettime(clock)
            if seconds < SWITCH_SECONDS and kind in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
                return _wait("other", Sentence(INTERPRETER_LOCK), call)
        return _wait("lock", Sentence(_("a lock")), call, seconds=seconds, lock=f"0x{args[0]:x}")

    def _sleep(self, call: str, args: tuple[int, ...]) -> Wait:
        absolute = call == "clock_nanosleep" and c_int(args[1]) & TIMER_ABSTIME
        at = self._arguments.timespec(args[2] if call == "clock_nanosleep" else args[0])
        if at is None:
            return _wait("sleep", Sentence(_("a sleep")), call)
        if not absolute:
            wait = _wait("sleep", _sleep(at), call, seconds=at)
            database = self._contended_database() if at <= SQLITE_SLEEP_SECONDS else None
            return wait if database is None else {**wait, "database": database}
        left = max(0.0, at - time.clock_gettime(c_int(args[0])))
        return _wait("sleep", Sentence(_("a sleep with {seconds} left"), {"seconds": span(left)}), call, seconds=left)

    def _contended_database(self) -> dict[str, Any] | None:
        found = file_locks.contended_sqlite(self.pid, file_locks.locks())
        if found is None:
            return None
        return {"path": clean_text(found[0]), "holder": identify(found[1])}

    def _child(self, call: str, args: tuple[int, ...]) -> Wait:
        pid = c_int(args[0])
        if call == "waitid":
            kind, pid = c_int(args[0]), c_int(args[1])
            if kind == P_PIDFD:
                pid = self._pid_of(pid) or 0
            elif kind != P_PID:
                pid = -1
        if pid <= 0:
            own = [one.pid for one in self._tree if one.parent == self.pid and not one.is_gone]
            if len(own) != 1:
                any_child = Sentence(_("any of its {n} child processes"), {"n": len(own)})
                return _wait("child", any_child if own else Sentence(_("a child process")), call)
            pid = own[0]
        return _wait("child", _end_of(pid), call, pid=pid)

    def _poll(self, call: str, args: tuple[int, ...]) -> Wait:
        seconds = self._arguments.timeout(call, args)
        watched = self._arguments.watched(call, args)
        if watched is None:
            return _wait("poll", Sentence(_("one of several files")), call, seconds=seconds)
        found = [self._ranked(call, descriptor, events) for descriptor, events in watched]
        found.sort(key=lambda one: one[0])
        if not found or found[0][0] >= _RANKS.index("pair"):
            # The thread waits only for files that its own process writes to: it is an idle event loop.
            if seconds is None:
                text = Sentence(_("events that only itself can send") if found else _("a signal"))
                return _wait("poll", text, call)
            return _wait("sleep", _sleep(seconds), call, seconds=seconds)
        wait = found[0][1]
        others = sum(one[1]["kind"] in ("socket", "file") for one in found[1:]) if wait["kind"] != "child" else 0
        if others:
            wait["message"] = Sentence(_("{what}, or {n} more"), {"what": wait["message"], "n": others})
        if len(found) > 1 or seconds is not None:
            wait["among"] = len(found)
        if seconds is not None:
            wait["seconds"] = round(seconds, 3)
        return wait

    def _ranked(self, call: str, descriptor: int, events: int) -> tuple[int, Wait]:
        wait = self._file(call, descriptor, events)
        kind = wait["kind"]
        if kind == "socket" and "address" not in wait and "pid" not in wait:
            kind = "pair"
        return _RANKS.index(kind) if kind in _RANKS else len(_RANKS) - 1, wait

    def _file(self, call: str, descriptor: int, events: int) -> Wait:
        """Return the wait for a descriptor to become readable or writable."""
        target = self._target(descriptor)
        if target is None:
            return _wait("other", Sentence(_("file descriptor {n}"), {"n": descriptor}), call)
        reads = bool(events & POLLIN) or not events & POLLOUT
        inode = descriptors.inode_of(target)
        if target.startswith("socket:") and inode is not None:
            return self._socket(call, inode, reads)
        if target.startswith("pipe:") and inode is not None:
            return self._pipe(call, inode, reads)
        if target == "anon_inode:[pidfd]":
            pid = self._pid_of(descriptor)
            if pid:
                return _wait("child", _end_of(pid), call, pid=pid)
            return _wait("child", Sentence(_("the end of a process")), call)
        if target == "anon_inode:[eventpoll]":
            watched = [self._ranked(call, one, wanted) for one, wanted in self._arguments.epolled(descriptor)]
            if watched:
                return min(watched, key=lambda one: one[0])[1]
            return _wait("other", Sentence(_("events")), call)
        if target.startswith("/"):
            try:
                mode = os.stat(f"/proc/{self.pid}/fd/{descriptor}").st_mode
            except OSError:
                mode = 0
            if stat.S_ISFIFO(mode):
                return _wait("pipe", Sentence(_("the named pipe {path}"), {"path": target}), call, path=target)
            return _wait("file", _data(target, reads), call, path=target)
        if target == "anon_inode:inotify":
            return _wait("other", Sentence(_("a file to change (inotify)")), call)
        return _wait("other", target.removeprefix("anon_inode:").strip("[]"), call)

    def _socket(self, call: str, inode: int, reads: bool) -> Wait:
        found = self._sockets.find(inode)
        if found is None:
            return _wait("socket", Sentence(_("a socket")), call)
        if found.address is None:
            return self._pair(call, found)
        address = clean_text(found.address)
        if found.state == "listening":
            text = Sentence(_("a connection to its own {address}"), {"address": address})
        elif found.state == "connecting":
            return {**_connecting(call, address), "state": found.state}
        else:
            text = _data(address, reads)
        if found.state == "closed by its peer":
            text = Sentence(_("{what}, which has closed the connection"), {"what": text})
        wait = _wait("socket", text, call, address=address)
        if found.kind == "udp" and found.state == "established":
            name = name_lookups.looked_up(self._arguments.memory, self._stack_pointer)
            if name is not None or address.rpartition(":")[2] == name_lookups.PORT:
                wait["lookup"] = {"name": None if name is None else clean_text(name)}
        elif found.kind == "tcp" and found.state == "established" and found.port is not None and _is_here(address):
            backend = postgres.wait_of(found.port)
            if backend is not None:
                wait["backend"] = backend
        if found.kind != "unix" and found.state in ("listening", "connecting", "closed by its peer"):
            wait["state"] = found.state
        return wait

    def _pair(self, call: str, found: SocketInfo) -> Wait:
        """Return the wait for a socket pair, whose other end a child may have."""
        pid = None
        if found.peer is not None:
            pid = next((one for one, _ in reversed(self._owners_of(found.peer)) if one != self.pid), None)
        if pid is None:
            return _wait("socket", Sentence(_("a socket without address")), call)
        text = Sentence(_("process {process}, over a socket"), {"process": _process(pid)})
        return _wait("pipe", text, call, pid=pid)

    def _pipe(self, call: str, inode: int, reads: bool) -> Wait:
        wanted = os.O_WRONLY if reads else os.O_RDONLY
        others = [pid for pid, mode in self._owners_of(inode) if pid != self.pid and mode in (wanted, os.O_RDWR)]
        if not others and any(pid == self.pid for pid, mode in self._owners_of(inode) if mode in (wanted, os.O_RDWR)):
            template = (
                _("data from a pipe that only its own process can write to")
                if reads
                else _("a pipe to take data that only its own process can read from")
            )
            return _wait("pipe", Sentence(template), call)
        if not others:
            return _wait("pipe", Sentence(_("data from a pipe") if reads else _("a pipe to take data")), call)
        template = (
            _("data from process {process}, over a pipe") if reads else _("process {process} to take data from a pipe")
        )
        return _wait("pipe", Sentence(template, {"process": _process(others[-1])}), call, pid=others[-1])

    def _file_lock(self, call: str, descriptor: int) -> Wait:
        target = self._target(descriptor)
        path = target if target is not None and target.startswith("/") else None
        try:
            status = os.stat(f"/proc/{self.pid}/fd/{descriptor}")
        except OSError:
            holder = None
        else:
            holder = file_locks.holder_of(file_locks.locks(), status, self.pid)
        if holder is None:
            template = _("a lock on {path}") if path else _("a lock on a file")
        else:
            template = (
                _("a lock on {path}, held by process {process}")
                if path
                else _("a lock on a file, held by process {process}")
            )
        values = {"path": path or "", "process": "" if holder is None else _process(holder)}
        wait = _wait("file", Sentence(template, values), call, path=path, pid=holder)
        identity = None if holder is None else identify(holder)
        return wait if identity is None else {**wait, "holder": identity}

    def _opening(self, call: str, address: int, wait_channel: str | None) -> Wait:
        path = self._arguments.text(address)
        if path and wait_channel and any(part in wait_channel for part in ("fifo", "wait_for_partner")):
            text = Sentence(_("the named pipe {path} to be opened at its other end"), {"path": path})
            return _wait("pipe", text, call, path=path)
        template = _("{path} to be opened") if path else _("a file to be opened")
        return _wait("file", Sentence(template, {"path": path or ""}), call, path=path)

    def _target(self, descriptor: int) -> str | None:
        try:
            return clean_text(os.readlink(f"/proc/{self.pid}/fd/{descriptor}"))
        except OSError:
            return None

    def _pid_of(self, descriptor: int) -> int | None:
        """Return the process that a pidfd refers to."""
        for line in (procfs.read(f"/proc/{self.pid}/fdinfo/{descriptor}") or b"").splitlines():
            if line.startswith(b"Pid:"):
                pid = int(line.split()[1])
                return pid if pid > 0 else None
        return None

    def _owners_of(self, inode: int) -> list[tuple[int, int]]:
        if self._owners is None:
            self._owners = {}
            living = sorted((one for one in self._tree if not one.is_gone), key=lambda one: (one.start, one.pid))
            for one in living[:OWNERS_MAX]:
                for each, mode in descriptors.pipes_and_sockets(one.pid):
                    self._owners.setdefault(each, []).append((one.pid, mode))
        return self._owners.get(inode, [])


def _process(pid: int) -> str:
    """Return a process as `123 (sleep 600)`."""
    text = command_line(pid)
    return str(pid) if not text else f"{pid} ({text if len(text) <= 60 else text[:57] + '...'})"


def _system_call(call: str) -> Sentence:
    return Sentence(_("the system call {call}"), {"call": call})


def _in_kernel(plain: str, placed: str, place: str | None, path: str | None = None) -> Sentence:
    """Return the sentence of one of two templates: `placed` if the kernel function is known."""
    return Sentence(placed if place else plain, {"place": place or "", "path": path or ""})


def _sleep(seconds: float) -> Sentence:
    return Sentence(_("a sleep of {seconds}"), {"seconds": span(seconds)})


def _end_of(pid: int) -> Sentence:
    return Sentence(_("the end of process {process}"), {"process": _process(pid)})


def _is_here(address: str) -> bool:
    """Return whether a server at this address is on this host."""
    return address.startswith(("127.", "[::1]"))


def _connecting(call: str, address: str) -> Wait:
    return _wait("socket", Sentence(_("a connection to {address}"), {"address": address}), call, address=address)


def _data(address: str, reads: bool) -> Sentence:
    """Return the sentence about a file or socket that is to become readable or writable."""
    return Sentence(_("data from {address}") if reads else _("{address} to take data"), {"address": address})


def _wait(
    kind: str,
    message: Text,
    call: str | None,
    *,
    address: str | None = None,
    path: str | None = None,
    pid: int | None = None,
    seconds: float | None = None,
    lock: str | None = None,
) -> Wait:
    details = {
        "syscall": call,
        "address": address,
        "path": path,
        "pid": pid,
        "seconds": None if seconds is None else round(seconds, 3),
        "lock": lock,
    }
    return {"kind": kind, "message": message, **{name: value for name, value in details.items() if value is not None}}
