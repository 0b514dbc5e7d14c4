"""The processes under a node process, as they are shown beside its stacks."""

import os
from datetime import UTC, datetime
from typing import Any

from engine.clock import iso
from engine.inspect import procfs
from engine.text import clean_text
from engine.worker import MAIN

CHILDREN_MAX = 32
COMMAND_CHARS_MAX = 500
_NODE_ARGUMENTS = os.fsencode(MAIN) + b"\0--in\0"
"""Part of the command line of every node process. A forked child has the same."""
STATES = {"R": "running", "S": "sleeping", "I": "sleeping", "D": "io", "T": "stopped", "t": "stopped", "Z": "zombie"}
"""Names of the states in /proc. `io` is uninterruptible sleep, nearly always on a disk or a network file system."""


def describe(process: procfs.Process) -> dict[str, Any]:
    """Return {pid, parent, command, state, cpu_seconds, since}; `since` is ISO 8601 or None."""
    since = procfs.started_at(process)
    return {
        "pid": process.pid,
        "parent": process.parent,
        "command": command_line(process.pid),
        "state": STATES.get(process.state, "other"),
        "cpu_seconds": round(process.cpu_ticks / procfs.TICKS_PER_SECOND, 2),
        "since": None if since is None else iso(datetime.fromtimestamp(since, UTC)),
    }


def command_line(pid: int) -> str:
    """Return the command line of `pid`, cut to COMMAND_CHARS_MAX; a zombie's short name in brackets."""
    words = (procfs.read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0")
    if _NODE_ARGUMENTS in words:
        return "a fork of the node process"
    text = words.replace(b"\0", b" ")
    if not text:
        text = b"[%b]" % (procfs.read(f"/proc/{pid}/comm") or b"").strip()
    return clean_text(text[: 4 * COMMAND_CHARS_MAX].decode("utf-8", "replace"))[:COMMAND_CHARS_MAX]
