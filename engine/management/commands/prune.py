"""`manage.py prune`: deletes what is older than the retention."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from engine.actions.retention import prune
from engine.artifacts.s3 import ArtifactStoreError
from engine.config import RETENTION_DAYS_MAX
from engine.database import schema


class Command(BaseCommand):
    help = (
        "Delete runs that ended long ago, with their logs, events and artifacts; done commands; definitions and "
        "artifacts that nothing names. Safe while the product runs."
    )

    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=float,
            default=settings.INTERLOCK.retention_days,
            help=f"Keep runs that ended within so many ({settings.INTERLOCK.retention_days}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["days"] <= RETENTION_DAYS_MAX:
            raise CommandError(f"--days must be a number from 0 to {RETENTION_DAYS_MAX}.")
        try:
            schema.require()
            pruned = prune(days=options["days"])
        except schema.SchemaError as error:
            raise CommandError(str(error)) from None
        except ArtifactStoreError as error:
            raise CommandError(f"Runs are deleted, but not all artifacts: {error}") from None
        except DatabaseError as error:
            raise CommandError(f"The database {schema.location()} cannot be used: {error}") from None
        self.stdout.write(
            f"Deleted {pruned.runs} runs, {pruned.artifacts} artifacts ({pruned.artifact_bytes / 1e6:.1f} MB), "
            f"{pruned.definitions} definitions and {pruned.commands} done commands; "
            f"merged {pruned.batches} event batches."
        )
