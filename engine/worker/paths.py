"""Paths that nodes read and write: which are allowed, and which files they name."""

from __future__ import annotations

import os
import re
import stat

from engine.worker.errors import NoSuchFile, PathRefused, not_available_yet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GLOB_FILES_MAX = 10_000
DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs"}
"""Schemes of object storage that can be read -> the package that each needs."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:::[A-Za-z0-9+.:-]*)?://")


class Roots:
    """The folders that the paths of one attempt may lead to."""

    def __init__(self, files: str, data_roots: list[str], closed: list[str]) -> None:
        self.files = os.path.realpath(files)
        """Relative paths start here."""
        self.data_roots = [os.path.realpath(root) for root in data_roots]
        """Folders for absolute paths; empty for any folder."""
        self.closed = [os.path.realpath(folder) for folder in closed]
        """Folders of the installation, in which only `files` is open, whatever the data roots are."""

    @classmethod
    def of(cls, envelope: dict[str, Any]) -> Roots:
        """Return the folders that an envelope, or a question to the SQL checker, names."""
        return cls(envelope["files"], envelope.get("data_roots") or [], envelope["closed"])

    def to_read(self, path: str) -> list[str]:
        """Return the files that a path or a glob names, with links resolved: sorted, at least one.

        Raises PathRefused if one is outside the allowed folders, NoSuchFile if there is none.
        """
        full = self._full(path)
        if os.path.lexists(full) or not is_glob(path):
            return [self._readable(full, path)]
        import glob

        found: list[str] = []
        for name in glob.iglob(full, recursive=True):
            if os.path.isdir(name):
                continue
            found.append(self._readable(name, os.path.relpath(name, self.files) if self._is_relative(path) else name))
            if len(found) > GLOB_FILES_MAX:
                raise NoSuchFile(f'"{path}" matches more than {GLOB_FILES_MAX:,} files. Use a narrower pattern.')
        if not found:
            raise NoSuchFile(f'No file matches "{path}"{self._where(path)}.')
        return sorted(found)

    def to_write(self, path: str) -> str:
        """Return where the file `path` is to be written, with links resolved; create its folder.

        Raises PathRefused if it is outside the allowed folders, or names a link, a device or another special file.
        """
        full = self._full(path)
        if path.endswith("/") or os.path.isdir(full):
            raise PathRefused(f'"{path}" is a folder. Enter the path of a file.')
        folder = os.path.realpath(os.path.dirname(full))
        self._check(folder, path)
        os.makedirs(folder, exist_ok=True)
        # Another process may have created a link there meanwhile.
        self._check(os.path.realpath(folder), path)
        target = os.path.join(folder, os.path.basename(full))
        try:
            mode = os.lstat(target).st_mode
        except FileNotFoundError:
            return target
        if not stat.S_ISREG(mode):
            raise PathRefused(
                f'"{path}" is {_special(mode)}. Only files can be replaced; remove it or enter another path.'
            )
        return target

    def folder_of(self, path: str) -> str:
        """Return the folder of the file `path`, with links resolved; it need not exist. Raises PathRefused."""
        folder = os.path.realpath(os.path.dirname(self._full(path)))
        self._check(folder, path)
        return folder

    def _full(self, path: str) -> str:
        if "\0" in path:
            raise PathRefused("The path contains a NUL character. Remove it.")
        if not path.strip():
            raise PathRefused("The path is empty.")
        if scheme := url_scheme(path):
            raise not_available_yet(f"A URL as path of a file to write ({scheme}://...)")
        return os.path.join(self.files, path)

    def _readable(self, full: str, shown: str) -> str:
        real = os.path.realpath(full)
        self._check(real, shown)
        if not os.path.lexists(real):
            raise NoSuchFile(f'There is no file "{shown}"{self._where(shown)}.')
        if not os.path.isfile(real):
            what = "a folder; name the files in it, for example with /*.csv" if os.path.isdir(real) else "not a file"
            raise NoSuchFile(f'"{shown}" is {what}.')
        if not os.access(real, os.R_OK):
            raise NoSuchFile(f'"{shown}" cannot be read by the user that runs nodes.')
        return real

    def _check(self, real: str, shown: str) -> None:
        if _is_within(real, self.files):
            return
        if self._is_relative(shown):
            raise PathRefused(
                f'"{shown}" leads out of the files folder. A relative path must stay inside, also through links.'
            )
        if any(_is_within(real, folder) for folder in self.closed):
            raise PathRefused(
                f'"{shown}" is in a folder that belongs to Interlock. Of its home, nodes may use the files folder '
                f"({self.files})."
            )
        if not self.data_roots or any(_is_within(real, root) for root in self.data_roots):
            return
        raise PathRefused(
            f'"{shown}" is outside the folders that nodes may use: INTERLOCK_DATA_ROOTS allows '
            f"{', '.join(self.data_roots)}."
        )

    @staticmethod
    def _is_relative(path: str) -> bool:
        return not path.startswith("/")

    def _where(self, path: str) -> str:
        return f" in the files folder ({self.files})" if self._is_relative(path) else ""


def url_scheme(path: str) -> str:
    """Return `s3` for `s3://bucket/x.csv`; empty for a path, and for a URL that begins with an expression."""
    found = _URL.match(path)
    return found.group(1) if found else ""


def is_chained(url: str) -> bool:
    """Return whether fsspec would read `url` through another URL, whose scheme has not been checked."""
    return "::" in url


def _special(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def is_glob(path: str) -> bool:
    """Return whether `path` has the characters of a glob, which may also be part of a name."""
    return any(mark in path for mark in "*?[")
