"""The files under INTERLOCK_HOME/files: uploads for nodes, and results that nodes write.

A user's path is opened one folder at a time, starting from a descriptor of the root, without following links: neither
`..`, nor a symlink, nor one that is swapped in meanwhile leads outside. An upload is written to a staging folder,
synced and then renamed, so that nobody sees a partial file.
"""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, BinaryIO

from django.utils.translation import gettext as _

from dashboard.outage import FULL
from engine.errors import InterlockError, InvalidValue, NotFound

STAGING = ".uploads"
STAGED_SECONDS_MAX = 24 * 3600
PATH_MAX, NAME_BYTES_MAX, DEPTH_MAX = 1024, 255, 20
CHUNK_BYTES = 1024 * 1024
DISK_RESERVE_BYTES = 64 * 1024 * 1024
LISTED_MAX = 100_000
"""Entries that a listing of all files includes at most. Further ones are found by listing their folder."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class BadPath(InvalidValue):
    code = "bad_path"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            _('"%(path)s" is not a valid file path: %(why)s') % {"path": path[:200], "why": why}, path="path"
        )


class Incomplete(InterlockError):
    """The body ended early; nothing was stored."""

    code = "incomplete_upload"

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            _("The upload ended after %(found)d of %(expected)d bytes; nothing was stored. Send it again.")
            % {"found": found, "expected": expected}
        )


class DiskFull(InterlockError):
    code = "storage_full"

    def __init__(self) -> None:
        super().__init__(_("Not enough disk space for this file. Nothing was stored."))


class IsFolder(InterlockError):
    code = "is_folder"

    def __init__(self, path: str) -> None:
        super().__init__(_('"%(path)s" is a folder, not a file.') % {"path": path})


@dataclass(frozen=True)
class Entry:
    path: str
    """Relative to the root, with slashes."""
    bytes: int
    modified_at: datetime


class Files:
    """The files of one installation. `root` itself may be a symlink, because whoever installed Interlock chose it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)

    def entries(self, under: str = "") -> list[Entry]:
        """Return all files below a folder ("" for the root), by path. Links and special files are left out.

        Raises NotFound, BadPath.
        """
        parts = split(under) if under else []
        found: list[Entry] = []
        with self._folder(parts) as folder:
            self._collect(folder, "/".join(parts), found, depth=len(parts))
        return sorted(found, key=lambda entry: entry.path)

    def _collect(self, folder: int, prefix: str, found: list[Entry], depth: int) -> None:
        with os.scandir(folder) as listing:
            for item in listing:
                if len(found) >= LISTED_MAX or (not prefix and item.name == STAGING):
                    continue
                path = f"{prefix}/{item.name}" if prefix else item.name
                try:
                    path.encode()
                    if item.is_file(follow_symlinks=False):
                        found.append(_entry(path, item.stat(follow_symlinks=False)))
                    elif item.is_dir(follow_symlinks=False) and depth < DEPTH_MAX:
                        inner = os.open(item.name, _FOLDER, dir_fd=folder)
                        try:
                            self._collect(inner, path, found, depth + 1)
                        finally:
                            os.close(inner)
                except (OSError, UnicodeEncodeError):
                    # The entry has gone or was swapped meanwhile, or its name is not valid text: leave it out.
                    continue

    def open(self, path: str) -> tuple[BinaryIO, Entry]:
        """Open a regular file. Raises NotFound, BadPath, IsFolder."""
        *parents, name = split(path)
        with self._folder(parents) as folder:
            try:
                # Do not block: opening a named pipe would wait for its writer forever.
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except OSError as error:
                raise _missing(path, error) from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise IsFolder(path)
            raise NotFound(_('No such file: "%(path)s".') % {"path": path}, path=path)
        return os.fdopen(descriptor, "rb"), _entry("/".join([*parents, name]), status)

    def write(self, path: str, body: IO[bytes], length: int) -> tuple[Entry, bool]:
        """Store a body of `length` bytes at `path`. Return its entry, and whether it is new.

        Creates missing folders. The old content stays until the new content is complete and synced. Raises BadPath,
        IsFolder, Incomplete, DiskFull.
        """
        *parents, name = split(path)
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        with self._folder([]) as root:
            staging = _made(root, STAGING)
            try:
                self._room(root, length)
                _clean(staging)
                staged = secrets.token_hex(16)
                try:
                    _copy(staging, staged, body, length)
                    with self._folder(parents, make=True) as folder:
                        created = _check_place(folder, name, path)
                        os.rename(staged, name, src_dir_fd=staging, dst_dir_fd=folder)
                        os.fsync(folder)
                        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except OSError as error:
                    if error.errno in FULL:
                        raise DiskFull from None
                    raise
                finally:
                    _unlink(staged, staging)
            finally:
                os.close(staging)
        return _entry("/".join([*parents, name]), status), created

    def delete(self, path: str) -> None:
        """Delete a file and the folders that become empty. Raises NotFound, BadPath, IsFolder."""
        *parents, name = split(path)
        with self._folder(parents) as folder:
            try:
                if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise IsFolder(path)
                os.unlink(name, dir_fd=folder)
            except OSError as error:
                raise _missing(path, error) from None
        while parents:
            *parents, last = parents
            try:
                with self._folder(parents) as folder:
                    os.rmdir(last, dir_fd=folder)
            except (OSError, InterlockError):
                return

    @contextmanager
    def _folder(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """Open the folder `parts` below the root and yield its descriptor. Raises NotFound, BadPath."""
        try:
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(_("There are no files yet."), path="") from None
        try:
            for index, part in enumerate(parts):
                try:
                    inner = _made(folder, part) if make else os.open(part, _FOLDER, dir_fd=folder)
                except OSError as error:
                    where = "/".join(parts[: index + 1])
                    if make and error.errno in (errno.ENOTDIR, errno.ELOOP):
                        raise BadPath(where, _("a file or link with this name exists.")) from None
                    if make:
                        raise
                    raise _missing(where, error) from None
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    @staticmethod
    def _room(folder: int, wanted: int) -> None:
        disk = os.fstatvfs(folder)
        if disk.f_bavail * disk.f_frsize < wanted + DISK_RESERVE_BYTES:
            raise DiskFull


def split(path: str) -> list[str]:
    """Split a relative path into its parts. Raises BadPath. Pure."""
    parts = path.split("/")
    if not path or len(path) > PATH_MAX or len(parts) > DEPTH_MAX:
        raise BadPath(path, _("it is empty, too long or has too many parts."))
    for part in parts:
        if part in ("", ".", ".."):
            raise BadPath(path, _('its parts must not be empty, "." or "..".'))
        if len(part.encode(errors="replace")) > NAME_BYTES_MAX:
            raise BadPath(path, _("one of its parts is longer than 255 bytes."))
        if any(character < " " or character in "\x7f\\\ufffd" for character in part):
            raise BadPath(path, _("it contains a control character or a backslash."))
        try:
            part.encode()
        except UnicodeEncodeError:
            raise BadPath("?", _("it is not UTF-8.")) from None
    if parts[0] == STAGING:
        raise BadPath(path, _("this folder is reserved for uploads in progress."))
    return parts


def _entry(path: str, status: os.stat_result) -> Entry:
    return Entry(path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _made(folder: int, name: str) -> int:
    """Create the folder `name` if necessary and return its descriptor."""
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        pass
    return os.open(name, _FOLDER, dir_fd=folder)


def _check_place(folder: int, name: str, path: str) -> bool:
    """Return whether the place is free. Raises IsFolder. A link with that name is replaced, never followed."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise IsFolder(path)
    except FileNotFoundError:
        return True
    return False


def _copy(staging: int, name: str, body: IO[bytes], length: int) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=staging)
    written = 0
    with os.fdopen(descriptor, "wb") as file:
        while written < length:
            try:
                chunk = body.read(min(CHUNK_BYTES, length - written))
            except OSError:
                # Django raises an OSError when the client disconnects. Errors of the disk come from write().
                raise Incomplete(length, written) from None
            if not chunk:
                break
            file.write(chunk)
            written += len(chunk)
        if written < length:
            raise Incomplete(length, written)
        file.flush()
        os.fsync(file.fileno())


def _clean(staging: int) -> None:
    """Remove leftovers of uploads that were killed."""
    limit = time.time() - STAGED_SECONDS_MAX
    for name in os.listdir(staging):
        try:
            if os.stat(name, dir_fd=staging, follow_symlinks=False).st_mtime < limit:
                os.unlink(name, dir_fd=staging)
        except OSError:
            continue


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass


def _missing(path: str, error: OSError) -> InterlockError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
        return NotFound(_('No such file: "%(path)s".') % {"path": path}, path=path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return BadPath(path, _("the server has no permission to open it."))
    raise error
