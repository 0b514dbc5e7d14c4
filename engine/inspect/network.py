"""Bytes that a process tree sends and receives over TCP, from the kernel's socket diagnosis (sock_diag).

Linux counts no traffic per process. It does count per TCP socket, and /proc says which sockets a process holds; so
what sockets of the tree have moved between two looks is the tree's, apart from connections that came and went
in between, and UDP. Where the kernel does not answer, the figure is of the whole host and says so.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

from engine.inspect import procfs

if TYPE_CHECKING:
    from engine.supervisor.attempt import Attempt

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
INET_DIAG_INFO = 2
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
ACKED_AT = 120
"""Offset of tcpi_bytes_acked in struct tcp_info; tcpi_bytes_received follows (Linux 4.2)."""
FILES_MAX = 4096


def traffic(tree: list[procfs.Process], attempt: Attempt, now: float) -> tuple[int | None, str]:
    """(bytes a second since the last call for this attempt, scope): scope tree, host or not_determined."""
    sockets = _sockets_of(tree)
    counted = _by_socket() if sockets is not None and sockets else {}
    if sockets is not None and counted is not None:
        figures, scope = {inode: counted[inode] for inode in sockets if inode in counted}, "tree"
    else:
        host = _of_host()
        if host is None:
            return None, "not_determined"
        figures, scope = {0: host}, "host"
    before, attempt.network = attempt.network, (now, scope, figures)
    if before is None or before[1] != scope or now <= before[0]:
        return None, "not_determined"
    moved = sum(
        max(0, count - before[2].get(inode, 0 if scope == "tree" else count)) for inode, count in figures.items()
    )
    return round(moved / (now - before[0])), scope


def _sockets_of(tree: list[procfs.Process]) -> set[int] | None:
    """Inodes of the sockets that the tree holds; None when that cannot be read."""
    found: set[int] = set()
    looked = 0
    for one in tree:
        folder = f"/proc/{one.pid}/fd/"
        try:
            names = os.listdir(folder)
        except PermissionError:
            return None
        except OSError:
            continue
        looked += len(names)
        if looked > FILES_MAX:
            return None
        for name in names:
            try:
                target = os.readlink(folder + name)
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found


def _by_socket() -> dict[int, int] | None:
    """Bytes acknowledged and received by each TCP socket of this host, by inode; None when it is not told."""
    counts: dict[int, int] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as link:
            link.settimeout(0.05)
            for family in (socket.AF_INET, socket.AF_INET6):
                body = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0xFFFFFFFF)
                link.send(
                    struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body
                )
                while True:
                    data = link.recv(262144)
                    done = _read_messages(data, counts)
                    if done is None:
                        return None
                    if done:
                        break
    except OSError:
        return None
    return counts


def _read_messages(data: bytes, counts: dict[int, int]) -> bool | None:
    """Take the counts out of netlink messages; True at the end of the dump, None on an error."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind == NLMSG_DONE:
            return True
        if kind == NLMSG_ERROR or length < 16:
            return None
        # struct inet_diag_msg has 72 bytes, its last field is the inode; attributes follow.
        inode = struct.unpack_from("=I", data, at + 16 + 68)[0]
        attribute = at + 16 + 72
        while attribute + 4 <= at + length:
            size, name = struct.unpack_from("=HH", data, attribute)
            if size < 4:
                break
            if name == INET_DIAG_INFO and size >= 4 + ACKED_AT + 16:
                counts[inode] = sum(struct.unpack_from("=QQ", data, attribute + 4 + ACKED_AT))
            attribute += (size + 3) & ~3
        at += (length + 3) & ~3
    return False


def _of_host() -> int | None:
    """Bytes received and sent by all interfaces but the loopback."""
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
