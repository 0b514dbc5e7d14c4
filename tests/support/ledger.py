"""A file outside the product in which nodes write when they start and end.

Checkers read these lines, so that they do not rely on the product's own data. Each line is one O_APPEND write with the
monotonic clock of this machine.
"""

from dataclasses import dataclass
from pathlib import Path

CODE = """
import os, time

def note(what, ctx):
    line = f"{{ctx.run['id']}} {{ctx.node}} {{ctx.attempt}} {{what}} {{time.monotonic_ns()}} {{os.getpid()}}\\n"
    descriptor = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)

def main(inputs, ctx):
    note("start", ctx)
    {during}
    note("end", ctx)
    {then}
"""

BEATS = """until = time.monotonic() + {seconds}
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.005))
        note("beat", ctx)"""


@dataclass(frozen=True)
class Entry:
    run: str
    node: str
    attempt: int
    what: str
    """start, beat or end."""
    at: int
    """Nanoseconds of the machine's monotonic clock."""
    pid: int


@dataclass
class Execution:
    """One start of a node's code, until its last line. A killed one has no end."""

    start: Entry
    last: Entry

    @property
    def ended(self) -> bool:
        return self.last.what == "end"


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[Entry] = []
        self._read = 0
        """The number of bytes of the file that `_entries` come from."""

    def code(self, seconds: float, *, beats: bool = False, during: str = "", then: str = "return ctx.attempt") -> str:
        """Return a `python` node that writes its start, sleeps, and writes its end.

        With `beats` it also writes a line every 5 ms, which shows how long a killed one ran. `during` and `then` are
        lines of code after the sleep and after the end.
        """
        slept = BEATS.format(seconds=seconds) if beats else f"time.sleep({seconds})"
        body = slept + (f"\n    {during}" if during else "")
        return CODE.format(path=str(self.path), during=body, then=then)

    def entries(self) -> list[Entry]:
        """Return all lines so far, as written. Reads only new ones, because waiting tests call it often."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            new = new[: new.rfind(b"\n") + 1]
            self._read += len(new)
            for line in new.decode().splitlines():
                run, node, attempt, what, at, pid = line.split()
                self._entries.append(Entry(run, node, int(attempt), what, int(at), int(pid)))
        return list(self._entries)

    def start_after(self, at: int) -> int:
        """Return when the first node started after this moment, or 0 if none has."""
        return min((entry.at for entry in self.entries() if entry.what == "start" and entry.at > at), default=0)

    def start_of(self, run: str) -> int:
        """Return when the first node of a run started, or 0 if none has."""
        return next((entry.at for entry in self.entries() if entry.run == run), 0)

    def executions(self) -> list[Execution]:
        """Return all executions in the order of their starts."""
        found: list[Execution] = []
        open_: dict[tuple[str, str, int], Execution] = {}
        for entry in sorted(self.entries(), key=lambda entry: entry.at):
            key = (entry.run, entry.node, entry.pid)
            if entry.what == "start":
                found.append(Execution(entry, entry))
                open_[key] = found[-1]
            else:
                open_[key].last = entry
        return found

    def most_at_once(self) -> int:
        """Return the largest number of executions that overlapped."""
        return most_at_once(self.executions())


def most_at_once(executions: list[Execution]) -> int:
    """Return the largest number that overlapped, by a sweep over starts and last lines."""
    edges = [(one.start.at, 1) for one in executions] + [(one.last.at, -1) for one in executions]
    now = most = 0
    for _, change in sorted(edges):
        now += change
        most = max(most, now)
    return most
