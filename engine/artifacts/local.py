"""Artifacts in a folder: files named by the hash of their content, written once and never changed.

A name is `ab/abcdef….parquet`: the SHA-256 in hex in a folder of its first two digits, with a suffix for people. Files
are written under `staging/`, made durable and then renamed, so a file that has its name is complete. The database knows
which artifacts are in use. `engine.artifacts.cached` is for an object store; node processes only know folders.
"""

from __future__ import annotations

import os
import re

from engine import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO

CHUNK_BYTES = 1024 * 1024
_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}(\.[a-z]{1,10})?")


class StoredFile:
    """An artifact in a listing."""

    __slots__ = ("name", "size", "stored_at")

    def __init__(self, name: str, size: int, stored_at: float) -> None:
        self.name = name
        self.size = size
        """Bytes."""
        self.stored_at = stored_at
        """Unix time when it was last stored, also if it was there already."""


class Artifacts:
    """Artifacts in a folder of this host."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.fspath(root)
        self.staging = os.path.join(self.root, "staging")

    def stage(self, claim: str, suffix: str = "") -> str:
        """Return the path of a file to create, for `add_staged`; its name begins with `claim`."""
        os.makedirs(self.staging, mode=0o700, exist_ok=True)
        return os.path.join(self.staging, f"{claim}-{os.urandom(4).hex()}{suffix}")

    def add_staged(self, staged: str, suffix: str = "") -> str:
        """Make an artifact of a file under `staging`, which is moved; return its name."""
        import hashlib

        digest = hashlib.sha256()
        with open(staged, "rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            size = os.fstat(file.fileno()).st_size
            name = _name_of(digest.hexdigest(), suffix)
            if self._refresh(name, size):
                os.unlink(staged)
                return name
            _seal(file.fileno())
        self._rename(staged, name)
        return name

    def put_bytes(self, data: bytes, suffix: str = "", *, claim: str = "put") -> str:
        """Store `data`; return the artifact's name."""
        import hashlib

        name = _name_of(hashlib.sha256(data).hexdigest(), suffix)
        if self._refresh(name, len(data)):
            return name
        staged = self.stage(claim, suffix)
        try:
            with open(staged, "xb", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                faults.point("artifact.before_seal")
                _seal(file.fileno())
            faults.point("artifact.before_rename")
            self._rename(staged, name)
        except BaseException:
            _unlink(staged)
            raise
        return name

    def path(self, name: str) -> Path:
        """Return the path of an artifact. Raises ValueError if `name` is not an artifact's name."""
        from pathlib import Path

        if not self.is_name(name):
            raise ValueError(f"{name!r} is no name of an artifact.")
        return Path(self.root, name)

    def is_name(self, name: str) -> bool:
        return _NAME.fullmatch(name) is not None

    def as_file(self, name: str) -> AbstractContextManager[Path]:
        """Return a context with the path of the artifact, which exists within it. Raises what `open` raises."""
        from contextlib import nullcontext

        self.open(name).close()
        return nullcontext(self.path(name))

    def open(self, name: str) -> IO[bytes]:
        return open(self.path(name), "rb")

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def delete(self, name: str) -> bool:
        """Delete an artifact; return False if it did not exist."""
        return _unlink(self.path(name))

    def delete_all(self, names: list[str]) -> None:
        """Delete artifacts; some may not exist."""
        for name in names:
            self.delete(name)

    def stored_at(self, name: str) -> float | None:
        """Return the unix time when the artifact was last stored; None if it does not exist."""
        try:
            return os.stat(self.path(name)).st_mtime
        except FileNotFoundError:
            return None

    def files(self) -> Iterator[StoredFile]:
        """Yield all artifacts, folder by folder."""
        for folder in sorted(_listed(self.root)):
            if len(folder) != 2:
                continue
            for file in _listed(os.path.join(self.root, folder)):
                name = f"{folder}/{file}"
                if self.is_name(name):
                    try:
                        found = os.stat(os.path.join(self.root, name))
                    except FileNotFoundError:
                        continue
                    yield StoredFile(name, found.st_size, found.st_mtime)

    def discard(self, claim: str) -> None:
        """Delete what an attempt has staged and not added."""
        for file in _listed(self.staging):
            if file.startswith(f"{claim}-"):
                _unlink(os.path.join(self.staging, file))

    def _refresh(self, name: str, size: int) -> bool:
        """Return whether the artifact exists. If so, it counts as stored now, so that retention does not delete it."""
        path = os.path.join(self.root, name)
        try:
            if os.stat(path).st_size != size:
                return False
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _rename(self, staged: str, name: str) -> None:
        path = os.path.join(self.root, name)
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.replace(staged, path)
        # The name must survive a power failure too, because the database will refer to it.
        for durable in (folder, self.root):
            descriptor = os.open(durable, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _seal(descriptor: int) -> None:
    """Make the content durable, and read-only for code that opens an input for writing by mistake."""
    os.fchmod(descriptor, 0o400)
    os.fsync(descriptor)


def _name_of(digest: str, suffix: str) -> str:
    return f"{digest[:2]}/{digest}{suffix}"


def _unlink(path: str | os.PathLike[str]) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
