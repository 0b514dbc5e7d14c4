"""What processes have open: the links of /proc/<pid>/fd, and pipes and sockets among them by inode."""

import os
import stat
from collections.abc import Iterator

DESCRIPTORS_MAX = 256
"""Descriptors read of one process."""


def links(pid: int) -> Iterator[tuple[str, str]]:
    """Yield (path of the descriptor in /proc, what it refers to) of what `pid` has open, as far as it can be read."""
    folder = f"/proc/{pid}/fd/"
    try:
        names = os.listdir(folder)[:DESCRIPTORS_MAX]
    except OSError:
        return
    for name in names:
        try:
            target = os.readlink(folder + name)
        except OSError:
            continue
        yield folder + name, target


def pipes_and_sockets(pid: int) -> list[tuple[int, int]]:
    """Return (inode, access mode) of the pipes and sockets that `pid` has open."""
    found: list[tuple[int, int]] = []
    for link, target in links(pid):
        try:
            # The permissions of the link show in which mode the file is open.
            bits = os.lstat(link).st_mode
        except OSError:
            continue
        if target.startswith(("pipe:[", "socket:[")) and (inode := inode_of(target)) is not None:
            reads, writes = bits & stat.S_IRUSR, bits & stat.S_IWUSR
            found.append((inode, os.O_RDWR if reads and writes else os.O_WRONLY if writes else os.O_RDONLY))
    return found


def inode_of(target: str) -> int | None:
    """Return the inode in a link like `pipe:[123]`."""
    number = target.rpartition("[")[2].rstrip("]")
    return int(number) if number.isdigit() else None
