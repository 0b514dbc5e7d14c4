"""`manage.py migrate`: Django's, one at a time, which also says what to do when the database does not let it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DatabaseError, OperationalError, connection

from engine import schema
from engine.postgres import LOCK_SECONDS, first_line

LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if connection.vendor == "postgresql":
                schema.refuse_newer(schema.applied())
                with schema.alone():
                    super().handle(*args, **options)
            else:
                # There it is `schema.migrate` that locks, and calls this.
                super().handle(*args, **options)
        except schema.SchemaError as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise CommandError(str(schema.unreachable(error))) from error
            raise CommandError(
                f"A table was in use for more than {LOCK_SECONDS} s, by a backup perhaps, and everybody would have "
                "waited behind this migration. Nothing of this step was kept: try again when that is over."
            ) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database {schema.place()} could not be brought up to date: {first_line(error)}. Nothing of this "
                "step was kept."
            ) from error
