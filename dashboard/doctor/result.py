"""The result of a check."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class CheckResult:
    """One line of the report."""

    name: str
    level: Level
    message: str
    """What was found."""
    advice: str = ""
    """What to do; empty if nothing."""


def command_line(arguments: str) -> str:
    """Return a command as it is typed here: the program's path if `interlock` is not on PATH."""
    program = Path(sys.executable).with_name("interlock")
    if shutil.which("interlock") == str(program) or not program.exists():
        return f"interlock {arguments}"
    here = Path.cwd()
    return f"{program.relative_to(here) if program.is_relative_to(here) else program} {arguments}"


def owner_of(path: Path) -> str:
    """Return the name of the file's owner if it is another user, else ""."""
    owner = path.stat().st_uid
    if owner == os.geteuid():
        return ""
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"
