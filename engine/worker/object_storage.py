"""Copies objects of object storage that a node reads into the folder of the attempt.

The user installs the packages that access a storage. They find credentials in the environment; for nodes that is what
`INTERLOCK_NODE_ENV` lists.
"""

from __future__ import annotations

import os
import shutil
import sys

from engine.worker.errors import MissingPackage, NoSuchFile, PathRefused, python_name
from engine.worker.paths import DRIVERS, GLOB_FILES_MAX, is_chained, is_glob, url_scheme

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME_BYTES_MAX = 200
SPARE_BYTES = 64 * 1024 * 1024
"""Space that stays free on the disk beside the copies."""

_CREDENTIALS = "Credentials are taken from the variables listed in INTERLOCK_NODE_ENV."


def copy(url: str, folder: str, data_roots: list[str]) -> dict[str, str]:
    """Copy the objects that a URL or a glob names into the new folder `folder`.

    Return {file: URL}, sorted by URL, not empty. A file has the name of its object, below the folders of the object
    that are named key=value. Raises PathRefused, NoSuchFile or MissingPackage.
    """
    check(url, data_roots)
    scheme = url_scheme(url)
    storage = _storage(scheme, url)
    try:
        found = _find(storage, url)
        needed = sum(size for _, size in found)
        _make_room(needed, url, folder)
        copies: dict[str, str] = {}
        for at, (name, _) in enumerate(found):
            file = _place(folder, at, name)
            storage.get_file(name, file)
            copies[file] = f"{scheme}://{name}"
    except (NoSuchFile, PathRefused):
        raise
    except FileNotFoundError:
        raise NoSuchFile(f'There is no object "{url}".') from None
    except PermissionError as error:
        raise PathRefused(f'Access to "{url}" was denied: {_text(error)}. {_CREDENTIALS}') from None
    except Exception as error:
        # Each storage raises its own errors, without a common base class.
        raise PathRefused(
            f'"{url}" cannot be read: {_text(error)}. Check the name, the network, and the credentials and addresses '
            "in the variables listed in INTERLOCK_NODE_ENV."
        ) from None
    return copies


def check(url: str, data_roots: list[str]) -> None:
    """Check that nodes may read from the URL. Raises PathRefused."""
    scheme = url_scheme(url)
    if is_chained(url) or scheme not in DRIVERS:
        raise PathRefused(f'"{url}" is not a URL of object storage. Start it with {", ".join(DRIVERS)} and ://.')
    bucket = url.partition("://")[2].partition("/")[0]
    if not bucket or is_glob(bucket):
        raise PathRefused(f'"{url}" has no bucket. Write {scheme}://bucket/name, without * ? and [ in the bucket.')
    if data_roots:
        raise PathRefused(
            f'"{url}" is outside the folders that nodes may use: INTERLOCK_DATA_ROOTS allows {", ".join(data_roots)}, '
            "and no object storage."
        )


def _storage(scheme: str, url: str) -> Any:
    """Return fsspec's file system for `url`, not a cached one with the environment of another attempt."""
    driver = DRIVERS[scheme]
    import importlib

    try:
        import fsspec.core

        module = importlib.import_module(driver)
    except ModuleNotFoundError as error:
        if error.name not in ("fsspec", driver):
            raise
        raise MissingPackage(
            f"Files of {scheme}:// need the package {error.name}, which is not installed in {python_name()}. "
            f"Install it there: {sys.executable} -m pip install {error.name}"
        ) from None
    if scheme == "abfss":
        # The name means "with TLS", which the driver always uses. fsspec does not know the name until it is registered.
        fsspec.register_implementation("abfss", module.AzureBlobFileSystem, clobber=True)
    try:
        return fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)[0]
    except Exception as error:
        raise PathRefused(f'"{url}" cannot be read: {_text(error)}. {_CREDENTIALS}') from None


def _find(storage: Any, url: str) -> list[tuple[str, int]]:
    """Return (name, bytes) of the objects that `url` names: sorted, at least one."""
    path = storage._strip_protocol(url)
    try:
        one = storage.info(path)
        if one["type"] != "file":
            raise NoSuchFile(f'"{url}" is a folder; name the objects in it, for example with /*.csv.')
        return [(one["name"], int(one["size"]))]
    except FileNotFoundError:
        if not is_glob(url):
            raise
    found = [
        (name, int(one["size"]))
        for name, one in storage.glob(path, detail=True).items()
        # Some tools store an empty object for a folder.
        if one["type"] == "file" and not name.endswith("/")
    ]
    if not found:
        raise NoSuchFile(f'No object matches "{url}".')
    if len(found) > GLOB_FILES_MAX:
        raise NoSuchFile(f'"{url}" matches more than {GLOB_FILES_MAX:,} objects. Use a narrower pattern.')
    return sorted(found)


def _make_room(needed: int, url: str, folder: str) -> None:
    os.mkdir(folder, 0o700)
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if needed > free:
        raise PathRefused(
            f'"{url}" has {needed:,} bytes, but the disk of INTERLOCK_HOME has only {max(0, free):,} left for a copy. '
            "Name fewer objects, or free some space."
        )


def _place(folder: str, at: int, name: str) -> str:
    """Create the folder for the copy of the object `name`, and return the copy's path.

    Each copy has a folder of its own, because one object's name may be the name of another object's folder.
    """
    *above, last = name.split("/")
    if last in ("", ".", ".."):
        raise PathRefused(f'The name of the object "{name}" cannot be the name of a file.')
    # Only folders named key=value describe rows. None of them is "..".
    keys = [one for one in above if "=" in one and not is_glob(one) and len(os.fsencode(one)) <= NAME_BYTES_MAX]
    full = os.path.join(folder, f"{at:05}", *keys)
    os.makedirs(full)
    # The end of the name shows format and compression. DuckDB would expand the characters of a glob.
    last = os.fsencode(last)[-NAME_BYTES_MAX:].decode(errors="ignore")
    return os.path.join(full, "".join("_" if is_glob(one) else one for one in last))


def _text(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
