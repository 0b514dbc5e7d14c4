"""Hosts of their own: network namespaces on one network with this machine, each by a cable that can be pulled without a
word to either end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


def missing() -> str:
    """Why there can be none here; empty: there can."""
    if os.geteuid():
        return "only root may make network namespaces"
    return "" if shutil.which("ip") else "no program ip on this machine"


@dataclass
class Host:
    name: str
    here: str
    """Address of this machine, as the host reaches it."""
    address: str
    """Its own."""
    bridge: str
    """This machine's end of the network."""

    @property
    def inside(self) -> list[str]:
        """What to put before a command that is to run there."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        _ip("link", "set", f"{self.name}a", "down")

    def join(self) -> None:
        """The cable is back."""
        _ip("link", "set", f"{self.name}a", "up")

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        self.cut()
        try:
            yield
        finally:
            self.join()

    @contextlib.contextmanager
    def mute(self) -> Iterator[None]:
        """Nothing that it sends arrives here; what is sent to it does arrive."""
        with _misled(self.here, f"{self.name}b", "-n", self.name):
            yield

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        """Nothing that this machine sends to it arrives; what it sends does."""
        with _misled(self.address, self.bridge):
            yield

    def move(self, address: str) -> None:
        """Give it another address: of its connections neither end is told, and nothing comes to them any more."""
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
        """Address of this machine in it."""
        return f"{self.net}.1"

    def address(self) -> str:
        """One that is nobody's yet."""
        self._last += 1
        return f"{self.net}.{self._last}"

    def host(self) -> Host:
        """One more; what runs there must have ended before the network goes."""
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
def _misled(address: str, device: str, *where: str) -> Iterator[None]:
    """What goes to this address leaves the device for a machine that there is not: a route to nowhere would tell the
    sender that nothing goes."""
    _ip(*where, "neigh", "replace", address, "lladdr", "02:00:00:00:00:01", "dev", device, "nud", "permanent")
    try:
        yield
    finally:
        _ip(*where, "neigh", "del", address, "dev", device)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """One that is gone at the end."""
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
    """One that is gone at the end; what runs there must have ended."""
    with network() as made:
        yield made.host()
