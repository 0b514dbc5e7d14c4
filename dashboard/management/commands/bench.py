"""`bench`: measure speed and memory. The measurements are in `tests/bench`, which only a checkout contains."""

import sys
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


def _command() -> type[BaseCommand]:
    if not (settings.BASE_DIR / "tests" / "bench").is_dir():
        return Missing
    if str(settings.BASE_DIR) not in sys.path:
        sys.path.insert(0, str(settings.BASE_DIR))
    command: type[BaseCommand] = import_module("tests.bench.command").Command
    return command


class Missing(BaseCommand):
    help = "Measure speed and memory (from a checkout only)."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        self.stderr.write("bench needs a checkout of Interlock; installed packages do not contain it.")
        sys.exit(1)

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError("bench needs a checkout of Interlock; installed packages do not contain it.")


Command = _command()
