"""The listening sockets of `up`. The parent opens them, so that a restart of the web process loses no connection."""

import errno
import ipaddress
import socket


class CannotListen(Exception):
    """Cannot listen on the address. The message says why and what to do."""


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """Open a listening socket for each address of `host` (localhost: IPv4 and IPv6), all on one port.

    Port 0 picks a free one. Raises CannotListen.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(f'Unknown host "{host}" ({error}). Use 127.0.0.1 or an address of this machine.') from None
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                sockets.append(_listen(family, kind, protocol, (str(address[0]), port, *address[2:])))
            except OSError as error:
                # A machine without IPv6 still resolves localhost to ::1.
                if sockets and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue
                if error.errno == errno.EAFNOSUPPORT and len(found) > 1:
                    continue
                raise _error_of(host, port, error) from None
            if port == 0:
                port = sockets[0].getsockname()[1]
    except CannotListen:
        for one in sockets:
            one.close()
        raise
    if not sockets:
        raise CannotListen(f'Cannot listen on "{host}". Use --host 127.0.0.1.')
    return sockets


def _listen(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    one = socket.socket(family, kind, protocol)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen(512)
    except OSError:
        one.close()
        raise
    return one


def _error_of(host: str, port: int, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return CannotListen(
            f"Port {port} on {host} is already in use. Stop the program that uses it, or choose another port: "
            f'up --port {port + 1} (make run ARGS="--port {port + 1}").'
        )
    if error.errno == errno.EACCES:
        return CannotListen(f"Port {port} requires root. Choose a port from 1024 on: up --port 8000")
    if error.errno == errno.EADDRNOTAVAIL:
        return CannotListen(f"{host} is not an address of this machine. Use --host 127.0.0.1.")
    return CannotListen(f"Cannot listen on {host} port {port}: {error.strerror}.")


def is_any(host: str) -> bool:
    """Return whether `host` means every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(host: str, port: int) -> str:
    """Return the URL to open in a browser on this machine."""
    if is_any(host):
        host = "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}"


def public_address(allowed_hosts: str) -> str:
    """Return the URL that people open if a TLS proxy is in front: the first usable name of ALLOWED_HOSTS; else
    empty."""
    for name in allowed_hosts.replace(",", " ").split():
        if not name.startswith((".", "*")) and not is_loopback(name.strip("[]")):
            return f"https://{name}"
    return ""
