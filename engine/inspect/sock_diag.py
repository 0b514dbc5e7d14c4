"""Questions to the kernel's socket diagnosis (sock_diag) over netlink."""

import socket
import struct
from collections.abc import Iterator

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TIMEOUT_SECONDS = 0.05


def ask(request: bytes, *, dump: bool) -> Iterator[bytes]:
    """Yield the messages that answer `request`, without their headers: all sockets with `dump`, else one.

    Raises OSError when the kernel refuses or does not answer in time.
    """
    flags = NLM_F_REQUEST | (NLM_F_DUMP if dump else 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as link:
        link.settimeout(TIMEOUT_SECONDS)
        link.send(struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, flags, 1, 0) + request)
        while True:
            data = link.recv(262144)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR or length < 16:
                    raise OSError("The kernel refused the question.")
                yield data[at + 16 : at + length]
                at += (length + 3) & ~3
            if not dump:
                return


def attributes(message: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield (type, value) of the attributes that follow the fixed part of a message, which ends at `at`."""
    while at + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, at)
        if size < 4:
            return
        yield kind, message[at + 4 : at + size]
        at += (size + 3) & ~3
