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
PARENTS_MAX = 16
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


def identify(pid: int) -> dict[str, Any] | None:
    """Return {pid, start, since, command, parents, run, node}: who a process is; None if it has ended.

    `start` are clock ticks since boot, `parents` the pids above it, the nearest first. `run` and `node` are those whose
    code started it, as its environment says; None for a node process itself, which runs one attempt after another.
    """
    process = procfs.process(pid)
    if process is None or process.is_gone:
        return None
    parents: list[int] = []
    above = procfs.process(process.parent)
    while above is not None and above.pid > 1 and len(parents) < PARENTS_MAX:
        parents.append(above.pid)
        above = procfs.process(above.parent)
    since = procfs.started_at(process)
    environment = dict(entry.partition(b"=")[::2] for entry in procfs.environment(pid).split(b"\0"))
    run, node = environment.get(b"INTERLOCK_RUN", b""), environment.get(b"INTERLOCK_NODE", b"")
    return {
        "pid": pid,
        "start": process.start,
        "since": None if since is None else iso(datetime.fromtimestamp(since, UTC)),
        "command": command_line(pid),
        "parents": parents,
        "run": int(run) if run.isdigit() else None,
        "node": clean_text(node.decode("utf-8", "replace")) or None,
    }


def command_line(pid: int) -> str:
    """Return the command line of `pid`, cut to COMMAND_CHARS_MAX; a zombie's short name in brackets; empty if it has
    ended."""
    words = (procfs.read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0")
    if _NODE_ARGUMENTS in words:
        process = procfs.process(pid)
        above = (procfs.read(f"/proc/{process.parent}/cmdline") or b"") if process is not None else b""
        return "a fork of the node process" if _NODE_ARGUMENTS in above else "the node process"
    text = words.replace(b"\0", b" ")
    if not text and (name := (procfs.read(f"/proc/{pid}/comm") or b"").strip()):
        text = b"[%b]" % name
    return clean_text(text[: 4 * COMMAND_CHARS_MAX].decode("utf-8", "replace"))[:COMMAND_CHARS_MAX]
