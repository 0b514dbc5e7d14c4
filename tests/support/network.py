"""A host of its own: a network namespace whose one cable can be pulled, without a word to either end."""

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


@dataclass(frozen=True)
class Host:
    name: str
    here: str
    """Address of this machine, as the host reaches it."""

    @property
    def inside(self) -> list[str]:
        """What to put before a command that is to run there."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        _ip("link", "set", f"{self.name}a", "down")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@contextlib.contextmanager
def host() -> Iterator[Host]:
    """One that is gone at the end; what runs there must have ended."""
    name = f"il{secrets.token_hex(3)}"
    net = f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
    made = Host(name, f"{net}.1")
    _ip("netns", "add", name)
    try:
        _ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _ip("addr", "add", f"{net}.1/30", "dev", f"{name}a")
        _ip("link", "set", f"{name}a", "up")
        for words in (["addr", "add", f"{net}.2/30", "dev", f"{name}b"], ["link", "set", f"{name}b", "up"],
                      ["link", "set", "lo", "up"]):  # fmt: skip
            _ip("-n", name, *words)
        yield made
    finally:
        _ip("netns", "del", name)
