"""Artifacts in an object store, with copies in a folder of this host, which programs read as files.

A copy has the name of its artifact and was compared with it when it was fetched. Several processes share the folder.
Copies that were used longest ago are deleted when there are more bytes of them than agreed, or the disk is nearly full.
Not one that somebody holds (a shared lock on the file), nor a fresh one: it may be an output on its way to the store.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from engine.artifacts.local import CHUNK_BYTES, Artifacts, Entry
from engine.artifacts.s3 import ArtifactStoreError, ObjectStore, WrongContent
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

FRESH_SECONDS = 600.0
"""A copy touched since then is not deleted: between its making in a node process and its way to the store nobody
holds it."""
SPARE_BYTES = 64 * 1024 * 1024
"""Copies leave so much of the disk free, where they can."""
TRIM_SECONDS = 10.0
"""The folder is not looked through more often."""
INCOMING_SECONDS = 86_400.0
"""What was begun to be fetched so long ago is nobody's any more."""
PUT_AGAIN_SECONDS = 1800.0
"""An object that was put since then is left as it is by `keep`; prune takes none that is younger than an hour."""


@cache
def stored_artifacts(root: str, url: str, bytes_max: int) -> StoredArtifacts:
    """One for all of a process, so that connections are used again."""
    return StoredArtifacts(root, ObjectStore(url), bytes_max)


class StoredArtifacts(Artifacts):
    """Artifacts in `store`; `root` has the copies, `bytes_max` of them."""

    def __init__(self, root: str | os.PathLike[str], store: ObjectStore, bytes_max: int) -> None:
        super().__init__(root)
        self.store = store
        self.bytes_max = bytes_max
        self.incoming = os.path.join(self.root, "incoming")
        self._fetching = [threading.Lock() for _ in range(16)]
        """So that one process fetches an object once; by the first digit of its name."""
        self._trim_at = 0.0

    # Writing: first the file, then the object.

    def adopt(self, staged: str, suffix: str = "") -> str:
        name = super().adopt(staged, suffix)
        self.upload(name)
        return name

    def put_bytes(self, data: bytes, suffix: str = "", *, claim: str = "put") -> str:
        name = super().put_bytes(data, suffix, claim=claim)
        self.upload(name)
        return name

    def upload(self, name: str) -> None:
        """Put the copy that is here into the store, whether or not the object is there: that makes it young again, and
        mends a broken one. Raises FileNotFoundError when it is not here, ArtifactStoreError."""
        with self._lock(name) as file:
            self.store.put(file.name, name)
        self.trim()

    def keep(self, name: str) -> None:
        """See to it that prune does not take an object that has been there: put it again when it is not young."""
        found = self.store.find(name)
        if found is None or found[1] < time.time() - PUT_AGAIN_SECONDS:
            with self.held(name):
                self.upload(name)

    # Reading: through the copy.

    @contextmanager
    def held(self, name: str) -> Iterator[Path]:
        with self.open(name) as file:
            yield Path(file.name)

    def open(self, name: str) -> IO[bytes]:
        """The copy, fetched if need be; it stays while the file is open. Raises FileNotFoundError when there is no such
        object, WrongContent, ArtifactStoreError."""
        found = self.open_copy(name)
        if found is not None:
            return found
        with self._fetching[int(name[0], 16)]:
            while (found := self.open_copy(name)) is None:
                try:
                    self._fetch(name)
                except ArtifactStoreError as error:
                    if not error.is_full or not self.trim(now=True, spare=sys.maxsize):
                        raise
        self.trim()
        return found

    def open_copy(self, name: str) -> IO[bytes] | None:
        """The copy, as long as it is here already; it stays while the file is open."""
        try:
            return self._lock(name)
        except FileNotFoundError:
            return None

    def _lock(self, name: str) -> IO[bytes]:
        path = self.path(name)
        while True:
            file = open(path, "rb")  # noqa: SIM115 - the caller's
            try:
                fcntl.flock(file, fcntl.LOCK_SH)
                os.utime(path)
                if os.fstat(file.fileno()).st_ino == os.stat(path).st_ino:
                    return file
            except BaseException:
                file.close()
                raise
            # It was deleted, and is there again, while we waited for the lock.
            file.close()

    def _fetch(self, name: str) -> None:
        os.makedirs(self.incoming, mode=0o700, exist_ok=True)
        path = os.path.join(self.incoming, os.urandom(8).hex())
        try:
            self.store.get(name, path)
            self._check(name, path)
            with open(path, "rb") as file:
                os.fchmod(file.fileno(), 0o400)
                # Or after a power cut there could be a name without its content.
                os.fsync(file.fileno())
            self._rename(path, name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _check(self, name: str, path: str) -> None:
        digest = hashlib.sha256()
        size = 0
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
        if digest.hexdigest() != name[3:67]:
            message = _(
                "INTERLOCK_ARTIFACTS: the content of {object} does not match its name: {n:,} bytes with another hash. "
                "It was changed or truncated outside Interlock. Restore it from a backup, or retry the node that made "
                "it."
            )
            raise WrongContent(Sentence(message, {"object": f"{self.store.url}/{name}", "n": size}))

    # All of them, in the store.

    def exists(self, name: str) -> bool:
        self.path(name)
        return self.store.find(name) is not None

    def delete(self, name: str) -> bool:
        there = self.exists(name)
        self.delete_all([name])
        return there

    def delete_all(self, names: list[str]) -> None:
        for name in names:
            super().delete(name)
        self.store.delete(names)

    def touched(self, name: str) -> float | None:
        self.path(name)
        found = self.store.find(name)
        return found[1] if found else None

    def entries(self) -> Iterator[Entry]:
        # By folder: a listing of millions would not fit into memory.
        for folder in self.store.folders():
            for name, size, at in self.store.folder(folder):
                if self.is_name(name):
                    yield Entry(name, size, at)

    # The copies.

    def trim(self, *, now: bool = False, spare: int = SPARE_BYTES) -> int:
        """Delete copies that were used longest ago while there are too many bytes of them, or fewer than `spare` are
        free on their disk; how many went."""
        if not now and time.monotonic() < self._trim_at:
            return 0
        self._trim_at = time.monotonic() + TRIM_SECONDS
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        with open(os.path.join(self.root, "trimming"), "wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Somebody else is at it.
                return 0
            self._forget_incoming()
            copies = sorted(super().entries(), key=lambda entry: entry.touched)
            disk = os.statvfs(self.root)
            missing = spare - disk.f_bavail * disk.f_frsize
            wanted = max(sum(entry.size for entry in copies) - self.bytes_max, missing)
            gone = 0
            for entry in copies:
                if wanted <= 0 or entry.touched > time.time() - FRESH_SECONDS:
                    break
                if self._drop(entry.name):
                    wanted -= entry.size
                    gone += 1
            return gone

    def _drop(self, name: str) -> bool:
        """Delete a copy unless somebody holds it, or has just used it."""
        path = self.path(name)
        try:
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_mtime > time.time() - FRESH_SECONDS:
                    return False
                os.unlink(path)
                return True
        except OSError:
            return False

    def _forget_incoming(self) -> None:
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.incoming):
                with suppress(FileNotFoundError):
                    if entry.stat().st_mtime < time.time() - INCOMING_SECONDS:
                        os.unlink(entry.path)
