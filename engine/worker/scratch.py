"""The folder of a node process: HOME and working directory of each of its attempts, which finds it empty.

Making and deleting a folder waits for the file system's journal, which the database keeps busy: hundreds of
microseconds. So it is made once, and deleted only when an attempt has put something into it or changed it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Folder:
    """The folder under `path`; one attempt at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._made: tuple[int, ...] | None = None
        """What the empty folder looks like from outside; None: there is none."""

    def enter(self) -> None:
        """Go into the folder, which is empty and for this user alone."""
        if self._made is not None:
            try:
                os.chdir(self.path)
                return
            except FileNotFoundError:
                # Somebody has tidied up behind our back.
                pass
        os.makedirs(self.path, 0o700, exist_ok=True)
        os.chdir(self.path)
        self._made = _look(self.path)

    def leave(self) -> bool:
        """Empty the folder; whether nothing of the attempt is left in it."""
        try:
            if self._made == _look(self.path) and not os.listdir(self.path):
                return True
        except OSError:
            pass
        self._made = None
        os.chdir("/")
        return remove(self.path)


def _look(path: str) -> tuple[int, ...]:
    """Which folder it is and who may use it; of a link, the link itself."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid


def open_up(function: Any, name: str, error: object) -> None:
    """`onerror` of rmtree: delete what the author made unreadable, for it is still ours."""
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
    """Delete a folder with all that is in it; whether it is gone. Follows no link."""
    try:
        os.rmdir(path)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        pass
    import shutil

    if os.path.islink(path) or not os.path.isdir(path):
        # The author put something else in its place.
        os.unlink(path)
    else:
        shutil.rmtree(path, onerror=open_up)
    return not os.path.lexists(path)
