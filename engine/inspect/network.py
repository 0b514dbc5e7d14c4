"""Bytes that a process tree sends and receives over TCP, from the kernel's socket diagnosis.

Linux counts no traffic per process. It counts per TCP socket, and /proc says which sockets a process holds. So what the
sockets of the tree have moved between two calls is the tree's traffic, apart from UDP and connections that came and
went in between. Where the kernel does not answer, the figure is that of the whole host and says so.
"""

import os
import socket
import struct

from engine.inspect import procfs, sock_diag

INET_DIAG_INFO = 2
INET_DIAG_BYTES, INODE_AT = 72, 68
"""Size of struct inet_diag_msg and the offset of its inode."""
ACKED_AT = 120
"""Offset of tcpi_bytes_acked in struct tcp_info; tcpi_bytes_received follows (Linux 4.2)."""
DESCRIPTORS_MAX = 4096


class NetworkMeter:
    """Measures the traffic of one process tree from call to call."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: tuple[float, str, dict[int, int]] | None = None
        """(when, scope, bytes by socket) at the last call."""

    def rate(self, tree: list[procfs.Process], now: float) -> tuple[int | None, str]:
        """Return (bytes a second since the last call, scope); scope is tree, host or not_determined."""
        sockets = _sockets_of(tree)
        by_socket = _bytes_by_socket() if sockets else {}
        if sockets is not None and by_socket is not None:
            figures, scope = {inode: by_socket[inode] for inode in sockets if inode in by_socket}, "tree"
        else:
            host = _bytes_of_host()
            if host is None:
                return None, "not_determined"
            figures, scope = {0: host}, "host"
        before, self._before = self._before, (now, scope, figures)
        if before is None or before[1] != scope or now <= before[0]:
            return None, "not_determined"
        moved = sum(
            max(0, count - before[2].get(inode, 0 if scope == "tree" else count)) for inode, count in figures.items()
        )
        return round(moved / (now - before[0])), scope


def _sockets_of(tree: list[procfs.Process]) -> set[int] | None:
    """Return the inodes of the sockets that the tree holds; None if they cannot be read."""
    found: set[int] = set()
    descriptors = 0
    for process in tree:
        folder = f"/proc/{process.pid}/fd/"
        try:
            names = os.listdir(folder)
        except PermissionError:
            return None
        except OSError:
            continue
        descriptors += len(names)
        if descriptors > DESCRIPTORS_MAX:
            return None
        for name in names:
            try:
                target = os.readlink(folder + name)
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found


def _bytes_by_socket() -> dict[int, int] | None:
    """Return the bytes that each TCP socket of this host has acknowledged and received, by inode; None if unknown."""
    counts: dict[int, int] = {}
    try:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0xFFFFFFFF)
            for message in sock_diag.ask(request, dump=True):
                inode = struct.unpack_from("=I", message, INODE_AT)[0]
                for kind, value in sock_diag.attributes(message, INET_DIAG_BYTES):
                    if kind == INET_DIAG_INFO and len(value) >= ACKED_AT + 16:
                        counts[inode] = sum(struct.unpack_from("=QQ", value, ACKED_AT))
    except OSError:
        return None
    return counts


def _bytes_of_host() -> int | None:
    """Return the bytes received and sent by all interfaces but the loopback."""
    data = procfs.read("/proc/net/dev")
    if data is None:
        return None
    total = 0
    for line in data.decode("ascii", "replace").splitlines()[2:]:
        name, _, fields = line.partition(":")
        numbers = fields.split()
        if name.strip() != "lo" and len(numbers) > 8:
            total += int(numbers[0]) + int(numbers[8])
    return total
