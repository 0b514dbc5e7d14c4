"""The locks of a home: `up` and each `web` hold one while they run, and write into it their process id and URL."""

import fcntl
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

LOCK: Final = "up.lock"
"""Name of the lock file in the home's run folder."""


class Refused(Exception):
    """`up` cannot continue; the message is for people."""


@dataclass(frozen=True)
class RunningUp:
    """The `up`, or a `web`, that uses a home. `pid` is 0 and `address` empty while it starts."""

    pid: int
    address: str
    public: str = ""
    """Where people find it, if that is another URL: a proxy's."""

    def __str__(self) -> str:
        return f"process {self.pid}, {self.address}" + (f", to others {self.public}" if self.public else "")


def running_up(folder: Path) -> RunningUp | None:
    """Return the `up` that uses the home with this run folder; None if none does."""
    return _holder(folder / LOCK)


def running_webs(folder: Path) -> list[RunningUp]:
    """Return the `web` processes that use the home with this run folder."""
    found = (_holder(path) for path in sorted(folder.glob("web-*.lock")))
    return [one for one in found if one is not None]


def record_web(folder: Path, port: int, web: RunningUp) -> IO[str] | None:
    """Record that `web` serves. Return the file that must stay open meanwhile; None if it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (folder / f"web-{port}.lock").open("a+")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    _write(file, web)
    return file


def _write(file: IO[str], holder: RunningUp) -> None:
    file.seek(0)
    file.truncate()
    file.write(str(holder))
    file.flush()


def _holder(path: Path) -> RunningUp | None:
    try:
        file = path.open()
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = re.fullmatch(r"process (\d+), ([^\s,]+)(?:, to others (\S+))?", file.read())
            return RunningUp(int(found[1]), found[2], found[3] or "") if found else RunningUp(0, "")
    return None


class HomeLock:
    """Prevents a second `up` in the same home while this process lives."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(exist_ok=True, mode=0o700)
            self._file = (folder / LOCK).open("a+")
        except OSError as error:
            raise Refused(
                f"The folder {folder} cannot be used: {error.strerror}. Set INTERLOCK_HOME to a writable folder."
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            description = self._file.read().strip()
            self._file.close()
            raise Refused(
                f"Another `up` is already using the home {folder.parent}"
                + (f" ({description})" if description else "")
                + ". Stop it first, or set INTERLOCK_HOME to another folder."
            ) from None

    def describe(self, holder: RunningUp) -> None:
        """Write into the lock who holds it."""
        _write(self._file, holder)
