"""The machine: Python, SQLite, the folders and the disk."""

from __future__ import annotations

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

from dashboard.checkup.finding import Finding, owner_of, typed
from engine.database import sqlite

DISK_PROBLEM_BYTES: Final = 200 * 1024**2
DISK_WARNING_BYTES: Final = 2 * 1024**3


def python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.platform != "linux":
        yield Finding("Python", "warning", f"{version} on {sys.platform}",
                      "Linux is the platform: see the README for what is weaker here.")  # fmt: skip
    else:
        yield Finding("Python", "ok", f"{version} ({sys.executable})")


def library() -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        return
    found = settings.SQLITE_VERSION
    numbers = tuple(int(part) for part in found.split("."))
    if sqlite.is_safe((numbers[0], numbers[1], numbers[2])):
        yield Finding("SQLite", "ok", found)
    else:
        yield Finding("SQLite", "warning", f"{found} can corrupt a database when one connection commits while another "
                      "checkpoints; checkpoints are therefore made by the scheduler alone", "The package pysqlite3 "
                      f"brings a newer one: {sys.executable} -m pip install pysqlite3")  # fmt: skip


def home() -> Iterator[Finding]:
    config = settings.INTERLOCK
    for folder in (config.home, config.files, Path(config.artifacts)):
        name = "Home folder" if folder == config.home else "Folder"
        if not os.access(folder, os.F_OK):
            parent = next(parent for parent in folder.parents if os.access(parent, os.F_OK))
            if os.access(parent, os.W_OK | os.X_OK):
                yield Finding(name, "ok", f"{folder} does not exist yet; the first start makes it")
            else:
                yield Finding(name, "problem", f"{folder} does not exist, and {parent} may not be written to",
                              "Set INTERLOCK_HOME to a folder that you may write to.")  # fmt: skip
            continue
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as error:
            yield Finding(name, "problem", f"{folder} cannot be written to: {error.strerror}", _way_in(folder, error))
            if folder == config.home:
                return
            continue
        yield Finding(name, "ok", str(folder))
    if config.home.exists() and config.home.stat().st_mode & 0o077:
        yield Finding("Home folder", "warning", "other accounts of this machine may look into it",
                      f"It holds the secret key: chmod 700 {config.home}")  # fmt: skip


def _way_in(folder: Path, error: OSError) -> str:
    """What to do about a folder that cannot be written to."""
    if error.errno == errno.ENOSPC:
        return "Free some space on its disk."
    if error.errno == errno.EROFS:
        return "Its disk is mounted read-only: mount it for writing, or set INTERLOCK_HOME to a folder elsewhere."
    if owner := owner_of(folder):
        return f"It belongs to {owner}. Start Interlock as {owner}, or take it over: sudo chown -R $(id -un) {folder}"
    return f"Give yourself the right to: chmod -R u+rwX {folder}"


def disk() -> Iterator[Finding]:
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
        old = f"remove old runs: {typed('prune --days 7')}"
        if free < DISK_PROBLEM_BYTES:
            # On SQLite also deleting needs room to write.
            yield Finding("Disk space", "problem", text, f"Free some, then {old}")
        elif free < DISK_WARNING_BYTES:
            yield Finding("Disk space", "warning", text, f"Runs and artifacts grow: plan for more, or {old}")
        else:
            yield Finding("Disk space", "ok", text)
