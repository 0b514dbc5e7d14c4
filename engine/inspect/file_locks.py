"""Who holds locks on files: /proc/locks, and the open files of processes, which it may name wrongly.

/proc/locks names the process that took a lock. One by flock() belongs to the open file, which a child may have got and
kept after that process ended; one by fcntl(F_OFD_SETLK) has no process at all. The descriptors themselves tell
(/proc/<pid>/fdinfo), so they are asked whenever that process has ended.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from engine.inspect import procfs
from engine.inspect.descriptors import DESCRIPTORS_MAX, links

PROCESSES_MAX = 2000
SQLITE_PENDING, SQLITE_SHARED = 0x40000000, 0x40000002
"""Bytes of a SQLite database that are locked: pending and reserved, then those that readers share. They tell that it is
one: to read its head this process would open it, and closing it would drop all locks of this process on it."""
SHM_WRITE, SHM_RECOVER = 120, 122
"""Bytes of the -shm file of a database in WAL mode that who writes, checkpoints or recovers locks."""


class FileLock(NamedTuple):
    kind: str
    """FLOCK, POSIX or OFDLCK."""
    is_write: bool
    pid: int
    """Of the process that took it; -1 for OFDLCK."""
    device: str
    """As `08:01`, in hexadecimal. Layered file systems show programs another device."""
    inode: int
    first: int
    last: int | None
    """None: to the end."""


def parse_locks(data: bytes) -> list[FileLock]:
    """Return the locks that are held, without those that are waited for."""
    found = []
    for line in data.splitlines():
        words = line.split()
        if len(words) < 8 or words[1] == b"->":
            continue
        device, _, inode = words[5].decode("ascii", "replace").rpartition(":")
        try:
            found.append(
                FileLock(
                    words[1].decode("ascii", "replace"),
                    words[3] == b"WRITE",
                    int(words[4]),
                    device,
                    int(inode),
                    int(words[6]),
                    None if words[7] == b"EOF" else int(words[7]),
                )
            )
        except ValueError:
            continue
    return found


def locks() -> list[FileLock]:
    """Return the locks that are held on this host, as far as this PID namespace shows them."""
    return parse_locks(procfs.read_table("/proc/locks"))


def of_file(held: list[FileLock], status: os.stat_result) -> list[FileLock]:
    """Return the locks on one file."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    same_inode = [lock for lock in held if lock.inode == status.st_ino]
    return [lock for lock in same_inode if lock.device == device] or same_inode


def holder_of(held: list[FileLock], status: os.stat_result, waiter: int) -> int | None:
    """Return the living process that holds a lock on the file, rather another one than `waiter`; None if unknown."""
    found = of_file(held, status)
    candidates = [lock.pid for lock in found if lock.pid > 0 and lock.kind != "FLOCK" and _lives(lock.pid)]
    candidates += [lock.pid for lock in found if lock.kind == "FLOCK" and lock.pid > 0 and _has_lock(lock.pid, status)]
    others = [pid for pid in candidates if pid != waiter]
    if not others and any(lock.pid != waiter for lock in found):
        others = list(_scan(status, waiter))
    if others:
        return others[0]
    return waiter if candidates else None


def _lives(pid: int) -> bool:
    one = procfs.process(pid)
    return one is not None and not one.is_gone


def _has_lock(pid: int, status: os.stat_result) -> bool:
    """Return whether an open file of the process holds a lock on this file."""
    if not _lives(pid):
        return False
    folder = f"/proc/{pid}/fdinfo/"
    try:
        names = os.listdir(folder)[:DESCRIPTORS_MAX]
    except OSError:
        return False
    number = b":%d" % status.st_ino
    for name in names:
        data = procfs.read(folder + name) or b""
        if b"lock:" in data and any(
            line.startswith(b"lock:") and line.split()[-3].endswith(number) for line in data.splitlines()
        ):
            return True
    return False


def _scan(status: os.stat_result, waiter: int) -> Iterator[int]:
    """Yield the processes whose open files hold a lock on the file, the youngest pid first."""
    try:
        pids = sorted(procfs.pids(), reverse=True)
    except OSError:
        return
    for pid in pids[:PROCESSES_MAX]:
        if pid != waiter and _has_lock(pid, status):
            yield pid


def contended_sqlite(pid: int, held: list[FileLock]) -> tuple[str, int] | None:
    """Return (path, holder) of a SQLite database that `pid` has open and another connection keeps locked for writing.

    SQLite does not wait for a lock: it tries, and sleeps in between, so no system call names the file. The holder is
    `pid` itself if another of its connections has the lock.
    """
    if not held:
        return None
    own: tuple[str, int] | None = None
    for path, status in _regular_files(pid):
        is_shm = path.endswith("-shm")
        for lock in of_file(held, status):
            if lock.kind == "FLOCK" or not _keeps_writers_out(lock, is_shm=is_shm) or not _lives(lock.pid):
                continue
            found = path.removesuffix("-shm"), lock.pid
            if lock.pid != pid:
                return found
            own = found
    if own is not None:
        # It writes itself, and waits for those who still read, or its other connection does.
        for path, status in _regular_files(pid):
            for lock in of_file(held, status):
                if path == own[0] and lock.pid != pid and lock.first >= SQLITE_SHARED and _lives(lock.pid):
                    return path, lock.pid
    return own


def _keeps_writers_out(lock: FileLock, *, is_shm: bool) -> bool:
    if not lock.is_write:
        return False
    if is_shm:
        return lock.first <= SHM_RECOVER and (lock.last is None or lock.last >= SHM_WRITE)
    return lock.first >= SQLITE_PENDING


def _regular_files(pid: int) -> list[tuple[str, os.stat_result]]:
    found: dict[str, os.stat_result] = {}
    for link, path in links(pid):
        if path.startswith("/") and path not in found:
            try:
                found[path] = os.stat(link)
            except OSError:
                continue
    return list(found.items())
