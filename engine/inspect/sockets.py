"""Where a socket of another process leads: the tables in /proc and, for Unix sockets, the kernel's diagnosis."""

import os
import socket
import struct
from typing import NamedTuple

from engine.inspect import sock_diag

TABLE_BYTES_MAX = 2 * 1024 * 1024
"""Bytes read of one table. On a host with more sockets an address may stay unknown."""
UDIAG_SHOW_PEER = 0x4
UNIX_DIAG_PEER = 2
UNIX_DIAG_BYTES = 16
"""Size of struct unix_diag_msg."""
_TCP_STATES = {1: "established", 2: "connecting", 3: "connecting", 8: "closed by its peer", 10: "listening"}
_UNIX_STATES = {b"02": "connecting", b"03": "established"}


class SocketInfo(NamedTuple):
    kind: str
    """tcp, udp or unix."""
    address: str | None
    """The peer's address; its own if it listens or has no peer; None if it has none (a pair)."""
    state: str
    """established, connecting, listening, closed by its peer, or empty."""
    peer: int | None = None
    """Inode of the other end of a Unix socket."""
    port: int | None = None
    """Its own port."""


class SocketTable:
    """The sockets in the network namespace of one process. Each table is read at most once."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._inet: dict[int, SocketInfo] | None = None

    def find(self, inode: int) -> SocketInfo | None:
        return self._table().get(inode) or _unix_socket(self._pid, inode)

    def inode_of_port(self, port: int) -> int | None:
        """Return the inode of the connected TCP socket that has this port itself."""
        for inode, found in self._table().items():
            if found.kind == "tcp" and found.port == port and found.state == "established":
                return inode
        return None

    def _table(self) -> dict[int, SocketInfo]:
        if self._inet is None:
            self._inet = {}
            for name in ("tcp", "tcp6", "udp", "udp6"):
                self._inet.update(_inet_sockets(self._pid, name))
        return self._inet


def _inet_sockets(pid: int, name: str) -> dict[int, SocketInfo]:
    found = {}
    for line in _read_table(f"/proc/{pid}/net/{name}").splitlines()[1:]:
        words = line.split()
        if len(words) < 10:
            continue
        local, remote, state = _parse_address(words[1]), _parse_address(words[2]), int(words[3], 16)
        has_peer = not words[2].endswith(b":0000")
        found[int(words[9])] = SocketInfo(
            name[:3],
            remote if has_peer else local,
            _state(name, state, has_peer),
            port=int(words[1].rpartition(b":")[2], 16),
        )
    return found


def _state(name: str, state: int, has_peer: bool) -> str:
    if name.startswith("tcp"):
        return _TCP_STATES.get(state, "")
    return "established" if has_peer else "listening"


def _parse_address(word: bytes) -> str:
    """Read `0100007F:1538` as `127.0.0.1:5432`."""
    host, _, port = word.partition(b":")
    # The kernel prints each 32-bit word in the byte order of this machine.
    raw = b"".join(struct.pack("=I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    return format_address(raw, int(port, 16))


def format_address(raw: bytes, port: int) -> str:
    """Return an IP address of 4 or 16 bytes and a port as text."""
    if len(raw) == 16 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        raw = raw[12:]
    if len(raw) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, raw)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, raw)}]:{port}"


def parse_sockaddr(data: bytes) -> str | None:
    """Return the address in a struct sockaddr that a process passes to the kernel; None if it has none."""
    if len(data) < 4:
        return None
    family = struct.unpack_from("=H", data)[0]
    if family == socket.AF_INET and len(data) >= 8:
        return format_address(data[4:8], struct.unpack_from("!H", data, 2)[0])
    if family == socket.AF_INET6 and len(data) >= 24:
        return format_address(data[8:24], struct.unpack_from("!H", data, 2)[0])
    if family == socket.AF_UNIX:
        return _unix_path(data[2:])
    return None


def _unix_socket(pid: int, inode: int) -> SocketInfo | None:
    sockets = {}
    for line in _read_table(f"/proc/{pid}/net/unix").splitlines()[1:]:
        words = line.split(None, 7)
        if len(words) >= 7 and words[6].isdigit():
            sockets[int(words[6])] = (words[7] if len(words) > 7 else b"", words[5], words[3])
    if inode not in sockets:
        return None
    path, state, flags = sockets[inode]
    listening = flags == b"00010000"
    peer = None if listening or path else _unix_peer(inode)
    if peer is not None and peer in sockets:
        path = sockets[peer][0]
    name = "listening" if listening else _UNIX_STATES.get(state, "")
    return SocketInfo("unix", path.decode("utf-8", "replace") or None, name, peer)


def _unix_peer(inode: int) -> int | None:
    """Return the inode of the other end of a Unix socket; None if it is not known."""
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, inode, UDIAG_SHOW_PEER, *[0xFFFFFFFF] * 2)
    try:
        for message in sock_diag.ask(request, dump=False):
            for kind, value in sock_diag.attributes(message, UNIX_DIAG_BYTES):
                if kind == UNIX_DIAG_PEER and len(value) >= 4:
                    return int(struct.unpack_from("=I", value)[0]) or None
    except OSError:
        pass
    return None


def _unix_path(raw: bytes) -> str | None:
    if raw[:1] == b"\0":
        return "@" + raw[1:].split(b"\0")[0].decode("utf-8", "replace")
    return raw.split(b"\0")[0].decode("utf-8", "replace") or None


def _read_table(path: str) -> bytes:
    """Return the whole lines among the first TABLE_BYTES_MAX of a table; empty if it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            parts, size = [], 0
            while size < TABLE_BYTES_MAX and (part := os.read(file.fileno(), 262144)):
                parts.append(part)
                size += len(part)
    except OSError:
        return b""
    data = b"".join(parts)
    return data[: data.rfind(b"\n") + 1]
