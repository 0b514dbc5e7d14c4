"""Artifacts in an object store, with copies in a folder of this host, which programs read as files.

A copy has the name of its artifact, and its hash was checked when it was fetched. Several processes share the folder.
When there are too many bytes of copies, or the disk is nearly full, those used longest ago are evicted: except those
that a process has open (with a shared lock on the file), and recent ones, which may be outputs that are not uploaded
yet.
"""

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

from engine.artifacts.local import CHUNK_BYTES, Artifacts, StoredFile
from engine.artifacts.s3 import ArtifactStoreError, ObjectStore, WrongContent
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

RECENT_SECONDS = 600.0
"""A copy that was used since then is not evicted: nobody has an output open between its node process and the upload."""
SPARE_BYTES = 64 * 1024 * 1024
"""Copies are evicted to leave this much of the disk free."""
EVICTION_SECONDS = 10.0
"""The folder is searched for copies to evict at most this often."""
INCOMING_SECONDS = 86_400.0
"""A fetch that began so long ago has failed, and its file is deleted."""
RENEW_SECONDS = 1800.0
"""`renew` uploads an object again that is older than this. Retention deletes none that is younger than an hour."""


@cache
def cached_artifacts(root: str, url: str, bytes_max: int) -> "CachedArtifacts":
    """Return the one object of this process, so that its connections are reused."""
    return CachedArtifacts(root, ObjectStore(url), bytes_max)


class CachedArtifacts(Artifacts):
    """Artifacts in `store`, with at most `bytes_max` of copies in `root`."""

    def __init__(self, root: str | os.PathLike[str], store: ObjectStore, bytes_max: int) -> None:
        super().__init__(root)
        self.store = store
        self.bytes_max = bytes_max
        self.incoming = os.path.join(self.root, "incoming")
        self._fetching = [threading.Lock() for _ in range(16)]
        """One lock for each first digit of a name, so that the threads of this process do not fetch an object twice."""
        self._evict_at = 0.0

    # Writing: first the copy, then the object.

    def add_staged(self, staged: str, suffix: str = "") -> str:
        name = super().add_staged(staged, suffix)
        self.upload(name)
        return name

    def put_bytes(self, data: bytes, suffix: str = "", *, claim: str = "put") -> str:
        name = super().put_bytes(data, suffix, claim=claim)
        self.upload(name)
        return name

    def upload(self, name: str) -> None:
        """Upload the copy, also if the object exists: it counts as stored now, and wrong content is replaced.

        Raises ArtifactStoreError, and FileNotFoundError if there is no copy.
        """
        with self._open_locked(name) as file:
            self.store.put(file.name, name)
        self.evict()

    def renew(self, name: str) -> None:
        """Upload an object again unless it is recent, so that retention does not delete it."""
        found = self.store.find(name)
        if found is None or found[1] < time.time() - RENEW_SECONDS:
            with self.as_file(name):
                self.upload(name)

    # Reading: through the copy.

    @contextmanager
    def as_file(self, name: str) -> Iterator[Path]:
        with self.open(name) as file:
            yield Path(file.name)

    def open(self, name: str) -> IO[bytes]:
        """Open the copy, fetched if necessary; it stays while the file is open.

        Raises FileNotFoundError if there is no such object, WrongContent, ArtifactStoreError.
        """
        found = self.open_copy(name)
        if found is not None:
            return found
        with self._fetching[int(name[0], 16)]:
            while (found := self.open_copy(name)) is None:
                try:
                    self._fetch(name)
                except ArtifactStoreError as error:
                    if not error.is_full or not self.evict(now=True, spare=sys.maxsize):
                        raise
        self.evict()
        return found

    def open_copy(self, name: str) -> IO[bytes] | None:
        """Open the copy if there is one; it stays while the file is open."""
        try:
            return self._open_locked(name)
        except FileNotFoundError:
            return None

    def _open_locked(self, name: str) -> IO[bytes]:
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
            # It was evicted and fetched again while we waited for the lock.
            file.close()

    def _fetch(self, name: str) -> None:
        os.makedirs(self.incoming, mode=0o700, exist_ok=True)
        path = os.path.join(self.incoming, os.urandom(8).hex())
        try:
            self.store.get(name, path)
            self._check(name, path)
            with open(path, "rb") as file:
                os.fchmod(file.fileno(), 0o400)
                # Otherwise a power failure could leave the name without its content.
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

    # The objects in the store.

    def exists(self, name: str) -> bool:
        self.path(name)
        return self.store.find(name) is not None

    def delete(self, name: str) -> bool:
        existed = self.exists(name)
        self.delete_all([name])
        return existed

    def delete_all(self, names: list[str]) -> None:
        for name in names:
            super().delete(name)
        self.store.delete(names)

    def stored_at(self, name: str) -> float | None:
        self.path(name)
        found = self.store.find(name)
        return found[1] if found else None

    def files(self) -> Iterator[StoredFile]:
        # By folder, because a listing of millions would not fit into memory.
        for folder in self.store.folders():
            for name, size, at in self.store.folder(folder):
                if self.is_name(name):
                    yield StoredFile(name, size, at)

    # The copies.

    def evict(self, *, now: bool = False, spare: int = SPARE_BYTES) -> int:
        """Delete the copies used longest ago until they are small enough and `spare` bytes of their disk are free.

        Return how many were deleted.
        """
        if not now and time.monotonic() < self._evict_at:
            return 0
        self._evict_at = time.monotonic() + EVICTION_SECONDS
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        with open(os.path.join(self.root, "trimming"), "wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Another process evicts.
                return 0
            self._delete_failed_fetches()
            copies = sorted(super().files(), key=lambda entry: entry.stored_at)
            disk = os.statvfs(self.root)
            missing = spare - disk.f_bavail * disk.f_frsize
            wanted = max(sum(entry.size for entry in copies) - self.bytes_max, missing)
            evicted = 0
            for entry in copies:
                if wanted <= 0 or entry.stored_at > time.time() - RECENT_SECONDS:
                    break
                if self._evict_copy(entry.name):
                    wanted -= entry.size
                    evicted += 1
            return evicted

    def _evict_copy(self, name: str) -> bool:
        """Delete a copy unless a process has it open or has just used it."""
        path = self.path(name)
        try:
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_mtime > time.time() - RECENT_SECONDS:
                    return False
                os.unlink(path)
                return True
        except OSError:
            return False

    def _delete_failed_fetches(self) -> None:
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.incoming):
                with suppress(FileNotFoundError):
                    if entry.stat().st_mtime < time.time() - INCOMING_SECONDS:
                        os.unlink(entry.path)
