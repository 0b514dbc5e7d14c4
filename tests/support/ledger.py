"""A file outside the product in which nodes write when they start and end.

The system is not judged by its own words: checkers read these lines. One O_APPEND write a line, with the
monotonic clock of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CODE = """
import os, time

def note(what, ctx):
    line = f"{{ctx.run['id']}} {{ctx.node}} {{ctx.attempt}} {{what}} {{time.monotonic_ns()}}\\n"
    descriptor = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)

def main(inputs, ctx):
    note("start", ctx)
    time.sleep({seconds})
    note("end", ctx)
    return ctx.attempt
"""


@dataclass(frozen=True)
class Entry:
    run: str
    node: str
    attempt: int
    what: str
    at: int
    """Nanoseconds of the machine's monotonic clock."""


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path

    def code(self, seconds: float) -> str:
        """A `python` node that writes its start, sleeps, and writes its end."""
        return CODE.format(path=str(self.path), seconds=seconds)

    def entries(self) -> list[Entry]:
        if not self.path.exists():
            return []
        rows = (line.split() for line in self.path.read_text().splitlines())
        return [Entry(run, node, int(attempt), what, int(at)) for run, node, attempt, what, at in rows]

    def most_at_once(self) -> int:
        """The largest number of executions that overlapped (a sweep over starts and ends)."""
        now = most = 0
        for entry in sorted(self.entries(), key=lambda entry: (entry.at, entry.what == "start")):
            now += 1 if entry.what == "start" else -1
            most = max(most, now)
        return most
