"""Artifacts as objects of an S3 server: put, fetched, listed and deleted, each by its name under one URL.

The package that speaks to the server is an extra, loaded when it is first needed, and finds its credentials where all
programs for S3 do: in the variables AWS_..., which node processes do not get.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from engine.sentences import Sentence
from engine.sentences import gettext_noop as _

CONNECT_SECONDS = 3
READ_SECONDS = 20
PUT_SECONDS = 60.0
PUT_BYTES_A_SECOND = 1_000_000
"""How long a put may take: so long, and its size at so much a second."""
TRIES = 3
"""Of each request."""


class ArtifactStoreError(OSError):
    """The object store could not be used; `sentence` names INTERLOCK_ARTIFACTS and says what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence

    @property
    def is_full(self) -> bool:
        """Whether the reason is that the disk of this host is full."""
        return _is_full(self.__cause__)


class WrongContent(ArtifactStoreError):
    """The content of an object does not match its name, which is its hash."""


class ObjectStore:
    """Objects under `url`, s3://bucket/prefix. For any number of threads."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.root = self.url.partition("://")[2]
        self._lock = threading.Lock()
        self._opened: Any = None

    def put(self, path: str, name: str) -> None:
        """Store the file at `path`; the object is there as a whole or not at all. Raises ArtifactStoreError."""
        seconds = PUT_SECONDS + os.stat(path).st_size / PUT_BYTES_A_SECOND

        def put(files: Any) -> None:
            from fsspec.asyn import sync

            # By itself the driver waits for ever for a server that answers nothing to "Expect: 100-continue".
            sync(files.loop, files._put_file, path, self._key(name), timeout=seconds)

        self._do("write", name, put)

    def get(self, name: str, path: str) -> None:
        """Write the object into the file at `path`. Raises FileNotFoundError when there is none, ArtifactStoreError."""
        self._do("read", name, lambda files: files.get_file(self._key(name), path))

    def find(self, name: str) -> tuple[int, float] | None:
        """(bytes, unix time when it was last put, by the server's clock); None: it is not there. Raises
        ArtifactStoreError."""
        try:
            found = self._do("read", name, lambda files: files.info(self._key(name)))
        except FileNotFoundError:
            return None
        return int(found["size"]), found["LastModified"].timestamp()

    def folders(self) -> list[str]:
        """Names of the folders that there are. Raises ArtifactStoreError."""
        try:
            entries = self._do("list", "its folders", lambda files: files.ls(self.root, detail=True))
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "directory")

    def folder(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """(name, bytes, unix time when it was last put) of the objects of one folder. Raises ArtifactStoreError."""
        try:
            entries = self._do("list", folder, lambda files: files.ls(self._key(folder), detail=True))
        except FileNotFoundError:
            return
        for entry in entries:
            if entry["type"] == "file":
                name = f"{folder}/{entry['name'].rpartition('/')[2]}"
                yield name, int(entry["size"]), entry["LastModified"].timestamp()

    def delete(self, names: Sequence[str]) -> None:
        """Those that are gone already are no error. Raises ArtifactStoreError."""
        if names:
            self._do("delete", names[0], lambda files: files.rm([self._key(name) for name in names]))

    def _key(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _do(self, verb: str, name: str, action: Any) -> Any:
        files = self._files()
        try:
            return action(files)
        except Exception as error:
            # The driver lets errors of three libraries through, of no common class.
            if isinstance(error, FileNotFoundError) and not _is_no_bucket(error):
                raise FileNotFoundError(f"There is no object {self.url}/{name}.") from None
            raise ArtifactStoreError(self._sentence(verb, name, error)) from error

    def _sentence(self, verb: str, name: str, error: Exception) -> Sentence:
        kind = type(error).__name__
        if _is_no_bucket(error):
            template = _("INTERLOCK_ARTIFACTS is {url}, but there is no such bucket. Create it, or correct the name.")
        elif isinstance(error, PermissionError):
            template = _(
                "INTERLOCK_ARTIFACTS is {url}, but access to its objects is denied: {error} (to {verb} {name}). Check "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the server, and the permissions of that key."
            )
        elif kind in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError"):
            template = _(
                "INTERLOCK_ARTIFACTS is {url}, but there are no credentials for it. Set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY for every process of Interlock on this host."
            )
        elif kind in _NO_ANSWER:
            template = _(
                "INTERLOCK_ARTIFACTS is {url}, but its server does not answer: {error}. Check the server, the network "
                "and AWS_ENDPOINT_URL (default: Amazon)."
            )
        elif _is_full(error):
            template = _(
                "INTERLOCK_ARTIFACTS is {url}, but the disk of INTERLOCK_HOME is full: there is no room for a copy of "
                "{name}."
            )
        else:
            template = _("INTERLOCK_ARTIFACTS is {url}, but it failed to {verb} {name}: {kind}: {error}.")
        values = {"url": self.url, "verb": verb, "name": name, "kind": kind, "error": _told(error)}
        return Sentence(template, values)

    def _files(self) -> Any:
        """The driver. Raises ArtifactStoreError where it is not installed, or its configuration is of no use."""
        with self._lock:
            if self._opened is None:
                try:
                    import s3fs
                except ModuleNotFoundError as error:
                    if error.name != "s3fs":
                        raise
                    message = _(
                        "INTERLOCK_ARTIFACTS is {url}, which needs the package s3fs, but it is not installed in "
                        "{place}. Install it with: make install-s3"
                    )
                    raise ArtifactStoreError(Sentence(message, {"url": self.url, "place": sys.prefix})) from None
                try:
                    opened = s3fs.S3FileSystem(
                        skip_instance_cache=True,
                        use_listings_cache=False,
                        config_kwargs={
                            "connect_timeout": CONNECT_SECONDS,
                            "read_timeout": READ_SECONDS,
                            "retries": {"total_max_attempts": TRIES},
                        },
                    )
                    # botocore's tries, not five of those again.
                    opened.retries = 1
                    self._opened = opened
                except Exception as error:
                    raise ArtifactStoreError(self._sentence("use", "it", error)) from error
            return self._opened


_NO_ANSWER = frozenset(
    (
        "FSTimeoutError",
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
    )
)


def _is_no_bucket(error: BaseException) -> bool:
    return type(error.__cause__).__name__ == "NoSuchBucket" or "NoSuchBucket" in str(error)


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:300] or ("no answer in time" if type(error).__name__ == "FSTimeoutError" else type(error).__name__)
