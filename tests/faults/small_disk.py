"""A small file system that tests fill, mounted in this process's own namespace, so that it disappears with it."""

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import count

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2
BYTES = 16 << 20


class SmallDisk:
    """A file system at `folder` that can be filled and freed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        descriptor = os.open(self.ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(descriptor, b"x" * size)
        finally:
            os.close(descriptor)
        count.injected("disk filled")

    def free(self) -> None:
        self.ballast.unlink()

    def room(self) -> int:
        """Return the number of free bytes."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def small_disk(folder: Path, size: int = BYTES) -> Iterator[SmallDisk]:
    """Skips the test where this user may not mount; in CI that is a failure."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder.mkdir()
    ok = libc.unshare(CLONE_NEWNS) == 0 and libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
    ok = ok and libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()) == 0
    if not ok:
        reason = f"a small disk cannot be mounted here ({errno.errorcode.get(ctypes.get_errno())}); it needs root"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield SmallDisk(folder)
    finally:
        libc.umount2(os.fsencode(folder), MNT_DETACH)
