"""The attempt's own folder: its HOME and working directory, gone when it ends.

Making and deleting a folder waits for the file system's journal, which the database keeps busy: hundreds of
microseconds where a rename takes fifteen. So an emptied folder is kept as long as work follows work, under a name
of the process, and renamed for the next attempt.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Folders:
    """One process' folders; one attempt at a time."""

    def __init__(self) -> None:
        self._spare: str | None = None

    def enter(self, path: str) -> None:
        """Make the folder `path`, empty and for this user alone, and go into it."""
        spare, self._spare = self._spare, None
        if spare is None or not _renamed(spare, path):
            try:
                os.mkdir(path, 0o700)
            except FileNotFoundError:
                os.makedirs(path, 0o700, exist_ok=True)
            except FileExistsError:
                pass
        os.chdir(path)

    def leave(self, path: str) -> bool:
        """Empty the folder `path` and give it up; whether nothing of it is left."""
        os.chdir("/")
        try:
            # A link that the author put there is deleted itself, never gone through.
            left = [path] if os.path.islink(path) else os.listdir(path)
        except OSError:
            left = [path]
        if left or self._spare is not None:
            return remove(path)
        spare = f"{os.path.dirname(path)}/.spare-{os.getpid()}"
        if not _renamed(path, spare):
            return remove(path)
        self._spare = spare
        os.chmod(spare, 0o700)
        return True

    def idle(self) -> None:
        """No work follows for now: nothing is kept."""
        if self._spare is not None:
            remove(self._spare)
            self._spare = None


def _renamed(path: str, to: str) -> bool:
    try:
        os.rename(path, to)
    except OSError:
        return False
    return True


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
