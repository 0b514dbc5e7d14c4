"""`up`: the whole product by one command."""

from __future__ import annotations

import os
import sys
import traceback
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.start import Prepared, StartError, make_folders, prepare
from dashboard.up import listen
from dashboard.up.parent import HomeLock, Parent, Refused, say
from engine.schema import SchemaError


class Command(BaseCommand):
    help = (
        "Start everything: migrate, make the first account, serve, run workflows. The first Ctrl-C (or SIGTERM) lets "
        "running nodes end for up to 10 s, the second ends at once. Exit code 0 after a stop that was asked for, "
        "1 when it cannot start, 128 + the signal when it was ended at once."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: a free one)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = str(options["host"]), int(options["port"])
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is no port: give a number from 0 to 65535.")
        try:
            make_folders()
            lock = HomeLock(settings.INTERLOCK.run_folder)
            sockets = listen.open_sockets(host, port)
        except (StartError, Refused, listen.CannotListen) as error:
            raise CommandError(str(error)) from None
        url = listen.address(host, sockets[0].getsockname()[1])
        lock.describe(f"process {os.getpid()}, {url}")
        parent = Parent(settings.INTERLOCK.home, sockets, url, _environment(host))
        prepared: list[Prepared] = []
        try:
            code = parent.run(lambda: prepared.append(prepare(url)), lambda: _announce(url, host, prepared[0]))
        except (StartError, SchemaError, Refused) as error:
            raise CommandError(str(error)) from None
        except Exception as error:
            log = settings.INTERLOCK.home / "log" / "up.log"
            log.parent.mkdir(mode=0o700, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write("".join(traceback.format_exception(error)))
            raise CommandError(f"up failed by an error of its own: {error!r}. More is in {log}.") from None
        sys.exit(code)


def _environment(host: str) -> dict[str, str]:
    """Of the children: as ours, and the address that people were told is one they may use."""
    environment = dict(os.environ)
    if not environment.get("ALLOWED_HOSTS") and not listen.is_any(host) and not listen.is_loopback(host):
        name = f"[{host}]" if ":" in host else host
        environment["ALLOWED_HOSTS"] = f"localhost 127.0.0.1 [::1] {name}"
    return environment


def _announce(url: str, host: str, prepared: Prepared) -> None:
    say(f"Interlock is ready: {url}")
    if prepared.login_link:
        say(f"Sign in as admin, once, by this link: {prepared.login_link}")
        say("It is printed at every start until you set a password (or start with INTERLOCK_ADMIN_PASSWORD).")
    if listen.is_any(host) and not os.environ.get("ALLOWED_HOSTS"):
        say("Set ALLOWED_HOSTS to the names that others use for this machine; now it answers to localhost alone.")
    if not listen.is_loopback(host):
        say("It listens beyond this machine. Editors can run code here: put TLS and a firewall before it.")
    say("Stop with Ctrl-C.")
