"""Separate hosts: network namespaces on one network with this machine, each by a cable that a test can pull."""

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


def missing() -> str:
    """Return why they cannot be made here, or an empty string."""
    if os.geteuid():
        return "only root may make network namespaces"
    return "" if shutil.which("ip") else "no program ip on this machine"


@dataclass
class Host:
    name: str
    here: str
    """Address of this machine from the host."""
    address: str
    """Its own address."""
    bridge: str
    """This machine's end of the network."""

    @property
    def inside(self) -> list[str]:
        """Return what precedes a command that is to run there."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Let no packet pass in either direction."""
        _ip("link", "set", f"{self.name}a", "down")

    def join(self) -> None:
        """Undo `cut`."""
        _ip("link", "set", f"{self.name}a", "up")

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        self.cut()
        try:
            yield
        finally:
            self.join()

    @contextlib.contextmanager
    def drop_outgoing(self) -> Iterator[None]:
        """Let no packet from the host arrive here; packets to it arrive."""
        with _blackholed(self.here, f"{self.name}b", "-n", self.name):
            yield

    @contextlib.contextmanager
    def drop_incoming(self) -> Iterator[None]:
        """Let no packet from this machine arrive there; packets from it arrive."""
        with _blackholed(self.address, self.bridge):
            yield

    def move(self, address: str) -> None:
        """Give it another address. Neither end of its connections is informed, and they get no more packets."""
        _ip("-n", self.name, "addr", "del", f"{self.address}/24", "dev", f"{self.name}b")
        _ip("-n", self.name, "addr", "add", f"{address}/24", "dev", f"{self.name}b")
        self.address = address


class Network:
    def __init__(self, name: str, net: str) -> None:
        self.name, self.net = name, net
        self.hosts: list[Host] = []
        self._last = 1

    @property
    def here(self) -> str:
        """Return the address of this machine in it."""
        return f"{self.net}.1"

    def address(self) -> str:
        """Return an unused address."""
        self._last += 1
        return f"{self.net}.{self._last}"

    def host(self) -> Host:
        """Add a host. Processes on it must end before the network does."""
        made = Host(f"{self.name}{len(self.hosts)}", self.here, self.address(), self.name)
        outside, end = f"{made.name}a", f"{made.name}b"
        _ip("netns", "add", made.name)
        self.hosts.append(made)
        _ip("link", "add", outside, "type", "veth", "peer", "name", end, "netns", made.name)
        _ip("link", "set", outside, "master", self.name, "up")
        for words in (["addr", "add", f"{made.address}/24", "dev", end], ["link", "set", end, "up"],
                      ["link", "set", "lo", "up"]):  # fmt: skip
            _ip("-n", made.name, *words)
        return made


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@contextlib.contextmanager
def _blackholed(address: str, device: str, *where: str) -> Iterator[None]:
    """Send packets for this address to a machine that does not exist. A missing route would report an error to the
    sender."""
    _ip(*where, "neigh", "replace", address, "lladdr", "02:00:00:00:00:01", "dev", device, "nud", "permanent")
    try:
        yield
    finally:
        _ip(*where, "neigh", "del", address, "dev", device)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Yield a network, and remove it at the end."""
    made = Network(f"il{secrets.token_hex(3)}", f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}")
    _ip("link", "add", made.name, "type", "bridge")
    try:
        _ip("addr", "add", f"{made.here}/24", "dev", made.name)
        _ip("link", "set", made.name, "up")
        yield made
    finally:
        for host in made.hosts:
            _ip("netns", "del", host.name)
        _ip("link", "del", made.name)


@contextlib.contextmanager
def host() -> Iterator[Host]:
    """Yield a host, and remove it at the end. Processes on it must have ended before."""
    with network() as made:
        yield made.host()
