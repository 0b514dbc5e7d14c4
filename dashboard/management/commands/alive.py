"""`alive`: tell a service manager whether a part of the installation works."""

import http.client
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from dashboard.up.home import running_up, running_webs
from engine.reads import queries, workers

TIMEOUT_SECONDS = 3.0


class Command(BaseCommand):
    help = (
        "Tell whether a part works: web (its event loop turns; the database does not matter), scheduler (one leads), "
        "worker (one of this host sends heartbeats). Exit code 0 or 1. For the probes of service managers."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", choices=["web", "scheduler", "worker"])
        parser.add_argument("--port", type=int, help="of web (default: where the home's `web` or `up` listens)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            problem = _web(options["port"]) if options["part"] == "web" else _beating(options["part"])
        except DatabaseError as error:
            problem = f"the database cannot be asked: {error}"
        if problem:
            self.stderr.write(f"{options['part']}: {problem}")
            sys.exit(1)
        self.stdout.write(f"{options['part']}: alive")


def _web(port: int | None) -> str:
    """Return what is wrong with the web process; empty if nothing."""
    if port is None:
        folder = settings.INTERLOCK.run_folder
        found = [one.address for one in (running_up(folder), *running_webs(folder)) if one is not None and one.address]
        if not found:
            return "nothing serves this home"
        address = found[0].partition("://")[2]
    else:
        address = f"127.0.0.1:{port}"
    link = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    try:
        link.request("GET", "/healthz")
        status = link.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{address} does not answer: {error}"
    finally:
        link.close()
    return "" if status == 200 else f"{address}/healthz returned {status}"


def _beating(part: str) -> str:
    """Return what is wrong with the scheduler, or with the workers of this host; empty if nothing."""
    if part == "scheduler":
        return "" if queries.scheduler_alive() else "none sends heartbeats"
    host = socket.gethostname()
    if any(one["host"] == host and one["state"] != "lost" for one in workers.workers()):
        return ""
    return f"none of {host} sends heartbeats"
