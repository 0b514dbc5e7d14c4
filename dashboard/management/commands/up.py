"""`up` in Django's list of commands. `manage.py` calls dashboard.up.command directly, without loading Django."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.up import command


class Command(BaseCommand):
    help = command.HELP
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(command.run(str(options["host"]), int(options["port"]), has_worker=not options["no_worker"]))
