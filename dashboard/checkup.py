"""What `doctor` looks at: each check says what it found and, where something is wrong, what to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection

from dashboard.models import User
from engine import queries, schema, sqlite

Level = Literal["ok", "warning", "problem"]

DISK_PROBLEM_BYTES: Final = 200 * 1024**2
DISK_WARNING_BYTES: Final = 2 * 1024**3
PROBE = "import json, sys; print(json.dumps([list(sys.version_info[:3]), __import__('duckdb').__version__]))"


@dataclass(frozen=True)
class Finding:
    """One line of the checkup."""

    name: str
    level: Level
    found: str
    """What was seen."""
    advice: str = ""
    """What to do; empty when there is nothing to do."""


def findings(port: int) -> Iterator[Finding]:
    """All checks, one after another; a check that fails by an error of its own is a problem, not the end."""
    yield from _guarded("Python", _python)
    yield from _guarded("SQLite", _sqlite)
    yield from _guarded("Home folder", _home)
    yield from _guarded("Disk space", _disk)
    state: list[bool] = []
    yield from _guarded("Database", lambda: _database(state))
    if state:
        yield from _guarded("Database file", _integrity)
        yield from _guarded("Accounts", _accounts)
        yield from _guarded("Scheduler", _scheduler)
    yield from _guarded("Node Python", _node_python)
    yield from _guarded("Node environment", _node_environment)
    yield from _guarded("Data roots", _data_roots)
    yield from _guarded("Redis", _redis)
    yield from _guarded("Static files", _static)
    yield from _guarded("Port", lambda: _port(port))
    yield from _guarded("Hosts", _hosts)


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        yield Finding(
            name, "problem", f"the check itself failed: {type(error).__name__}: {error}", "Please report this."
        )


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.platform != "linux":
        yield Finding("Python", "warning", f"{version} on {sys.platform}",
                      "Linux is the platform: see the README for what is weaker here.")  # fmt: skip
    else:
        yield Finding("Python", "ok", f"{version} ({sys.executable})")


def _sqlite() -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        return
    found = settings.SQLITE_VERSION
    numbers = tuple(int(part) for part in found.split("."))
    if sqlite.is_safe((numbers[0], numbers[1], numbers[2])):
        yield Finding("SQLite", "ok", found)
    else:
        yield Finding("SQLite", "warning", f"{found} can corrupt a database when one connection commits while another "
                      "checkpoints; checkpoints are therefore made by the scheduler alone",
                      "Install the package pysqlite3 (pip install pysqlite3), which brings a newer one.")  # fmt: skip


def _home() -> Iterator[Finding]:
    home = settings.INTERLOCK.home
    for folder in (home, settings.INTERLOCK.files, Path(settings.INTERLOCK.artifacts)):
        name = "Home folder" if folder == home else "Folder"
        if not folder.exists():
            parent = next(parent for parent in folder.parents if parent.exists())
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
            yield Finding(name, "problem", f"{folder} cannot be written to: {error.strerror}",
                          "Give this account the right to write there, or free the disk.")  # fmt: skip
            continue
        yield Finding(name, "ok", str(folder))
    if home.exists() and home.stat().st_mode & 0o077:
        yield Finding("Home folder", "warning", "other accounts of this machine may look into it",
                      f"It holds the secret key: chmod 700 {home}")  # fmt: skip


def _disk() -> Iterator[Finding]:
    seen: set[int] = set()
    for folder in (settings.INTERLOCK.home, Path(settings.INTERLOCK.artifacts)):
        place = next(path for path in (folder, *folder.parents) if path.exists())
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(place).free
        text = f"{free / 1024**3:,.1f} GiB free at {place}"
        if free < DISK_PROBLEM_BYTES:
            yield Finding("Disk space", "problem", text, "Free some, or remove old runs: interlock prune")
        elif free < DISK_WARNING_BYTES:
            yield Finding("Disk space", "warning", text, "Runs and artifacts grow: plan for more, or prune old runs.")
        else:
            yield Finding("Disk space", "ok", text)


def _database(usable: list[bool]) -> Iterator[Finding]:
    """`usable` gets an item when the tables can be read."""
    if connection.vendor == "sqlite" and not settings.INTERLOCK.database_file.exists():
        yield Finding("Database", "ok", f"{schema.place()} does not exist yet; the first start makes it")
        return
    try:
        current = schema.is_current()
    except schema.SchemaError as error:
        yield Finding("Database", "problem", str(error))
        return
    if current:
        usable.append(True)
        yield Finding("Database", "ok", f"{schema.place()}, schema current")
    else:
        yield Finding("Database", "warning", f"{schema.place()} is not up to date",
                      "The next `up` brings it up to date (or the command migrate).")  # fmt: skip


def _integrity() -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(5)")
        wrong = [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
    if wrong:
        yield Finding("Database file", "problem", f"it is damaged: {wrong[0]}", "Stop Interlock, keep a copy of the "
                      "folder, and restore a backup.")  # fmt: skip
    else:
        size = settings.INTERLOCK.database_file.stat().st_size
        yield Finding("Database file", "ok", f"intact, {size / 1024**2:,.1f} MiB")


def _accounts() -> Iterator[Finding]:
    admins = list(User.objects.filter(role="admin", is_active=True).only("username", "password"))
    if not admins and User.objects.exists():
        yield Finding("Accounts", "problem", "no account has the role admin", "interlock user NAME --role admin")
    elif admins and not any(user.has_usable_password() for user in admins):
        yield Finding("Accounts", "warning", "no admin has a password yet", "Sign in by the link that `up` prints "
                      "(or: interlock login-link --user admin), then set one.")  # fmt: skip
    elif admins:
        yield Finding("Accounts", "ok", f"{User.objects.count()}, of them {len(admins)} with the role admin")


def _scheduler() -> Iterator[Finding]:
    age = queries.beat_age()
    if age is None:
        yield Finding("Scheduler", "warning", "has never run here", "Start Interlock: interlock up")
    elif age < 5:
        yield Finding("Scheduler", "ok", f"runs (heartbeat {max(age, 0):.1f} s ago)")
    else:
        yield Finding("Scheduler", "warning", f"does not run (last heartbeat {_span(age)} ago)",
                      "Runs wait until it does. Start Interlock: interlock up")  # fmt: skip


def _node_python() -> Iterator[Finding]:
    python = settings.INTERLOCK.node_python or sys.executable
    try:
        done = subprocess.run([python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        yield Finding("Node Python", "problem", f"{python} does not exist",
                      "Set INTERLOCK_NODE_PYTHON to the Python of your packages, or leave it out.")  # fmt: skip
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("Node Python", "problem", f"{python} does not run: {error}", "Correct INTERLOCK_NODE_PYTHON.")
        return
    try:
        version, duckdb = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        advice = f"Install it there: {python} -m pip install duckdb" if "duckdb" in last else "Correct it there."
        yield Finding("Node Python", "problem", f"{python} cannot load duckdb ({last})", advice)
        return
    text = f"{python}: Python {'.'.join(map(str, version))}, duckdb {duckdb}"
    if tuple(version) < (3, 10):
        yield Finding("Node Python", "problem", text, "Nodes need Python 3.10 or newer.")
    else:
        yield Finding("Node Python", "ok", text)


def _node_environment() -> Iterator[Finding]:
    names = settings.INTERLOCK.node_env
    missing = [name for name in names if name not in os.environ]
    if missing:
        yield Finding("Node environment", "warning", f"not set: {', '.join(missing)}",
                      "INTERLOCK_NODE_ENV names them: set them, or take them out of it.")  # fmt: skip
    elif names:
        yield Finding("Node environment", "ok", ", ".join(names))


def _data_roots() -> Iterator[Finding]:
    for root in settings.INTERLOCK.data_roots:
        if not root.is_dir():
            yield Finding("Data roots", "warning", f"{root} is no folder", "Correct INTERLOCK_DATA_ROOTS.")


def _redis() -> Iterator[Finding]:
    url = settings.INTERLOCK.redis_url
    if not url:
        return
    import redis

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
        client.ping()
        info = client.info("server")
        client.close()
    except (redis.RedisError, ValueError, OSError) as error:
        # The URL may hold a password: it is not repeated.
        yield Finding("Redis", "problem", f"does not answer: {error}", "Check REDIS_URL, and that the server runs.")
        return
    version = info.get("redis_version", "?") if isinstance(info, dict) else "?"
    yield Finding("Redis", "ok", f"answers, version {version}")


def _static() -> Iterator[Finding]:
    folder = settings.BASE_DIR / "static" / "dist"
    built = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not built:
        yield Finding("Static files", "problem", f"{folder} is empty: pages have no style and no script",
                      "Check the installation out again, or build them: make frontend")  # fmt: skip
    elif finders.find("drf_spectacular_sidecar") is None and not finders.find(
        "drf_spectacular_sidecar/swagger-ui-dist"
    ):
        yield Finding("Static files", "warning", "the pages of /api/docs/ have no files",
                      "Install the dependencies again: make install")  # fmt: skip
    else:
        yield Finding("Static files", "ok", f"{len(built)} files in {folder}")


def _port(port: int) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if _is_ours(port):
                yield Finding("Port", "ok", f"{port}: Interlock answers there")
            else:
                advice = f"End the program that has it, or choose another: interlock up --port {port + 1}"
                yield Finding("Port", "warning", f"{port} cannot be used: {error.strerror}", advice)
            return
    yield Finding("Port", "ok", f"{port} is free")


def _is_ours(port: int) -> bool:
    import http.client

    link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        link.request("GET", "/healthz")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def _hosts() -> Iterator[Finding]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Finding("Hosts", "problem", "ALLOWED_HOSTS is *: any site can point a name here and act for its visitors",
                      "List the names under which people open Interlock.")  # fmt: skip


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
