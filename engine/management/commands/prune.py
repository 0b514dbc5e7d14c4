"""`manage.py prune`: deletes what is older than the retention."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.retention import RETENTION_DAYS, prune


class Command(BaseCommand):
    help = (
        "Delete runs that ended long ago, with their logs, events and artifacts; done commands; definitions and "
        "artifacts that nothing names. Safe while the product runs."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=float,
            default=RETENTION_DAYS,
            help=f"Keep runs that ended within so many ({RETENTION_DAYS}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 0:
            raise CommandError("--days must be 0 or more.")
        pruned = prune(days=options["days"])
        self.stdout.write(
            f"Deleted {pruned.runs} runs, {pruned.artifacts} artifacts ({pruned.artifact_bytes / 1e6:.1f} MB), "
            f"{pruned.definitions} definitions and {pruned.commands} done commands; "
            f"merged {pruned.batches} event batches."
        )
