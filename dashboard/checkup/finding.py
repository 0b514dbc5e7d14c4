"""What a check says."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the checkup."""

    name: str
    level: Level
    found: str
    """What was seen."""
    advice: str = ""
    """What to do; empty when there is nothing to do."""


def typed(words: str) -> str:
    """A command of ours as it is typed here: `interlock` is on the path of few."""
    program = Path(sys.executable).with_name("interlock")
    if shutil.which("interlock") == str(program) or not program.exists():
        return f"interlock {words}"
    here = Path.cwd()
    return f"{program.relative_to(here) if program.is_relative_to(here) else program} {words}"


def owner_of(path: Path) -> str:
    """Whom it belongs to, when that is somebody else; else empty."""
    owner = path.stat().st_uid
    if owner == os.geteuid():
        return ""
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"
