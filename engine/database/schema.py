"""Checks whether the database's schema is ours and current, and migrates it.

A check takes two small queries and a look at file names: a start that has nothing to migrate does not load Django's
migrations.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.utils.connection import ConnectionDoesNotExist

from engine.database.postgres import EXPANDING_NAME, advice, first_line

ADVISORY_LOCK = 0x696E_7465_726D_6967
"""Key of PostgreSQL's advisory lock for migrations ("intermig"); the scheduler's is another."""
LOCK_RETRY_SECONDS = 0.1

COLUMN_QUERIES = {
    "sqlite": """SELECT t.name, c.name, c."notnull" = 0 OR c.dflt_value IS NOT NULL """
    "FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    "postgresql": "SELECT table_name, column_name, is_nullable = 'YES' OR column_default IS NOT NULL "
    "FROM information_schema.columns WHERE table_schema = current_schema()",
}
"""By vendor: selects (table, column, whether an insert may leave it out) of all tables."""
RESTORE = "Keep a copy of it, and restore a backup."


class SchemaError(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


def location() -> str:
    """Return where the database is, without its password: a path, or name, host and port."""
    settings_dict = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(settings_dict["NAME"])
    return f"{settings_dict['NAME']} on {settings_dict['HOST'] or 'localhost'}:{settings_dict['PORT'] or 5432}"


def known_migrations() -> set[tuple[str, str]]:
    """Return (app, migration) for each migration file of the installed apps."""
    found: set[tuple[str, str]] = set()
    for app in apps.get_app_configs():
        folder = Path(app.path) / "migrations"
        if folder.is_dir():
            found.update((app.label, file.stem) for file in folder.glob("[0-9]*.py"))
    return found


def applied_migrations() -> set[tuple[str, str]]:
    """Return (app, migration) for each migration of this database; none if it has no tables.

    Raises SchemaError if it cannot be reached, or belongs to another application.
    """
    try:
        with connection.cursor() as cursor:
            tables = set(connection.introspection.table_names(cursor))
            if not tables:
                return set()
            _refuse_foreign(tables)
            if "django_migrations" not in tables:
                return set()
            cursor.execute("SELECT app, name FROM django_migrations")
            return set(cursor.fetchall())
    except (OperationalError, ConnectionDoesNotExist) as error:
        raise unreachable(error) from error
    except DatabaseError as error:
        raise SchemaError(f"{location()} cannot be read as a database: {first_line(error)}. {RESTORE}") from error


def is_current() -> bool:
    """Return whether every migration is applied.

    Raises SchemaError for a database that cannot be reached, belongs to another application, or is too new.
    """
    applied = applied_migrations()
    refuse_newer(applied)
    if not known_migrations() <= applied:
        return False
    refuse_other_columns(apps.get_models())
    return True


def newer_migrations(applied: Iterable[tuple[str, str]]) -> list[str]:
    """Return those of these migrations that our apps do not have in this program: "app.name", in order."""
    ours = {app.label for app in apps.get_app_configs()}
    return sorted(f"{app}.{name}" for app, name in set(applied) - known_migrations() if app in ours)


def refuse_newer(applied: Iterable[tuple[str, str]]) -> None:
    """Raise SchemaError for a migration that this program does not know and cannot work with."""
    for name in newer_migrations(applied):
        if not EXPANDING_NAME.match(name.partition(".")[2]):
            raise SchemaError(
                f"The database {location()} was written by a newer Interlock (it has {name}). "
                "Start that version, or restore a backup."
            )


def migrate() -> bool:
    """Bring the schema up to date; return whether that was necessary. Raises SchemaError."""
    if is_current():
        return False
    with migration_lock():
        if is_current():
            return False
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except CommandError as error:
            # A receiver in `engine.apps` refuses the database before anything is changed.
            raise SchemaError(str(error)) from error
        except DatabaseError as error:
            # SQLite says this of a damaged file.
            remedy = RESTORE if "malformed" in str(error) else "Fix the cause and start again."
            raise SchemaError(
                f"The database {location()} could not be migrated: {first_line(error)}. This step was rolled back. "
                f"{remedy}"
            ) from error
    return True


def require() -> None:
    """Raise SchemaError unless the schema is current. For commands that must not migrate."""
    if not is_current():
        raise SchemaError(
            f"The database {location()} is not set up or not up to date. Run `interlock up` or "
            "`interlock migrate` once."
        )


def unreachable(error: Exception) -> SchemaError:
    """Return the error of a database that cannot be opened or reached."""
    if connection.vendor == "sqlite":
        return SchemaError(
            f"The database {location()} cannot be opened: {first_line(error)}. Check that its folder exists and is "
            "writable, and that the disk is not full."
        )
    return SchemaError(f"The database {location()} cannot be reached: {first_line(error)}. {advice(error)}")


def _refuse_foreign(tables: set[str]) -> None:
    """Raise SchemaError if there are tables of another application and none of ours.

    Django's own tables prove nothing: an interrupted first migration leaves them, and another Django project has them
    too, beside tables that we do not know.
    """
    our_tables = {*connection.introspection.django_table_names(include_views=False), "django_migrations"}
    framework = ("django_", "auth_")
    product_tables = {name for name in our_tables if not name.startswith(framework)}
    unknown = sorted(tables - our_tables)
    if unknown and not tables & product_tables:
        raise SchemaError(
            f'The database {location()} belongs to another application (it has a table "{unknown[0]}" and none of '
            "Interlock's). Use a separate database in DATABASE_URL. Nothing was changed."
        )


def refuse_other_columns(models: Iterable[type[Model]]) -> None:
    """Raise SchemaError unless the tables of `models` have all their columns, and no others that an insert must fill.

    The names of applied migrations do not show this: the first migrations were rewritten before the first release.
    """
    wanted = {(model._meta.db_table, field.column) for model in models for field in model._meta.local_fields}
    tables = {table for table, _ in wanted}
    with connection.cursor() as cursor:
        cursor.execute(COLUMN_QUERIES[connection.vendor])
        found = {(table, column): bool(free) for table, column, free in cursor.fetchall() if table in tables}
    missing = wanted - found.keys()
    required = {key for key, free in found.items() if not free} - wanted
    if not missing and not required:
        return
    table, column = min(missing or required)
    wrong = f'no column "{column}"' if missing else f'an unknown required column "{column}"'
    raise SchemaError(
        f"The database {location()} was created by an early version of Interlock and cannot be migrated "
        f"({table} has {wrong}). Start that version, or set INTERLOCK_HOME to another folder (DATABASE_URL to another "
        "database). Nothing was changed."
    )


@contextmanager
def migration_lock() -> Iterator[None]:
    """Let only one process migrate at a time: two first starts may share a database. Reentrant on PostgreSQL."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Polls, because an index that is created concurrently would wait for a statement that waits for the lock.
            while not _try_lock(cursor):
                time.sleep(LOCK_RETRY_SECONDS)
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        return
    folder = settings.INTERLOCK.run_folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "migrate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _try_lock(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
    return bool(cursor.fetchone()[0])
