"""`doctor`: check the installation and report what is wrong."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard import doctor


class Command(BaseCommand):
    help = "Check the installation and report problems with their fixes. Exits with 1 if there is a problem."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the port that `up` would listen on (default 8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        port = int(options["port"])
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is not a port: use a number from 0 to 65535.")
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


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
