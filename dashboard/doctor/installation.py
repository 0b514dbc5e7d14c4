"""Checks of the settings, the Python of nodes, the stores and the front end."""

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

from dashboard.doctor.environment import differing, environment_of
from dashboard.doctor.result import CheckResult
from dashboard.up.home import running_up
from engine import hints
from engine.config import SETTINGS
from engine.reads import queries

PROBE = "import json, sys; print(json.dumps([list(sys.version_info[:3]), __import__('duckdb').__version__]))"


def settings_in_force() -> Iterator[CheckResult]:
    config = settings.INTERLOCK
    given = sorted(name for name in SETTINGS if os.environ.get(name))
    # Print names only: values may contain passwords.
    yield CheckResult(
        "Settings",
        "ok",
        f"{config.max_concurrent} concurrent nodes, {config.processes} node processes, "
        f"{config.node_memory_mb:,} MiB of memory for a node; "
        f"set in the environment: {', '.join(given) or 'nothing'}",
    )
    if (up := running_up(config.run_folder)) is not None and up.pid:
        theirs = environment_of(up.pid)
        if theirs is None:
            yield CheckResult("Settings", "warning", f"those of the running process {up.pid} cannot be read; these are "
                              "of this shell", "Run this command as the account of that process.")  # fmt: skip
        elif names := differing(theirs):
            yield CheckResult("Settings", "warning", f"differ from those of the running process {up.pid}: "
                              f"{', '.join(names)}", "Run `interlock doctor`: it uses those.")  # fmt: skip
    for name in sorted(os.environ):
        if name.startswith("INTERLOCK_") and name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1, cutoff=0.85)
            yield CheckResult("Settings", "warning", f"{name} is not an Interlock setting",
                          f"Did you mean {near[0]}?" if near else "Remove it.")  # fmt: skip


def node_python() -> Iterator[CheckResult]:
    python = settings.INTERLOCK.node_python or sys.executable
    try:
        done = subprocess.run([python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        yield CheckResult("Node Python", "problem", f"{python} does not exist",
                      "Set INTERLOCK_NODE_PYTHON to the Python that has your packages, or unset it.")  # fmt: skip
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        yield CheckResult(
            "Node Python",
            "problem",
            f"{python} cannot be run: {error}",
            "Set INTERLOCK_NODE_PYTHON to a Python interpreter, or unset it.",
        )
        return
    try:
        version, duckdb = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        advice = f"Install it: {python} -m pip install duckdb" if "duckdb" in last else "Fix that installation."
        yield CheckResult("Node Python", "problem", f"{python} cannot load duckdb ({last})", advice)
        return
    text = f"{python}: Python {'.'.join(map(str, version))}, duckdb {duckdb}"
    if tuple(version) < (3, 10):
        yield CheckResult("Node Python", "problem", text, "Nodes need Python 3.10 or newer.")
    else:
        yield CheckResult("Node Python", "ok", text)


def node_environment() -> Iterator[CheckResult]:
    names = settings.INTERLOCK.node_env
    missing = [name for name in names if name not in os.environ]
    if missing:
        yield CheckResult("Node environment", "warning", f"not set: {', '.join(missing)}",
                      "Set them, or remove them from INTERLOCK_NODE_ENV.")  # fmt: skip
    elif names:
        yield CheckResult("Node environment", "ok", ", ".join(names))


def data_roots() -> Iterator[CheckResult]:
    for root in settings.INTERLOCK.data_roots:
        if not root.is_dir():
            yield CheckResult("Data roots", "warning", f"{root} is not a folder", "Correct INTERLOCK_DATA_ROOTS.")


def object_store() -> Iterator[CheckResult]:
    """Put, read and delete an object, as nodes and pages do."""
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
        yield CheckResult(
            "Object store", "problem", str(error), "Nodes with tables or large outputs fail until this is fixed."
        )
        return
    if same:
        yield CheckResult("Object store", "ok", f"{config.artifact_store}: objects can be stored, read and deleted")
    else:
        yield CheckResult("Object store", "problem", f"{config.artifact_store} returned different content than was "
                                                     f"stored",
                      "Check for a proxy, a cache or another server in between.")  # fmt: skip


def redis_server(database_usable: bool) -> Iterator[CheckResult]:
    config = settings.INTERLOCK
    if not config.redis_url:
        return
    from engine.hints import check

    if problem := check.find_problem(config):
        yield CheckResult("Redis", "warning" if problem.is_warning else "problem", problem.found, problem.advice)
        return
    if database_usable and queries.scheduler_alive() and not hints.reachable(config):
        yield CheckResult(
            "Redis",
            "warning",
            "reachable, but the scheduler does not use it: new work starts up to a second late",
            "Set the same DATABASE_URL and REDIS_URL for every process of Interlock.",
        )
    else:
        yield CheckResult("Redis", "ok", "reachable")
    if config.executor == "celery" and (policy := check.eviction_policy(config)):
        yield CheckResult("Redis", "warning", f"drops messages when it is full (maxmemory-policy {policy})",
                      "Set maxmemory-policy to noeviction.")  # fmt: skip


def static_files() -> Iterator[CheckResult]:
    folder = settings.BASE_DIR / "static" / "dist"
    built = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not built:
        yield CheckResult("Static files", "problem", f"{folder} is empty: pages have no styles and no scripts",
                      "Check out the repository again, or build them: make frontend")  # fmt: skip
    elif finders.find("drf_spectacular_sidecar") is None and not finders.find(
        "drf_spectacular_sidecar/swagger-ui-dist"
    ):
        yield CheckResult("Static files", "warning", "files of /api/docs/ are missing",
                      "Install the dependencies again: make install")  # fmt: skip
    else:
        yield CheckResult("Static files", "ok", f"{len(built)} files in {folder}")


def hosts() -> Iterator[CheckResult]:
    names = [name for name in settings.ALLOWED_HOSTS if name not in ("localhost", "127.0.0.1", "[::1]")]
    if "*" in names:
        yield CheckResult("Hosts", "problem", "ALLOWED_HOSTS is *: any site can point a host name here and act on "
                                              "behalf of its visitors",
                      "List the host names under which people open Interlock.")  # fmt: skip
    elif settings.INTERLOCK.trust_proxy and not names:
        yield CheckResult("Hosts", "problem", "INTERLOCK_TRUST_PROXY is set, but the proxy's host name is not allowed: "
                          "all requests through it are refused", "Set ALLOWED_HOSTS to that name.")  # fmt: skip
    elif settings.INTERLOCK.trust_proxy:
        yield CheckResult("Hosts", "ok", f"{', '.join(names)}, behind a TLS proxy; sign-in over http:// does not work")
    elif names:
        yield CheckResult("Hosts", "ok", f"{', '.join(names)}, over http://. Behind a TLS proxy, set "
                                         f"INTERLOCK_TRUST_PROXY=1 "
                      "too")  # fmt: skip
