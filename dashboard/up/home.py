"""Who has a home: `up` locks it for as long as it lives, and says into the lock who it is and where it is reached."""

from __future__ import annotations

import fcntl
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK: Final = "up.lock"
"""The file's name in the home's run folder."""


class Refused(Exception):
    """`up` cannot go on; the message is for people."""


@dataclass(frozen=True)
class Holder:
    """An `up` that has a home; `pid` 0 and no address while it starts."""

    pid: int
    address: str
    public: str = ""
    """Where people find it, when that is not the address: a proxy's."""

    def __str__(self) -> str:
        return f"process {self.pid}, {self.address}" + (f", to others {self.public}" if self.public else "")


def holder(folder: Path) -> Holder | None:
    """Who has the home whose run folder this is; None: nobody."""
    try:
        file = (folder / LOCK).open()
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = re.fullmatch(r"process (\d+), ([^\s,]+)(?:, to others (\S+))?", file.read())
            return Holder(int(found[1]), found[2], found[3] or "") if found else Holder(0, "")
    return None


class HomeLock:
    """Keeps a second `up` away from a home, for as long as this process lives."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(exist_ok=True, mode=0o700)
            self._file = (folder / LOCK).open("a+")
        except OSError as error:
            raise Refused(
                f"The folder {folder} cannot be used: {error.strerror}. Set INTERLOCK_HOME to a folder that you may "
                "write to."
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            told = self._file.read().strip()
            self._file.close()
            raise Refused(
                f"Another `up` already has the home {folder.parent}"
                + (f" ({told})" if told else "")
                + ". End it first, or set INTERLOCK_HOME to another folder."
            ) from None

    def describe(self, holder: Holder) -> None:
        """What others are told about this process."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(holder))
        self._file.flush()
