"""`doctor`: check the installation and report what is wrong."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard import doctor
from dashboard.doctor.environment import differing, environment_of
from dashboard.up.home import running_up

_TERMINAL: Final = ("TERM", "NO_COLOR", "DJANGO_COLORS", "COLUMNS", "LANG", "LC_ALL", "PYTHONPATH")
"""Variables of this shell that are kept."""


class Command(BaseCommand):
    help = "Check the installation and report problems with their fixes. Exits with 1 if there is a problem."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the port that `up` would listen on (default 8000)")

        parser.add_argument(
            "--shell", action="store_true", help="check the settings of this shell, not those of the running `up`"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        port = int(options["port"])
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is not a port: use a number from 0 to 65535.")
        up = running_up(settings.INTERLOCK.run_folder)
        if up is not None and not options["shell"]:
            _use_settings_of(up.pid)
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "problem": self.style.ERROR}
        counts = {"ok": 0, "warning": 0, "problem": 0}
        for result in doctor.run_checks(port):
            counts[result.level] += 1
            self.stdout.write(f"{styles[result.level](f'{result.level:8}')} {result.name}: {result.message}")
            if result.advice:
                self.stdout.write(f"         {result.advice}")
            self.stdout.flush()
        if counts["problem"]:
            self.stdout.write(f"{_count(counts['problem'], 'problem')}, {_count(counts['warning'], 'warning')}.")
            sys.exit(1)
        if counts["warning"]:
            self.stdout.write(f"No problems, {_count(counts['warning'], 'warning')}.")
        else:
            self.stdout.write("No problems found.")


def _use_settings_of(pid: int) -> None:
    """Begin again with the environment of the running `up`, unless it has the settings of this one.

    Otherwise this would check what another shell would start.
    """
    theirs = environment_of(pid)
    if theirs is None or not differing(theirs) or Path(sys.argv[0]).stem not in ("manage", "interlock"):
        return
    own = {name: os.environ[name] for name in _TERMINAL if name in os.environ}
    environment = {**theirs, **own, "INTERLOCK_HOME": str(settings.INTERLOCK.home)}
    os.execve(sys.executable, [sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]], environment)  # noqa: S606 - itself


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
