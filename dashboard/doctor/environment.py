"""The environment of the running `up`, which may have other settings than the shell of whoever checks."""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.config import SETTINGS


def environment_of(pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with; None if it cannot be read."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    pairs = (os.fsdecode(line).partition("=") for line in content.split(b"\0") if line)
    return {name: value for name, _, value in pairs}


def differing(theirs: Mapping[str, str]) -> list[str]:
    """Return the settings that differ from those of this process. Both have the same home."""
    names = {*SETTINGS, *(name for name in (*theirs, *os.environ) if name.startswith(("INTERLOCK_", "AWS_")))}
    names.discard("INTERLOCK_HOME")
    return sorted(name for name in names if theirs.get(name, "") != os.environ.get(name, ""))
