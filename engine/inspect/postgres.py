"""What a PostgreSQL server on this host does for a client, from the titles of its processes.

A server process carries its client's port and what it does in its command line: `postgres: alice shop 127.0.0.1(54321)
UPDATE waiting`. Everybody may read that, so no password is needed. The title does not say for whom it waits: that is
known only if a single other client of the same database is in a transaction.
"""

import os
import re
from typing import Any, NamedTuple

from engine.inspect import procfs
from engine.inspect.children import identify
from engine.inspect.descriptors import links
from engine.inspect.sockets import SocketTable
from engine.text import clean_text

PROCESSES_MAX = 4000
_TITLE = re.compile(r"postgres: (?:.*: )?(\S+) (\S+) ([\da-fA-F.:]+)\((\d+)\) ?(.*)\Z")


class Backend(NamedTuple):
    pid: int
    user: str
    database: str
    host: str
    port: int
    """Of the client."""
    does: str
    """`UPDATE waiting`, `idle in transaction`, `SELECT`, ..."""


def parse_title(pid: int, title: str) -> Backend | None:
    """Return what the title of a server process says; None if it serves no client over TCP."""
    found = _TITLE.match(title)
    return None if found is None else Backend(pid, found[1], found[2], found[3], int(found[4]), found[5].strip())


def backends() -> list[Backend]:
    """Return the server processes of this host that serve clients over TCP."""
    found: list[Backend] = []
    try:
        pids = procfs.pids()[:PROCESSES_MAX]
    except OSError:
        return found
    for pid in pids:
        words = procfs.read(f"/proc/{pid}/cmdline") or b""
        if words.startswith(b"postgres: "):
            title = clean_text(words.rstrip(b"\0 ").decode("utf-8", "replace"))
            if (one := parse_title(pid, title)) is not None:
                found.append(one)
    return found


def wait_of(port: int) -> dict[str, Any] | None:
    """Return {pid, does, database, waits, holder} of the server process whose client has this port; None: none has.

    `waits`: whether it waits for a lock; `holder`: the process that has the lock (see identify), if that is known.
    """
    found = backends()
    mine = next((one for one in found if one.port == port), None)
    if mine is None:
        return None
    waits = mine.does.endswith("waiting")
    others = [
        one
        for one in found
        if one.database == mine.database
        and one.pid != mine.pid
        and one.does not in ("", "idle", "initializing")
        and not one.does.endswith("waiting")
    ]
    holder = _client(others[0].port) if waits and len(others) == 1 else None
    return {"pid": mine.pid, "does": mine.does, "database": mine.database, "waits": waits, "holder": holder}


def _client(port: int) -> dict[str, Any] | None:
    """Return the process on this host whose TCP socket has this port."""
    inode = SocketTable(os.getpid()).inode_of_port(port)
    if inode is None:
        return None
    link = f"socket:[{inode}]"
    for pid in procfs.pids():
        if any(target == link for _, target in links(pid)):
            return identify(pid)
    return None
