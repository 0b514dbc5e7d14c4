"""Where a socket of another process leads, from the tables in /proc and, for Unix sockets, the kernel's diagnosis."""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

TABLE_BYTES_MAX = 2 * 1024 * 1024
"""What is read of one table: on a host with more sockets than this holds, an address may stay unknown."""
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 0x1
UDIAG_SHOW_PEER = 0x4
UNIX_DIAG_PEER = 2
_STATES = {1: "established", 2: "connecting", 3: "connecting", 8: "closed by its peer", 10: "listening"}


class Socket(NamedTuple):
    kind: str
    """tcp, udp or unix."""
    address: str | None
    """Of the peer; its own when it listens or has no peer. None: it has none (a pair)."""
    state: str
    """established, connecting, listening, closed by its peer, or empty."""
    peer: int | None = None
    """Inode of the other end of a Unix socket."""


class Sockets:
    """The sockets that one process sees, each table read once at most."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._inet: dict[int, Socket] | None = None

    def find(self, inode: int) -> Socket | None:
        if self._inet is None:
            self._inet = {}
            for name in ("tcp", "tcp6", "udp", "udp6"):
                self._inet.update(_table(self._pid, name))
        return self._inet.get(inode) or _unix(self._pid, inode)


def _table(pid: int, name: str) -> dict[int, Socket]:
    found = {}
    for line in _read(f"/proc/{pid}/net/{name}").splitlines()[1:]:
        words = line.split()
        if len(words) < 10:
            continue
        local, remote, state = _address(words[1]), _address(words[2]), int(words[3], 16)
        has_peer = not words[2].endswith(b":0000")
        found[int(words[9])] = Socket(name[:3], remote if has_peer else local, _STATES.get(state, ""))
    return found


def _address(word: bytes) -> str:
    """`0100007F:1538` as `127.0.0.1:5432`."""
    host, _, port = word.partition(b":")
    # The kernel prints each 32-bit word as a number of this machine.
    raw = b"".join(struct.pack("=I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    return join(raw, int(port, 16))


def join(raw: bytes, port: int) -> str:
    """The address of 4 or 16 bytes and a port as people write it."""
    if len(raw) == 16 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        raw = raw[12:]
    if len(raw) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, raw)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, raw)}]:{port}"


def parse_sockaddr(data: bytes) -> str | None:
    """The address of a struct sockaddr that a process hands to the kernel."""
    if len(data) < 4:
        return None
    family = struct.unpack_from("=H", data)[0]
    if family == socket.AF_INET and len(data) >= 8:
        return join(data[4:8], struct.unpack_from("!H", data, 2)[0])
    if family == socket.AF_INET6 and len(data) >= 24:
        return join(data[8:24], struct.unpack_from("!H", data, 2)[0])
    if family == socket.AF_UNIX:
        return _path(data[2:])
    return None


def _unix(pid: int, inode: int) -> Socket | None:
    paths = {}
    for line in _read(f"/proc/{pid}/net/unix").splitlines()[1:]:
        words = line.split(None, 7)
        if len(words) >= 7 and words[6].isdigit():
            paths[int(words[6])] = (words[7] if len(words) > 7 else b"", words[5], words[3])
    if inode not in paths:
        return None
    path, state, flags = paths[inode]
    listening = flags == b"00010000"
    peer = None if listening or path else _peer(inode)
    if peer is not None and peer in paths:
        path = paths[peer][0]
    told = "listening" if listening else "connecting" if state == b"02" else "established" if state == b"03" else ""
    return Socket("unix", path.decode("utf-8", "replace") or None, told, peer)


def _peer(inode: int) -> int | None:
    """Inode of the other end of a Unix socket (sock_diag); None when the kernel does not tell."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as link:
            link.settimeout(0.05)
            body = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, inode, UDIAG_SHOW_PEER, *[0xFFFFFFFF] * 2)
            link.send(struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0) + body)
            data = link.recv(8192)
    except OSError:
        return None
    if len(data) < 32 or struct.unpack_from("=H", data, 4)[0] != SOCK_DIAG_BY_FAMILY:
        return None
    # struct unix_diag_msg has 16 bytes behind the header; attributes follow.
    at = 32
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        if kind == UNIX_DIAG_PEER and size >= 8 and at + 8 <= len(data):
            return int(struct.unpack_from("=I", data, at + 4)[0]) or None
        at += (size + 3) & ~3
    return None


def _path(raw: bytes) -> str | None:
    if raw[:1] == b"\0":
        return "@" + raw[1:].split(b"\0")[0].decode("utf-8", "replace")
    return raw.split(b"\0")[0].decode("utf-8", "replace") or None


def _read(path: str) -> bytes:
    """The beginning of a table; empty when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    parts, size = [], 0
    try:
        while size < TABLE_BYTES_MAX and (part := os.read(descriptor, 262144)):
            parts.append(part)
            size += len(part)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    data = b"".join(parts)
    return data[: data.rfind(b"\n") + 1]
