"""I16: what the product uses of the machine at rest, and that it is the same before and after."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dashboard.serving.http import THREADS
from engine.supervisor.cleanup import mark_prefix
from engine.worker.start_notes import NOTE_SUFFIX
from tests.faults.checks import hold
from tests.faults.rig import Rig
from tests.support.wait import wait_until

MORE = 1.1
"""Usage may grow by ten per cent."""
LOG_BYTES = 4 << 20


@dataclass(frozen=True)
class Resources:
    """What a rig whose whole product is idle uses."""

    memory: dict[str, int]
    """{role: resident bytes}."""
    descriptors: dict[str, int]
    threads: dict[str, int]
    processes: int
    """Those that belong to the product."""
    groups: int
    """Control groups for its nodes."""
    files: int
    """Files of attempts, folders of ended node processes, partly written artifacts."""

    @classmethod
    def by(cls, rig: Rig) -> "Resources":
        pids = rig.roles()
        status = {role: _status(pid) for role, pid in pids.items()}
        return cls(
            memory={role: one["VmRSS"] * 1024 for role, one in status.items()},
            descriptors={role: len(os.listdir(f"/proc/{pid}/fd")) for role, pid in pids.items()},
            threads={role: one["Threads"] for role, one in status.items()},
            processes=len(rig.marked()),
            groups=len(_groups(rig.homes())),
            files=_files(rig),
        )

    @classmethod
    def when_ready(cls, rig: Rig, workers: int) -> "Resources":
        """Return it when all node processes are running, with a spare one where there is one, and all threads of the
        web process."""
        owners = rig.owners()
        # The threads are started one by one, by requests that come while earlier ones are answered.
        with ThreadPoolExecutor(2 * THREADS) as asking:
            list(asking.map(lambda _: rig.product.api("GET", "runs/"), range(4 * THREADS)))
        wait_until(lambda: sum(len(rig.node_processes(pid)) for pid in owners) == workers + len(owners))
        return cls.by(rig)


def i16(before: Resources, after: Resources, cache_bytes: int = 0) -> None:
    """Memory, descriptors, threads and processes are back within ten per cent, and no folder or control group is left.

    `cache_bytes`: how much the page cache of the database may have grown.
    """

    def problems() -> Iterable[str]:
        for what in ("memory", "descriptors", "threads"):
            was, now = getattr(before, what), getattr(after, what)
            for role in was:
                if now[role] > was[role] * MORE + (cache_bytes if what == "memory" else 0):
                    yield f"{what} of {role}: {was[role]} before, {now[role]} after"
        for what in ("processes", "groups", "files"):
            if getattr(after, what) > getattr(before, what):
                yield f"{what}: {getattr(before, what)} before, {getattr(after, what)} after"

    hold("I16", problems())


def i16_within(what: str, before: float, after: float, most: float) -> None:
    """The memory of a process in MiB has grown by no more than `most`."""
    grown = after - before
    hold("I16", [f"{what} holds {grown:.0f} MiB more; up to {most:.0f} are expected"] if grown > most else [])


def i16_log(home: Path) -> None:
    """The write-ahead log of the database is small again, as soon as the scheduler is idle."""

    def problems() -> Iterable[str]:
        log = home / "interlock.sqlite3-wal"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            yield f"the write-ahead log has {log.stat().st_size} bytes"

    hold("I16", problems())


def _status(pid: int) -> dict[str, int]:
    """Return the whole numbers of /proc/<pid>/status by name."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if (number := value.split() or ["-"])[0].isdigit():
            found[name] = int(number[0])
    return found


def _files(rig: Rig) -> int:
    """Return files that an attempt has left. Each node process has an empty folder and a note beside it, which do not
    count."""
    scratch = [one for home in rig.homes() for one in (home / "scratch").glob("*")]
    folders = [one for one in scratch if one.is_dir()]
    notes = [one for one in scratch if one.suffix == NOTE_SUFFIX]
    # Some may be being deleted, which os.walk allows.
    inside = sum(len(names) + len(files) for one in folders for _, names, files in os.walk(one))
    staged = sum(1 for _ in (rig.home / "artifacts").glob("staging/*"))
    processes = sum(len(rig.node_processes(pid)) for pid in rig.owners())
    own = min(len(folders), processes) + min(len(notes), processes)
    return len(scratch) - own + inside + staged


def _groups(homes: Iterable[Path]) -> set[str]:
    """Return names of control groups with the mark of these homes."""
    prefixes = tuple(mark_prefix(home) for home in homes)
    # Others come and go meanwhile, which os.walk allows.
    return {name for _, names, _ in os.walk("/sys/fs/cgroup") for name in names if name.startswith(prefixes)}
