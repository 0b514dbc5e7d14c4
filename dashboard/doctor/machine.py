"""Checks of the machine: Python, SQLite, folders and disk space."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

from dashboard.doctor.result import CheckResult, command_line, owner_of
from engine.database import sqlite

DISK_PROBLEM_BYTES: Final = 200 * 1024**2
DISK_WARNING_BYTES: Final = 2 * 1024**3


def python() -> Iterator[CheckResult]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.platform != "linux":
        yield CheckResult("Python", "warning", f"{version} on {sys.platform}",
                      "Linux is the supported platform; the README says what is weaker here.")  # fmt: skip
    else:
        yield CheckResult("Python", "ok", f"{version} ({sys.executable})")


def library() -> Iterator[CheckResult]:
    if connection.vendor != "sqlite":
        return
    version = settings.SQLITE_VERSION
    numbers = tuple(int(part) for part in version.split("."))
    if sqlite.is_safe((numbers[0], numbers[1], numbers[2])):
        yield CheckResult("SQLite", "ok", version)
    else:
        yield CheckResult("SQLite", "warning", f"{version} can corrupt a database when connections commit and "
                                               f"checkpoint "
                          "at the same time; only the scheduler runs checkpoints therefore", "The pysqlite3 package "
                          f"has a newer one: {sys.executable} -m pip install pysqlite3")  # fmt: skip


def home() -> Iterator[CheckResult]:
    config = settings.INTERLOCK
    for folder in (config.home, config.files, Path(config.artifacts)):
        name = "Home folder" if folder == config.home else "Folder"
        if not os.access(folder, os.F_OK):
            parent = next(parent for parent in folder.parents if os.access(parent, os.F_OK))
            if os.access(parent, os.W_OK | os.X_OK):
                yield CheckResult(name, "ok", f"{folder} does not exist yet; it is created at the first start")
            else:
                yield CheckResult(name, "problem", f"{folder} does not exist, and {parent} is not writable",
                              "Set INTERLOCK_HOME to a writable folder.")  # fmt: skip
            continue
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as error:
            yield CheckResult(name, "problem", f"{folder} is not writable: {error.strerror}", _advice(folder, error))
            if folder == config.home:
                return
            continue
        yield CheckResult(name, "ok", str(folder))
    if config.home.exists() and config.home.stat().st_mode & 0o077:
        content = "the secret key" if (config.home / "secret_key").exists() else "data, logs and sockets"
        yield CheckResult("Home folder", "warning", "readable by other accounts of this machine",
                      f"It contains {content}: chmod 700 {config.home}")  # fmt: skip


def _advice(folder: Path, error: OSError) -> str:
    """Return what to do about a folder that is not writable."""
    if error.errno == errno.ENOSPC:
        return "Free space on its disk."
    if error.errno == errno.EROFS:
        return "Its disk is mounted read-only: mount it read-write, or set INTERLOCK_HOME to another folder."
    if owner := owner_of(folder):
        return f"It belongs to {owner}. Start Interlock as {owner}, or take ownership: sudo chown -R $(id -un) {folder}"
    return f"Make it writable: chmod -R u+rwX {folder}"


def disk() -> Iterator[CheckResult]:
    seen: set[int] = set()
    for folder in (settings.INTERLOCK.home, Path(settings.INTERLOCK.artifacts)):
        place = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(place).free
        text = f"{free / 1024**3:,.1f} GiB" if free >= 1024**3 else f"{free / 1024**2:,.0f} MiB"
        text += f" free at {place}"
        old = f"delete old runs: {command_line('prune --days 7')}"
        if free < DISK_PROBLEM_BYTES:
            # SQLite needs free space even to delete.
            yield CheckResult("Disk space", "problem", text, f"Free some space, then {old}")
        elif free < DISK_WARNING_BYTES:
            yield CheckResult("Disk space", "warning", text, f"Runs and artifacts grow: add space, or {old}")
        else:
            yield CheckResult("Disk space", "ok", text)
