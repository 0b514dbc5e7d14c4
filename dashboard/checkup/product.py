"""The product as it runs: whether it does, whether it answers, what a killed one left, the port."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

from dashboard.checkup.finding import Finding, typed
from dashboard.up.home import Holder
from engine.supervisor import cleanup as left


def answers(up: Holder | None) -> Iterator[Finding]:
    if up is None:
        return
    if not up.address:
        yield Finding("Interlock", "ok", "is starting")
    elif (wrong := _wrong(up.address)) is None:
        yield Finding("Interlock", "ok", f"runs ({up})")
    else:
        yield Finding("Interlock", "problem", f"runs ({up}), but {wrong}", "While it starts that passes. Else the "
                      f"reason is in {settings.INTERLOCK.home / 'log'}; start it anew: kill {up.pid}")  # fmt: skip


def _wrong(address: str) -> str | None:
    """What /readyz says is wrong; None: nothing."""
    status, body = _ask(address, "/readyz")
    if status == 200:
        return None
    if not status:
        return "it does not answer"
    try:
        return f"it is not ready: {json.loads(body)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"/readyz answers {status}"


def _ask(address: str, path: str) -> tuple[int, bytes]:
    """Status and body; status 0: no answer."""
    parts = urlsplit(address)
    link = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=5)
    try:
        link.request("GET", path, headers={"Host": f"localhost:{parts.port}"})
        answer = link.getresponse()
        return answer.status, answer.read(4096)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        link.close()


def leftovers() -> Iterator[Finding]:
    found = left.orphans(left.mark_prefix(settings.INTERLOCK.home))
    if found:
        pids = ", ".join(str(one.pid) for one in found[:10])
        yield Finding("Leftovers", "warning", f"processes of nodes outlived a killed Interlock: {pids}",
                      f"The next start ends them: {typed('up')}")  # fmt: skip


def port(number: int, up: Holder | None) -> Iterator[Finding]:
    """Whether `up` could listen there; nothing to say when it runs."""
    if up is not None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            free = f"choose another: {typed(f'up --port {number + 1}')}"
            if _ask(f"http://127.0.0.1:{number}", "/healthz") == (200, b'{"status":"ok"}'):
                yield Finding("Port", "warning", f"{number} is taken by an Interlock with another home",
                              f"INTERLOCK_HOME says which home is meant here; for both {free}")  # fmt: skip
            else:
                yield Finding("Port", "warning", f"{number} cannot be used: {error.strerror}",
                              f"End the program that has it, or {free}")  # fmt: skip
            return
    yield Finding("Port", "ok", f"{number} is free")
