"""Objects of object storage that a node reads: found, and copied into the folder of the attempt.

The packages that speak to a storage are the user's to install. They find their credentials in the environment, which
for nodes is what `INTERLOCK_NODE_ENV` names.
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
"""What stays free on the disk beside the copies."""

_CREDENTIALS = "Credentials come from the variables that INTERLOCK_NODE_ENV names."


def copy(url: str, folder: str, data_roots: list[str]) -> dict[str, str]:
    """Copy the objects that a URL or a glob names into the new folder `folder`; {file: URL}, sorted by URL, not empty.

    A file keeps its object's name, and the folders named key=value above it. Raises PathRefused for what may not be
    read or cannot be reached, NoSuchFile when there is nothing to read, MissingPackage.
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
        raise PathRefused(f'"{url}" may not be read: {_told(error)}. {_CREDENTIALS}') from None
    except Exception as error:
        # Each storage has errors of its own, of no common class.
        raise PathRefused(
            f'"{url}" cannot be read: {_told(error)}. Check the name, the network, and the variables with credentials '
            "and addresses that INTERLOCK_NODE_ENV names."
        ) from None
    return copies


def check(url: str, data_roots: list[str]) -> None:
    """Raises PathRefused for a URL that nodes may not read from."""
    scheme = url_scheme(url)
    if is_chained(url) or scheme not in DRIVERS:
        raise PathRefused(f'"{url}" is no URL of object storage. URLs begin with {", ".join(DRIVERS)}, and ://.')
    bucket = url.partition("://")[2].partition("/")[0]
    if not bucket or is_glob(bucket):
        raise PathRefused(f'"{url}" names no bucket. Write {scheme}://bucket/name, the bucket without * ? and [.')
    if data_roots:
        raise PathRefused(
            f'"{url}" is outside the folders that nodes may use: INTERLOCK_DATA_ROOTS names {", ".join(data_roots)}, '
            "and allows no object storage."
        )


def _storage(scheme: str, url: str) -> Any:
    """fsspec's file system for `url`, without what another attempt's environment left in its cache."""
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
        # The same with TLS, which the driver always uses; fsspec does not know the name before the driver tells it.
        fsspec.register_implementation("abfss", module.AzureBlobFileSystem, clobber=True)
    try:
        return fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)[0]
    except Exception as error:
        raise PathRefused(f'"{url}" cannot be read: {_told(error)}. {_CREDENTIALS}') from None


def _find(storage: Any, url: str) -> list[tuple[str, int]]:
    """(name, bytes) of the objects that `url` names; sorted, at least one."""
    path = storage._strip_protocol(url)
    try:
        one = storage.info(path)
        if one["type"] != "file":
            raise NoSuchFile(f'"{url}" is a folder; name the objects in it, for instance with /*.csv.')
        return [(one["name"], int(one["size"]))]
    except FileNotFoundError:
        if not is_glob(url):
            raise
    found = [
        (name, int(one["size"]))
        for name, one in storage.glob(path, detail=True).items()
        # Some tools store a folder as an empty object.
        if one["type"] == "file" and not name.endswith("/")
    ]
    if not found:
        raise NoSuchFile(f'No object fits "{url}".')
    if len(found) > GLOB_FILES_MAX:
        raise NoSuchFile(f'"{url}" names more than {GLOB_FILES_MAX:,} objects. Narrow it.')
    return sorted(found)


def _make_room(needed: int, url: str, folder: str) -> None:
    os.mkdir(folder, 0o700)
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if needed > free:
        raise PathRefused(
            f'"{url}" has {needed:,} bytes, and the disk of INTERLOCK_HOME has only {max(0, free):,} left for a copy. '
            "Name fewer objects, or make room."
        )


def _place(folder: str, at: int, name: str) -> str:
    """Where the copy of the object `name` goes: a folder of its own, for objects may be named like others' folders."""
    *above, last = name.split("/")
    if last in ("", ".", ".."):
        raise PathRefused(f'The object "{name}" has no name that a file could have.')
    # Only such folders say something about the rows, and none of them is "..".
    keys = [one for one in above if "=" in one and not is_glob(one) and len(os.fsencode(one)) <= NAME_BYTES_MAX]
    full = os.path.join(folder, f"{at:05}", *keys)
    os.makedirs(full)
    # The end of a name says format and compression. DuckDB would take marks of a glob for one.
    last = os.fsencode(last)[-NAME_BYTES_MAX:].decode(errors="ignore")
    return os.path.join(full, "".join("_" if is_glob(one) else one for one in last))


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
