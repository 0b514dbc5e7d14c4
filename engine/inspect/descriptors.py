"""What processes hold open: pipes and sockets by inode, and locks on files."""

import os
import stat

from engine.inspect import procfs

DESCRIPTORS_MAX = 256
"""Descriptors read of one process."""


def pipes_and_sockets(pid: int) -> list[tuple[int, int]]:
    """Return (inode, access mode) of the pipes and sockets that `pid` has open."""
    folder = f"/proc/{pid}/fd/"
    found: list[tuple[int, int]] = []
    try:
        names = os.listdir(folder)[:DESCRIPTORS_MAX]
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(folder + name)
            # The permissions of the link show in which mode the file is open.
            bits = os.lstat(folder + name).st_mode
        except OSError:
            continue
        if target.startswith(("pipe:[", "socket:[")) and (inode := inode_of(target)) is not None:
            reads, writes = bits & stat.S_IRUSR, bits & stat.S_IWUSR
            found.append((inode, os.O_RDWR if reads and writes else os.O_WRONLY if writes else os.O_RDONLY))
    return found


def lock_holder(status: os.stat_result, waiter: int) -> int | None:
    """Return the process that holds a lock on the file, from /proc/locks; None if it is not known."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}".encode()
    same_inode = set()
    for line in (procfs.read("/proc/locks") or b"").splitlines():
        words = line.split()
        if len(words) < 6 or words[1] == b"->" or words[5].rpartition(b":")[2] != b"%d" % status.st_ino:
            continue
        pid = int(words[4])
        if pid > 0 and pid != waiter:
            if words[5].rpartition(b":")[0] == device:
                return pid
            same_inode.add(pid)
    # Layered file systems show programs another device than /proc/locks.
    return same_inode.pop() if len(same_inode) == 1 else None


def inode_of(target: str) -> int | None:
    """Return the inode in a link like `pipe:[123]`."""
    number = target.rpartition("[")[2].rstrip("]")
    return int(number) if number.isdigit() else None
