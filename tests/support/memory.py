"""What a process of this machine uses, from /proc."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has no {name}")


def resident(pid: int) -> float:
    """Return its resident memory in MiB."""
    return _status(pid, "VmRSS") / 1024


def peak(pid: int) -> float:
    """Return the most resident MiB since the process started, or since `forget_peak`."""
    return _status(pid, "VmHWM") / 1024


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    """Return its descriptors, without database files: each HTTP thread opens its own when it first needs one."""
    return sum(not re.search(r"\.sqlite3(-wal|-shm)?$", link) for link in links(pid))


def links(pid: int) -> Iterator[str]:
    """Return the targets of its descriptors."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(link)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of this process, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
