"""What a killed supervisor or attempt leaves: processes that carry its mark, scratch folders, half-written artifacts.

A mark is `interlock-<home>-<pid>.<start>-<number>`: whose home, which supervisor, which node process. Processes of a
supervisor that is still alive are nobody's leftovers.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.inspect import procfs
from engine.supervisor import cgroup
from engine.worker.scratch import open_up
from engine.worker.start_note import NOTE_SUFFIX

log = logging.getLogger("interlock.supervisor")

MARK = re.compile(rb"INTERLOCK_MARK=(?P<prefix>[^\0]+)-(?P<pid>\d+)\.(?P<start>\d+)-\d+\0")
END_SECONDS = 5.0
ENTRIES_INLINE = 64
"""A folder with more entries than this is deleted by a process of its own, not in the scheduler's time."""


def mark_prefix(home: Path) -> str:
    """The part of the mark that all supervisors of `home` share."""
    return "interlock-" + hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def own_mark(prefix: str) -> str:
    """The mark of this process as a supervisor, to which a number is added for each node process."""
    return f"{prefix}-{os.getpid()}.{procfs.start_of(os.getpid())}"


def end_orphans(prefix: str, owner: tuple[int, int] | None = None) -> int:
    """Kill all processes that dead supervisors of this home left, and those of `owner`, (pid, start), though it lives;
    how many. Blocks until they are gone."""
    began = time.monotonic()
    ended: set[tuple[int, int]] = set()
    while True:
        found = orphans(prefix, owner)
        for one in found:
            cgroup.thaw_orphan(one.pid)
            try:
                if procfs.send_signal(one.pid, one.start, 9):
                    ended.add((one.pid, one.start))
            except PermissionError:
                log.warning("leftover_process_kept pid=%s: it runs as another user.", one.pid)
        if not found:
            break
        if time.monotonic() - began > END_SECONDS:
            log.error("leftover_processes_kept: %s", [one.pid for one in found])
            break
        time.sleep(0.005)
    for pid, _ in ended:
        # Where this process is their new parent, they are waited for; anybody else's children are not.
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
    if ended:
        log.warning("leftover_processes_ended: %s", len(ended))
    return len(ended)


def orphans(prefix: str, without: tuple[int, int] | None = None) -> list[procfs.Process]:
    """Processes of this home whose supervisor is gone, or is `without`, by their mark or, where they hid it, their
    control group; and all that descend from them."""
    table = procfs.processes()
    grouped = cgroup.orphaned_members(prefix, without)
    wanted = prefix.encode()
    roots = []
    for one in table.values():
        if not one.is_user or one.is_gone or one.pid == os.getpid():
            continue
        if one.pid in grouped:
            roots.append(one.pid)
            continue
        found = MARK.search(procfs.environment(one.pid))
        if found is None or found["prefix"] != wanted:
            continue
        named = int(found["pid"]), int(found["start"])
        owner = table.get(named[0])
        if owner is None or owner.start != named[1] or owner.is_gone or named == without:
            roots.append(one.pid)
    members = procfs.descendants(table, roots) - {os.getpid()}
    return [table[pid] for pid in members if not table[pid].is_gone]


def clear_folder(folder: Path) -> None:
    """Delete everything in `folder`; blocks."""
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
            log.warning("leftover_kept %s: %s", entry.path, error)


def remove_folder(folder: Path, removals: list[Any]) -> None:
    """Delete the folder of an ended node process: a large one by a process of its own, which joins `removals`; and the
    note beside it."""
    with suppress(OSError):
        os.unlink(f"{folder}{NOTE_SUFFIX}")
    if not os.path.lexists(folder):
        return
    count = 0
    try:
        for _, names, files in os.walk(folder):
            count += len(names) + len(files)
            if count > ENTRIES_INLINE:
                removals.append(
                    subprocess.Popen(
                        ["rm", "-rf", "--", str(folder)],
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )
                )  # fmt: skip
                return
        shutil.rmtree(folder, onerror=open_up)
    except OSError as error:
        log.warning("scratch_kept %s: %s", folder, error)


def clear_staging(artifacts: Path, claim: str) -> None:
    """Delete half-written artifacts of `claim`."""
    try:
        for entry in os.scandir(artifacts / "staging"):
            if entry.name.startswith(claim):
                os.unlink(entry.path)
    except OSError:
        pass
