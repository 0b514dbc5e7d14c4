"""Removes what a killed supervisor or attempt leaves: orphaned processes, scratch folders, half-written artifacts.

A mark is `interlock-<home>-<pid>.<start>-<number>`: it names the home, the supervisor and the node process. A process
with a mark is an orphan if its supervisor has ended.
"""

import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from engine.inspect import procfs
from engine.supervisor import cgroup
from engine.worker.scratch import open_up
from engine.worker.start_notes import NOTE_SUFFIX

log = logging.getLogger("interlock.supervisor")

MARK = re.compile(rb"INTERLOCK_MARK=(?P<prefix>[^\0]+)-(?P<pid>\d+)\.(?P<start>\d+)-\d+\0")
END_SECONDS = 5.0
ENTRIES_INLINE = 64
"""A folder with more entries is deleted by a separate process, so that the scheduler does not wait."""


def mark_prefix(home: Path) -> str:
    """Return the part of the mark that all supervisors of `home` share."""
    return "interlock-" + hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def own_mark(prefix: str) -> str:
    """Return the mark of this process as a supervisor; each node process adds a number to it."""
    return f"{prefix}-{os.getpid()}.{procfs.start_of(os.getpid())}"


def end_orphans(prefix: str, also_of: tuple[int, int] | None = None) -> int:
    """Kill the orphans of this home, and the processes of the living supervisor `also_of`, (pid, start).

    Block until they have ended, and return how many there were.
    """
    began = time.monotonic()
    ended: set[tuple[int, int]] = set()
    while True:
        found = orphans(prefix, also_of)
        for process in found:
            cgroup.thaw_orphan(process.pid)
            try:
                if procfs.send_signal(process.pid, process.start, signal.SIGKILL):
                    ended.add((process.pid, process.start))
            except PermissionError:
                log.warning("orphan_not_permitted pid=%s: it runs as another user.", process.pid)
        if not found:
            break
        if time.monotonic() - began > END_SECONDS:
            log.error("orphans_left: %s", [process.pid for process in found])
            break
        time.sleep(0.005)
    for pid, _ in ended:
        # Those that this process has adopted must be waited for.
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
    if ended:
        log.warning("orphans_ended: %s", len(ended))
    return len(ended)


def orphans(prefix: str, also_of: tuple[int, int] | None = None) -> list[procfs.Process]:
    """Return the processes of this home whose supervisor has ended or is `also_of`, and all their descendants.

    They are found by their mark or, if they have hidden it, by their control group.
    """
    table = procfs.processes()
    in_groups = cgroup.orphaned_members(prefix, also_of)
    roots = []
    for process in table.values():
        if not process.is_user or process.is_gone or process.pid == os.getpid():
            continue
        if process.pid in in_groups:
            roots.append(process.pid)
            continue
        found = MARK.search(procfs.environment(process.pid))
        if found is None or found["prefix"] != prefix.encode():
            continue
        supervisor = int(found["pid"]), int(found["start"])
        owner = table.get(supervisor[0])
        if owner is None or owner.start != supervisor[1] or owner.is_gone or supervisor == also_of:
            roots.append(process.pid)
    members = procfs.descendants(table, roots) - {os.getpid()}
    return [table[pid] for pid in members if not table[pid].is_gone]


def clear_folder(folder: Path) -> None:
    """Delete everything in `folder`, and block until that is done."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, onerror=open_up)
            else:
                os.unlink(entry.path)
        except OSError as error:
            log.warning("orphaned_file_left %s: %s", entry.path, error)


def remove_scratch(folder: Path) -> subprocess.Popen[bytes] | None:
    """Delete the scratch folder of an ended node process, and its start note.

    A large folder is deleted by a process, which is returned.
    """
    with suppress(OSError):
        os.unlink(f"{folder}{NOTE_SUFFIX}")
    if not os.path.lexists(folder):
        return None
    count = 0
    try:
        for _, names, files in os.walk(folder):
            count += len(names) + len(files)
            if count > ENTRIES_INLINE:
                return subprocess.Popen(
                    ["rm", "-rf", "--", str(folder)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
        shutil.rmtree(folder, onerror=open_up)
    except OSError as error:
        log.warning("scratch_left %s: %s", folder, error)
    return None


def clear_staging(artifacts: Path, claim: str) -> None:
    """Delete half-written artifacts of `claim`."""
    try:
        for entry in os.scandir(artifacts / "staging"):
            if entry.name.startswith(claim):
                os.unlink(entry.path)
    except OSError:
        pass
