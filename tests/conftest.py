"""What tests need of this machine, and the faults that a session has injected."""

import atexit
import gc
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from engine.hints import unix
from engine.sql.check.checker import checker
from tests.browser.axe import AXE
from tests.faults import clocks, count
from tests.support import effort, network, templates

if count.VARIABLE not in os.environ:
    os.environ[count.VARIABLE] = str(Path(tempfile.mkdtemp(prefix="interlock-faults-")) / "count")
if templates.FOLDER not in os.environ:
    os.environ[templates.FOLDER] = tempfile.mkdtemp(prefix="interlock-templates-")
    Path(os.environ[templates.FOLDER]).chmod(0o755)
    atexit.register(shutil.rmtree, os.environ[templates.FOLDER], ignore_errors=True)

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None
)
"""The shell, where there is one, takes half the processor time: the others draw a window around every page."""


def _postgres_missing() -> str:
    host, port = os.environ.get("PGHOST", "127.0.0.1"), int(os.environ.get("PGPORT", "5432"))
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError as error:
        return f"no PostgreSQL on {host}:{port} ({error})"
    return ""


NEEDS = {
    "axe": lambda: "" if AXE.exists() else "axe-core is not installed: make frontend",
    "browser": lambda: "" if CHROMIUM else "no Chromium on this machine",
    "cables": network.missing,
    "faketime": lambda: "" if clocks.library() else "no libfaketime on this machine",
    "postgres": _postgres_missing,
    "redis": lambda: "" if shutil.which("redis-server") else "no redis-server on this machine",
}
"""Marker -> why tests with it cannot run here; empty: they can."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker, missing in NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing or not (reason := missing()):
            continue
        if os.environ.get("CI"):
            raise pytest.UsageError(f"{len(needing)} tests need what CI must provide: {reason}")
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """Leave modules and collected tests, which stay to the end, out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Close what a process of the product leaves to its exit, where Python reports it."""
    checker.close()
    if unix._wake_sender.socket is not None:
        unix._wake_sender.socket.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if effort.LONG and effort.seeds:
        terminalreporter.section("seeds")
        for name, seed in sorted(effort.seeds.items()):
            terminalreporter.write_line(f"{seed:11} {name}")
    found = count.total(Path(os.environ[count.VARIABLE]))
    if found:
        terminalreporter.section(f"{sum(found.values())} faults injected")
        for kind, n in sorted(found.items()):
            terminalreporter.write_line(f"{n:6} {kind}")
