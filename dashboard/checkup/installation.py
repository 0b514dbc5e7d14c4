"""What was set and installed: the environment, the Python of nodes, Redis, the front end."""

from __future__ import annotations

import difflib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

from dashboard.checkup.finding import Finding
from engine import hints
from engine.config import SETTINGS
from engine.reads import queries

PROBE = "import json, sys; print(json.dumps([list(sys.version_info[:3]), __import__('duckdb').__version__]))"


def settings_in_force() -> Iterator[Finding]:
    config = settings.INTERLOCK
    given = sorted(name for name in SETTINGS if os.environ.get(name))
    # Values may hold passwords: only the names.
    yield Finding("Settings", "ok", f"{config.max_concurrent} nodes at once, in {config.processes} processes; set in "
                  f"the environment: {', '.join(given) or 'nothing'}")  # fmt: skip
    for name in sorted(os.environ):
        if name.startswith("INTERLOCK_") and name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1, cutoff=0.85)
            yield Finding("Settings", "warning", f"{name} is no setting of Interlock",
                          f"Perhaps {near[0]} is meant." if near else "Take it out.")  # fmt: skip


def node_python() -> Iterator[Finding]:
    python = settings.INTERLOCK.node_python or sys.executable
    try:
        done = subprocess.run([python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        yield Finding("Node Python", "problem", f"{python} does not exist",
                      "Set INTERLOCK_NODE_PYTHON to the Python of your packages, or leave it out.")  # fmt: skip
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(
            "Node Python",
            "problem",
            f"{python} does not run: {error}",
            "Set INTERLOCK_NODE_PYTHON to a python program, or leave it out.",
        )
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


def node_environment() -> Iterator[Finding]:
    names = settings.INTERLOCK.node_env
    missing = [name for name in names if name not in os.environ]
    if missing:
        yield Finding("Node environment", "warning", f"not set: {', '.join(missing)}",
                      "INTERLOCK_NODE_ENV names them: set them, or take them out of it.")  # fmt: skip
    elif names:
        yield Finding("Node environment", "ok", ", ".join(names))


def data_roots() -> Iterator[Finding]:
    for root in settings.INTERLOCK.data_roots:
        if not root.is_dir():
            yield Finding("Data roots", "warning", f"{root} is no folder", "Correct INTERLOCK_DATA_ROOTS.")


def object_store() -> Iterator[Finding]:
    """Does what nodes and pages do there: put, read, delete."""
    config = settings.INTERLOCK
    if not config.artifact_store:
        return
    from engine.artifacts.s3 import ObjectStore

    store, name = ObjectStore(config.artifact_store), f"doctor/{secrets.token_hex(8)}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "object")
            path.write_text(name)
            store.put(str(path), name)
            path.unlink()
            store.get(name, str(path))
            same = path.read_text() == name
            store.delete([name])
    except OSError as error:
        yield Finding("Object store", "problem", str(error), "Until then nodes with tables or large outputs fail.")
        return
    if same:
        yield Finding("Object store", "ok", f"{config.artifact_store}: objects are put, read and deleted")
    else:
        yield Finding("Object store", "problem", f"{config.artifact_store} gives back something else than was put",
                      "Look for what stands between: a proxy, a cache, another server.")  # fmt: skip


def redis_server(database_usable: bool) -> Iterator[Finding]:
    config = settings.INTERLOCK
    if not config.redis_url:
        return
    from engine.hints import check

    if found := check.trouble(config):
        yield Finding("Redis", "warning" if found.bearable else "problem", found.found, found.advice)
        return
    if database_usable and queries.scheduler_alive() and not hints.reachable(config):
        yield Finding(
            "Redis",
            "warning",
            "answers, but the scheduler does not listen there: it hears of new work a second late",
            "Write DATABASE_URL and REDIS_URL alike wherever a part of Interlock is started.",
        )
    else:
        yield Finding("Redis", "ok", "answers")
    if config.executor == "celery" and (policy := check.eviction(config)):
        yield Finding("Redis", "warning", f"drops messages once it is full (maxmemory-policy {policy})",
                      "Set its maxmemory-policy to noeviction.")  # fmt: skip


def static_files() -> Iterator[Finding]:
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


def hosts() -> Iterator[Finding]:
    names = [name for name in settings.ALLOWED_HOSTS if name not in ("localhost", "127.0.0.1", "[::1]")]
    if "*" in names:
        yield Finding("Hosts", "problem", "ALLOWED_HOSTS is *: any site can point a name here and act for its visitors",
                      "List the names under which people open Interlock.")  # fmt: skip
    elif settings.INTERLOCK.trust_proxy and not names:
        yield Finding("Hosts", "problem", "INTERLOCK_TRUST_PROXY is set, but no name under which the proxy is opened: "
                      "what it passes on is refused", "Set ALLOWED_HOSTS to that name.")  # fmt: skip
    elif settings.INTERLOCK.trust_proxy:
        yield Finding("Hosts", "ok", f"{', '.join(names)}, through a TLS proxy; sign-in by http:// does not work")
    elif names:
        yield Finding("Hosts", "ok", f"{', '.join(names)}, by http://. Behind a TLS proxy set INTERLOCK_TRUST_PROXY=1 "
                      "as well")  # fmt: skip
