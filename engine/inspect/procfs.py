"""What /proc says about processes: identity, process trees, environment, use of CPU and memory.

A process is identified by (pid, start time), because pids are reused. A process may end between two reads: functions
return None for it or leave it out, and do not raise.
"""

import os
import signal
import time
from collections.abc import Iterable
from typing import NamedTuple

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """One process, from /proc/<pid>/stat."""

    pid: int
    start: int
    """Clock ticks since boot."""
    parent: int
    group: int
    session: int
    state: str
    """R running, S sleeping, D uninterruptible, T stopped, Z zombie, ..."""
    cpu_ticks: int
    """CPU time of the process and of the children that it has waited for."""
    threads: int
    memory_bytes: int
    """Resident memory."""
    is_user: bool
    """False for a kernel thread."""

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended. A zombie runs and holds nothing; only its parent's wait is missing."""
        return self.state in ("Z", "X")


def read(path: str) -> bytes | None:
    """Return the content of a file in /proc; None if its process has ended or it may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.read(descriptor, 16384)
        if len(data) == 16384:
            more = [data]
            while part := os.read(descriptor, 262144):
                more.append(part)
            data = b"".join(more)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data


def read_table(path: str) -> bytes:
    """Return the content of a table in /proc, of which the kernel gives a few lines a read; empty if it cannot be
    read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return b"".join(iter(lambda: file.read(262144), b""))
    except OSError:
        return b""


def process(pid: int) -> Process | None:
    """Return the process `pid` as it is now."""
    data = read(f"/proc/{pid}/stat")
    return None if data is None else _parse(pid, data)


def _parse(pid: int, data: bytes) -> Process | None:
    # The name of the command is in parentheses and may itself contain spaces and parentheses.
    f = data[data.rfind(b")") + 2 :].split()
    if len(f) < 22:
        return None
    return Process(
        pid=pid,
        start=int(f[19]),
        parent=int(f[1]),
        group=int(f[2]),
        session=int(f[3]),
        state=f[0].decode(),
        cpu_ticks=int(f[11]) + int(f[12]) + int(f[13]) + int(f[14]),
        threads=int(f[17]),
        memory_bytes=int(f[21]) * PAGE_BYTES,
        is_user=f[20] != b"0" or f[0] in (b"Z", b"X"),
    )


def pids() -> list[int]:
    """Return the pids of this PID namespace. Raises OSError if /proc cannot be read now."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def processes() -> dict[int, Process]:
    """Return all processes of this PID namespace by pid. Raises OSError if /proc cannot be read now."""
    found = {pid: one for pid in pids() if (one := process(pid)) is not None}
    if os.getpid() not in found:
        raise OSError("/proc cannot be read.")
    return found


def environment(pid: int) -> bytes:
    """Return the environment that `pid` was started with, each entry ended by NUL; empty if it cannot be read."""
    return read(f"/proc/{pid}/environ") or b""


def children(pid: int) -> list[int]:
    """Return the pids of the direct children of `pid`, whichever of its threads started them."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        data = read(f"/proc/{pid}/task/{thread}/children")
        if data:
            found += map(int, data.split())
    return found


def has_children_files() -> bool:
    """Return whether the kernel lists children (CONFIG_PROC_CHILDREN); if not, all processes are scanned."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def tree(root: int, limit: int) -> list[Process]:
    """Return `root` and its descendants, zombies included, but no more than `limit` processes."""
    first = process(root)
    if first is None:
        return []
    if not LISTS_CHILDREN:
        table = processes()
        return [first, *(table[pid] for pid in descendants(table, [root]) if pid != root)][:limit]
    found, seen, queue = [first], {root}, [root]
    while queue and len(found) < limit:
        for pid in children(queue.pop()):
            if pid not in seen and len(found) < limit and (one := process(pid)) is not None:
                seen.add(pid)
                found.append(one)
                queue.append(pid)
    return found


def descendants(table: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """Return the pids of `roots` and of all their descendants in `table`."""
    by_parent: dict[int, list[int]] = {}
    for one in table.values():
        by_parent.setdefault(one.parent, []).append(one.pid)
    found: set[int] = set()
    queue = list(roots)
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue += by_parent.get(pid, ())
    return found


def start_of(pid: int) -> int | None:
    """Return the start time of `pid`, in clock ticks since boot."""
    one = process(pid)
    return None if one is None else one.start


def started_at(process: Process) -> float | None:
    """Return the Unix time at which the process started, to about 10 ms; None if /proc has no uptime."""
    data = read("/proc/uptime")
    try:
        return None if data is None else time.time() - float(data.split()[0]) + process.start / TICKS_PER_SECOND
    except (IndexError, ValueError):
        return None


def send_signal(pid: int, start: int, number: int) -> bool:
    """Signal the process (pid, start), never another one that has its pid now. Return False if it has ended.

    Raises PermissionError if it runs as another user.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_of(pid) != start:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def proportional_bytes(pid: int) -> int | None:
    """Return the memory of `pid` with shared pages divided among their users (PSS). Takes milliseconds."""
    data = read(f"/proc/{pid}/smaps_rollup")
    if data:
        for line in data.splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return None


def io_bytes(pid: int) -> int | None:
    """Return the bytes that `pid` has read and written by system calls; None if they may not be read."""
    data = read(f"/proc/{pid}/io")
    if data is None:
        return None
    words = data.split()
    return int(words[1]) + int(words[3]) if words[:3:2] == [b"rchar:", b"wchar:"] else None


def runnable_seconds(pid: int) -> float:
    """Return how long the first thread of `pid` could have run but got no core; 0 if the kernel does not say."""
    words = (read(f"/proc/{pid}/schedstat") or b"").split()
    return int(words[1]) / 1e9 if len(words) > 1 else 0.0


def waits_for_io(process: Process) -> bool:
    """Return whether a thread of the process is in uninterruptible sleep."""
    if process.state == "D":
        return True
    if process.threads < 2:
        return False
    try:
        threads = os.listdir(f"/proc/{process.pid}/task")
    except OSError:
        return False
    for thread in threads[:256]:
        data = read(f"/proc/{process.pid}/task/{thread}/stat")
        if data and data[data.rfind(b")") + 2 : data.rfind(b")") + 3] == b"D":
            return True
    return False


def tasks_of_user() -> int:
    """Return how many processes and threads run as the user of this process."""
    me, total = os.getuid(), 0
    for one in processes().values():
        try:
            if os.stat(f"/proc/{one.pid}").st_uid == me:
                total += one.threads
        except OSError:
            continue
    return total


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory since boot; 0 if it does not say."""
    data = read("/proc/vmstat") or b""
    at = data.find(b"\noom_kill ")
    return int(data[at + 10 :].split(None, 1)[0]) if at >= 0 else 0


LISTS_CHILDREN = has_children_files()
