"""`doctor`: checks the installation and says what is wrong."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard import checkup


class Command(BaseCommand):
    help = "Check the installation, a line each: ok, warning or problem, with what to do. Exit code 1: a problem."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the port that `up` is to listen on (default 8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        port = int(options["port"])
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is no port: give a number from 0 to 65535.")
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "problem": self.style.ERROR}
        counted = {"ok": 0, "warning": 0, "problem": 0}
        for finding in checkup.findings(port):
            counted[finding.level] += 1
            self.stdout.write(f"{styles[finding.level](f'{finding.level:8}')} {finding.name}: {finding.found}")
            if finding.advice:
                self.stdout.write(f"         {finding.advice}")
            self.stdout.flush()
        if counted["problem"]:
            self.stdout.write(f"{_many(counted['problem'], 'problem')}, {_many(counted['warning'], 'warning')}.")
            sys.exit(1)
        if counted["warning"]:
            self.stdout.write(f"No problem, {_many(counted['warning'], 'warning')}.")
        else:
            self.stdout.write("All is well.")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
