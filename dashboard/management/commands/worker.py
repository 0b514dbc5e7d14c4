"""`worker`: run nodes on this host. Same as `celery -A engine worker`, with the same arguments."""

import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run nodes on this host; same as celery -A engine worker, with its arguments (-Q queue,... -n name)."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        # Celery gets the process to itself, because it loads no Django.
        os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "engine", "worker", *argv[2:]])  # noqa: S606 - ours
