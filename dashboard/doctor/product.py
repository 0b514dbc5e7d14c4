"""Checks of the running product: whether it runs and answers, leftovers of a killed one, the port."""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

from dashboard.doctor.result import CheckResult, command_line
from dashboard.up.home import RunningUp
from engine.supervisor import cleanup


def answers(up: RunningUp | None) -> Iterator[CheckResult]:
    if up is None:
        return
    if not up.address:
        yield CheckResult("Interlock", "ok", "starting")
    elif (error := _readiness_error(up.address)) is None:
        yield CheckResult("Interlock", "ok", f"running ({up})")
    else:
        yield CheckResult("Interlock", "problem", f"running ({up}), but {error}", "This is normal while it starts. "
                                                                                  "Otherwise see "
                      f"{settings.INTERLOCK.home / 'log'} and restart it: kill {up.pid}")  # fmt: skip


def _readiness_error(address: str) -> str | None:
    """Return why /readyz reports that it is not ready; None if it is ready."""
    status, body = _get(address, "/readyz")
    if status == 200:
        return None
    if not status:
        return "it does not respond"
    try:
        return f"it is not ready: {json.loads(body)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"/readyz returned {status}"


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Return status and body; status 0 if there is no response."""
    parts = urlsplit(address)
    link = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        link.request("GET", path, headers={"Host": f"localhost:{parts.port}"})
        response = link.getresponse()
        return response.status, response.read(4096)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        link.close()


def leftovers() -> Iterator[CheckResult]:
    orphans = cleanup.orphans(cleanup.mark_prefix(settings.INTERLOCK.home))
    if orphans:
        pids = ", ".join(str(process.pid) for process in orphans[:10])
        yield CheckResult("Leftovers", "warning", f"node processes are left from an Interlock that was killed: {pids}",
                      f"The next start stops them: {command_line('up')}")  # fmt: skip


def port(number: int, up: RunningUp | None) -> Iterator[CheckResult]:
    """Check whether `up` could listen on the port, unless it is running."""
    if up is not None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            free = f"use another port: {command_line(f'up --port {number + 1}')}"
            if _get(f"http://127.0.0.1:{number}", "/healthz") == (200, b'{"status":"ok"}'):
                yield CheckResult("Port", "warning", f"{number} is used by an Interlock with another home",
                              f"Set INTERLOCK_HOME to that home, or {free}")  # fmt: skip
            else:
                yield CheckResult("Port", "warning", f"{number} cannot be used: {error.strerror}",
                              f"Stop the program that uses it, or {free}")  # fmt: skip
            return
    yield CheckResult("Port", "ok", f"{number} is free")
