"""What a node's loop looks for, and whether it is there: from its code, its frames and the file system."""

import glob
import os
from collections.abc import Mapping, Sequence
from typing import Any

from engine.inspect import procfs
from engine.inspect.loops import Look, python_look, shell_look

REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "gluster", "afs", "autofs", "lustre")
"""Kinds of file systems whose server may not answer: whoever asks them hangs too."""


def look_of(
    pid: int, threads: Sequence[Mapping[str, Any]], names: Mapping[int, Mapping[str, str]], code: str
) -> Look | None:
    """Return what the first thread whose author's code is in such a loop looks for, with whether it is `there`.

    `threads`: as they are stored; `names`: by thread, the texts that local names of its author's code stand for.
    """
    for thread in threads:
        for frame in thread.get("frames") or ():
            line = frame.get("line")
            if frame.get("author") and isinstance(line, int):
                found = python_look(code, line, names.get(int(thread["id"]), {}))
                if found is not None:
                    return {**found, "there": _is_there(pid, found)}
    return None


def look_of_shell(pid: int, children: Sequence[Mapping[str, Any]], command: str) -> Look | None:
    """Return what the loop of a shell command looks for while one of the children sleeps."""
    if not any(str(child.get("command") or "").startswith("sleep ") for child in children):
        return None
    found = shell_look(command)
    return None if found is None else {**found, "there": _is_there(pid, found)}


def _is_there(pid: int, look: Look) -> bool | None:
    """Return whether a file exists; None if it is no file or that cannot be asked safely."""
    path = str(look["what"])
    if look["kind"] != "file" or not path or any(mark in path for mark in "$`(){}\0"):
        return None
    try:
        path = os.path.normpath(os.path.join(os.readlink(f"/proc/{pid}/cwd"), path))
        if _is_remote(path):
            return None
        return bool(glob.glob(path)) if glob.has_magic(path) else os.path.lexists(path)
    except (OSError, ValueError):
        return None


def _is_remote(path: str) -> bool:
    """Return whether the file system of a path may hang."""
    best, kind = "", ""
    for line in procfs.read_table("/proc/self/mounts").decode("utf-8", "replace").splitlines():
        words = line.split(" ")
        if len(words) > 2 and (path + "/").startswith(words[1].rstrip("/") + "/") and len(words[1]) >= len(best):
            best, kind = words[1], words[2]
    return kind.startswith(REMOTE)
