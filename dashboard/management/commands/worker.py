"""`worker`: runs nodes on this host, as `celery -A engine worker` does, with its arguments."""

from __future__ import annotations

import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run nodes on this host: celery -A engine worker, with its arguments (-Q queue,... -n name)."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        # Celery has the process to itself, for it loads no Django.
        os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "engine", "worker", *argv[2:]])  # noqa: S606 - ours
