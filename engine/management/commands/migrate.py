"""`manage.py migrate`: Django's, which also says what to do when the database does not let it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError

from engine import schema
from engine.postgres import LOCK_SECONDS

LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise CommandError(str(schema.unreachable(error))) from error
            raise CommandError(
                f"A table was in use for more than {LOCK_SECONDS} s, by a backup perhaps, and everybody would have "
                "waited behind this migration. Nothing of this step was kept: try again when that is over."
            ) from error
