"""What every test may use. Markers that need a server or a browser are decided here."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

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


NEEDS = {"postgres": _postgres_missing, "browser": _browser_missing}


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
