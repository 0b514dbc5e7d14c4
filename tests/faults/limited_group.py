"""A control group with its own limits, in which poison nodes run, so that they can harm only this group."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import wait_until

ROOT = Path("/sys/fs/cgroup")
TASKS = 1500
MEMORY = 600 << 20
"""For the whole product on one host, including what its nodes may use."""


class LimitedGroup:
    """Limits on the number of tasks and on memory (version 1 of control groups)."""

    def __init__(self, parents: dict[str, Path], name: str) -> None:
        self.parents = parents
        self.folders = {controller: parent / name for controller, parent in parents.items()}

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Put what is started in this block into the group, with everything that it starts. This process leaves the
        group afterwards."""
        try:
            for folder in self.folders.values():
                (folder / "cgroup.procs").write_text(str(os.getpid()))
            yield
        finally:
            for parent in self.parents.values():
                (parent / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def limited_group(memory: int = MEMORY) -> Iterator[LimitedGroup]:
    """Yield a limited group. Skips the test where no group can be made, because poison may not run outside one. In CI
    that is a failure, unless the host has no version 1 of control groups."""
    if not (ROOT / "pids").is_dir():
        pytest.skip("there is no version 1 of control groups here, so poison cannot be let off safely")
    made = LimitedGroup({controller: _own(controller) for controller in ("pids", "memory")}, f"cage-{os.getpid()}")
    try:
        for folder in made.folders.values():
            folder.mkdir()
        (made.folders["pids"] / "pids.max").write_text(str(TASKS))
        (made.folders["memory"] / "memory.limit_in_bytes").write_text(str(memory))
    except OSError as error:
        reason = f"a control group cannot be made here ({error.strerror}), so poison cannot be let off safely"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield made
    finally:
        for folder in made.folders.values():
            _remove(folder)


def _own(controller: str) -> Path:
    """Return the folder of the group of this process."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            place = ROOT / controller / path.lstrip("/")
            return place if place.is_dir() else ROOT / controller
    return ROOT / controller


def _remove(folder: Path) -> None:
    """Remove the group, and those that the product made in it, when all killed processes are gone."""
    for inner in (*folder.glob("*/"), folder):
        wait_until(lambda group=inner: not (group / "cgroup.procs").read_text())  # type: ignore[misc]
        inner.rmdir()
