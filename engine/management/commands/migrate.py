"""`manage.py migrate`: Django's command, with a lock against a second one at the same time, with each migration in one
transaction, and with errors that say what to do."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DatabaseError, OperationalError, connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from engine.database import schema
from engine.database.postgres import LOCK_SECONDS, first_line

LOCK_NOT_AVAILABLE = "55P03"


class RecordingMigrationExecutor(MigrationExecutor):
    """Records a migration as applied in the migration's own transaction.

    Django defers statements that create indexes or references, and then records the migration in a transaction of its
    own. If it were killed in between, the next start would apply the migration again, to tables that exist.
    """

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        if migration.atomic:
            migration.apply = partial(_apply_whole, migration.apply)  # type: ignore[method-assign]
        return super().apply_migration(state, migration, fake, fake_initial)


def _apply_whole(
    apply: Callable[..., ProjectState], state: ProjectState, editor: BaseDatabaseSchemaEditor, collect_sql: bool = False
) -> ProjectState:
    """Apply a migration and its deferred statements. With none left, Django records it in the same transaction."""
    state = apply(state, editor, collect_sql)
    for statement in editor.deferred_sql:
        editor.execute(statement, None)
    editor.deferred_sql.clear()
    return state


# Django's command offers no other way to replace it.
migrate.MigrationExecutor = RecordingMigrationExecutor  # type: ignore[attr-defined]


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if connection.vendor == "postgresql":
                schema.refuse_newer(schema.applied_migrations())
                with schema.migration_lock():
                    super().handle(*args, **options)
            else:
                # With SQLite, `schema.migrate` takes the lock and calls this command.
                super().handle(*args, **options)
        except schema.SchemaError as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise CommandError(str(schema.unreachable(error))) from error
            raise CommandError(
                f"A table was in use for more than {LOCK_SECONDS} s, perhaps by a backup, and all other processes "
                "would have waited behind this migration. This step was rolled back: try again later."
            ) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database {schema.location()} could not be migrated: {first_line(error)}. "
                "This step was rolled back."
            ) from error
