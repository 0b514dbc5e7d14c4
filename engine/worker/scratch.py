"""The scratch folder of a node process: HOME and working directory of its attempts, empty when each begins.

Creating and deleting a folder waits for the journal of the file system, which the database keeps busy: hundreds of
microseconds. So it is created once, and deleted only if an attempt has put something into it or changed it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ScratchFolder:
    """The folder at `path`, used by one attempt at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._identity: tuple[int, ...] | None = None
        """Identity of the empty folder; None if there is none."""

    def enter(self) -> None:
        """Make the folder the working directory. It is empty, and only this user may read it."""
        if self._identity is not None:
            try:
                os.chdir(self.path)
                return
            except FileNotFoundError:
                # Something else has deleted it.
                pass
        os.makedirs(self.path, 0o700, exist_ok=True)
        os.chdir(self.path)
        self._identity = _identity(self.path)

    def leave(self) -> bool:
        """Empty the folder; return False if something of the attempt is left in it."""
        try:
            if self._identity == _identity(self.path) and not os.listdir(self.path):
                return True
        except OSError:
            pass
        self._identity = None
        os.chdir("/")
        return remove(self.path)


def _identity(path: str) -> tuple[int, ...]:
    """Return which folder it is and who may use it. A link is not followed."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid


def open_up(function: Any, name: str, error: object) -> None:
    """Delete what the author has made unreadable. Pass it as `onerror` to shutil.rmtree."""
    import shutil

    try:
        os.chmod(os.path.dirname(name), 0o700)
        if os.path.isdir(name) and not os.path.islink(name):
            os.chmod(name, 0o700)
            shutil.rmtree(name, ignore_errors=True)
        else:
            os.unlink(name)
    except OSError:
        pass


def remove(path: str) -> bool:
    """Delete a folder with its content, without following links; return False if it is still there."""
    try:
        os.rmdir(path)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        pass
    import shutil

    if os.path.islink(path) or not os.path.isdir(path):
        # The author has replaced it by something else.
        os.unlink(path)
    else:
        shutil.rmtree(path, onerror=open_up)
    return not os.path.lexists(path)
