"""The processes under a node process, as a person wants to see them beside its stacks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from engine.clock import iso
from engine.inspect import procfs
from engine.supervisor.attempt_log import clean
from engine.supervisor.process import MAIN

CHILDREN_MAX = 32
COMMAND_CHARS_MAX = 500
_NODE = os.fsencode(MAIN) + b"\0--in\0"
"""In the command line of every node process, which a forked child shares."""
STATES = {"R": "running", "S": "sleeping", "I": "sleeping", "D": "io", "T": "stopped", "t": "stopped", "Z": "zombie"}
"""/proc's letters in words; `io`: in uninterruptible sleep, nearly always a disk or a network file system."""


def describe(one: procfs.Process) -> dict[str, Any]:
    """One process as {pid, parent, command, state, cpu_seconds, since}: `since` ISO 8601 or None."""
    began = procfs.started_at(one)
    return {
        "pid": one.pid,
        "parent": one.parent,
        "command": command(one.pid),
        "state": STATES.get(one.state, "other"),
        "cpu_seconds": round(one.cpu_ticks / procfs.TICKS, 2),
        "since": None if began is None else iso(datetime.fromtimestamp(began, UTC)),
    }


def command(pid: int) -> str:
    """The command line of `pid`, cut; its short name in brackets where it has none (a zombie)."""
    words = (procfs.read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0")
    if _NODE in words:
        return "a fork of the node process"
    text = words.replace(b"\0", b" ")
    if not text:
        text = b"[%b]" % (procfs.read(f"/proc/{pid}/comm") or b"").strip()
    return clean(text[: 4 * COMMAND_CHARS_MAX].decode("utf-8", "replace"))[:COMMAND_CHARS_MAX]
