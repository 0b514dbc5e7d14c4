"""Artifacts as objects of an S3 server, by their names under one URL.

The driver is an optional package that is loaded when it is first needed. It finds its credentials where all S3 programs
do, in the variables AWS_..., which node processes do not get.
"""

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
"""An upload may take PUT_SECONDS, and longer by its size at this rate."""
TRIES = 3
"""For each request."""


class ArtifactStoreError(OSError):
    """The object store could not be used; `sentence` names INTERLOCK_ARTIFACTS and says what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence

    @property
    def is_full(self) -> bool:
        """Whether the disk of this host is full."""
        return _is_full(self.__cause__)


class WrongContent(ArtifactStoreError):
    """The content of an object does not match its name, which is its hash."""


class ObjectStore:
    """Objects under `url`, s3://bucket/prefix. For any number of threads."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.root = self.url.partition("://")[2]
        self._lock = threading.Lock()
        self._driver: Any = None

    def put(self, path: str, name: str) -> None:
        """Store the file at `path`, completely or not at all. Raises ArtifactStoreError."""
        seconds = PUT_SECONDS + os.stat(path).st_size / PUT_BYTES_A_SECOND

        def put(files: Any) -> None:
            from fsspec.asyn import sync

            # The driver waits for ever for a server that does not answer "Expect: 100-continue".
            sync(files.loop, files._put_file, path, self._key(name), timeout=seconds)

        self._do("write", name, put)

    def get(self, name: str, path: str) -> None:
        """Write the object to the file at `path`. Raises FileNotFoundError if it does not exist, ArtifactStoreError."""
        self._do("read", name, lambda files: files.get_file(self._key(name), path))

    def find(self, name: str) -> tuple[int, float] | None:
        """Return (bytes, unix time of the last put by the server's clock); None if the object does not exist.

        Raises ArtifactStoreError.
        """
        try:
            found = self._do("read", name, lambda files: files.info(self._key(name)))
        except FileNotFoundError:
            return None
        return int(found["size"]), found["LastModified"].timestamp()

    def folders(self) -> list[str]:
        """Return the names of the folders. Raises ArtifactStoreError."""
        try:
            entries = self._do("list", "its folders", lambda files: files.ls(self.root, detail=True))
        except FileNotFoundError:
            return []
        return sorted(entry["name"].rpartition("/")[2] for entry in entries if entry["type"] == "directory")

    def folder(self, folder: str) -> Iterator[tuple[str, int, float]]:
        """Yield (name, bytes, unix time of the last put) of the objects in one folder. Raises ArtifactStoreError."""
        try:
            entries = self._do("list", folder, lambda files: files.ls(self._key(folder), detail=True))
        except FileNotFoundError:
            return
        for entry in entries:
            if entry["type"] == "file":
                name = f"{folder}/{entry['name'].rpartition('/')[2]}"
                yield name, int(entry["size"]), entry["LastModified"].timestamp()

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; some may not exist. Raises ArtifactStoreError."""
        if names:
            self._do("delete", names[0], lambda files: files.rm([self._key(name) for name in names]))

    def _key(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _do(self, verb: str, name: str, action: Any) -> Any:
        files = self._files()
        try:
            return action(files)
        except Exception as error:
            # The driver raises errors of three libraries, which have no common class.
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
        values = {"url": self.url, "verb": verb, "name": name, "kind": kind, "error": _summary(error)}
        return Sentence(template, values)

    def _files(self) -> Any:
        """Return the driver. Raises ArtifactStoreError if it is not installed or wrongly configured."""
        with self._lock:
            if self._driver is None:
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
                    # botocore retries; the driver would repeat all of it five times.
                    opened.retries = 1
                    self._driver = opened
                except Exception as error:
                    raise ArtifactStoreError(self._sentence("use", "it", error)) from error
            return self._driver


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


def _summary(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:300] or ("no answer in time" if type(error).__name__ == "FSTimeoutError" else type(error).__name__)
