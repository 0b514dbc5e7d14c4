"""The floor: what the machine could do at best.

Two bare Python processes echo messages over pipes, and a SQLite database in WAL mode with `synchronous=FULL` gets the
rows of a node in group commits. Nothing is logged, validated or scheduled and no code runs, so the difference is the
cost of the product.
"""

import os
import select
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ECHO = """
import os, struct
def read(n):
    data = b""
    while len(data) < n:
        part = os.read(0, n - len(data))
        if not part: raise SystemExit
        data += part
    return data
while True:
    size = struct.unpack("<I", read(4))[0]
    read(size)
    os.write(1, struct.pack("<I", 200) + b"x" * 200)
"""
MESSAGE = struct.pack("<I", 1000) + b"e" * 1000
"""As long as a small envelope."""
REPLY_BYTES = 204
AHEAD = 16
"""Messages sent ahead to one process, as in the product."""


class Floor:
    """Two processes and a database in `folder`. End it with `close`."""

    def __init__(self, folder: Path) -> None:
        self.processes = [
            subprocess.Popen([sys.executable, "-I", "-S", "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        self.db = sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)
        self.db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE node (id INTEGER PRIMARY KEY, run INTEGER, node TEXT, state TEXT, claim TEXT, body TEXT,"
            " UNIQUE (run, node));"
            "CREATE TABLE attempt (id INTEGER PRIMARY KEY, run INTEGER, node TEXT, claim TEXT, pid INTEGER,"
            " UNIQUE (run, node));"
        )
        self.run = 0

    def close(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        self.db.close()

    def _commit(self, names: list[str]) -> None:
        db, claim = self.db, "c" * 32
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO node (run, node, state, claim, body) VALUES (?, ?, 'succeeded', ?, ?)",
            [(self.run, name, claim, "{}") for name in names],
        )
        db.executemany(
            "INSERT INTO attempt (run, node, claim, pid) VALUES (?, ?, ?, 1)",
            [(self.run, name, claim) for name in names],
        )
        db.execute("COMMIT")

    def hops(self, count: int) -> float:
        """Return the seconds for `count` messages one after another, with a commit for each."""
        self.run += 1
        ends = [_ends(process) for process in self.processes]
        begun = time.perf_counter()
        for number in range(count):
            source, sink = ends[number % 2]
            os.write(sink, MESSAGE)
            _read(source, REPLY_BYTES)
            self._commit([str(number)])
        return time.perf_counter() - begun

    def batches(self, count: int) -> float:
        """Return the seconds for `count` messages, sent ahead to two processes, with a commit per batch of replies."""
        self.run += 1
        ends = dict(map(_ends, self.processes))
        waiting = dict.fromkeys(ends, b"")
        sent = done = 0
        begun = time.perf_counter()
        for sink in ends.values():
            for _ in range(min(AHEAD, count - sent)):
                os.write(sink, MESSAGE)
                sent += 1
        while done < count:
            came: list[str] = []
            replies: list[int] = []
            for source in select.select(list(ends), [], [])[0]:
                waiting[source] += os.read(source, 65536)
                whole, rest = divmod(len(waiting[source]), REPLY_BYTES)
                waiting[source] = waiting[source][len(waiting[source]) - rest :]
                came += [str(done + len(came) + number) for number in range(whole)]
                replies.extend([source] * whole)
            if not came:
                continue
            self._commit(came)
            done += len(came)
            for source in replies[: count - sent]:
                os.write(ends[source], MESSAGE)
                sent += 1
        return time.perf_counter() - begun


def _ends(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdout.fileno(), process.stdin.fileno()


def _read(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(descriptor, size - len(data))
        if not part:
            raise OSError("a floor process has ended")
        data += part
    return data


def describe() -> dict[str, Any]:
    """Return what the results depend on."""
    return {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version, "cores": os.cpu_count()}
