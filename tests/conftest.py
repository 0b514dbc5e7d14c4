"""What every test may use. Markers that need a server or a browser are decided here; faults of a session are counted
and said at its end."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from tests.faults import clocks, count
from tests.support import effort, network, postgres

if count.VARIABLE not in os.environ:
    os.environ[count.VARIABLE] = str(Path(tempfile.mkdtemp(prefix="interlock-faults-")) / "count")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _postgres_missing() -> str:
    host, port = os.environ.get("PGHOST", "127.0.0.1"), int(os.environ.get("PGPORT", "5432"))
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError as error:
        return f"no PostgreSQL on {host}:{port} ({error})"
    return ""


def _browser_missing() -> str:
    return "" if CHROMIUM else "no Chromium on this machine"


def _redis_missing() -> str:
    return "" if shutil.which("redis-server") else "no redis-server on this machine"


def _own_postgres_missing() -> str:
    return "" if postgres.program("initdb") else "no program initdb on this machine"


def _faketime_missing() -> str:
    return "" if clocks.library() else "no libfaketime on this machine"


def _cables_missing() -> str:
    return network.missing()


NEEDS = {
    "cables": _cables_missing,
    "faketime": _faketime_missing,
    "own_postgres": _own_postgres_missing,
    "postgres": _postgres_missing,
    "redis": _redis_missing,
    "browser": _browser_missing,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The browser's driver keeps an event loop in this thread from its first use on, beside which no other may run.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for marker, missing in NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing or not (reason := missing()):
            continue
        if os.environ.get("CI"):
            raise pytest.UsageError(f"{len(needing)} tests need what CI must provide: {reason}")
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=reason))


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
