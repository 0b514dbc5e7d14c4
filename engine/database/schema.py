"""The database's schema: whether it is ours and current, and bringing it there.

Asking is quick (two small queries and a look at file names), so that a later start does not load the machinery
of migrations to learn that there is nothing to do.
"""

from __future__ import annotations

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
"""Key of PostgreSQL's advisory lock around a migration ("intermig"); another than the scheduler's."""
LOCK_LOOK_SECONDS = 0.1

COLUMNS = {
    "sqlite": """SELECT t.name, c.name, c."notnull" = 0 OR c.dflt_value IS NOT NULL """
    "FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    "postgresql": "SELECT table_name, column_name, is_nullable = 'YES' OR column_default IS NOT NULL "
    "FROM information_schema.columns WHERE table_schema = current_schema()",
}
"""(table, column, whether an insert may leave it out) of all tables, by vendor."""
RESTORE = "Keep a copy of it, and restore a backup."


class SchemaError(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


def place() -> str:
    """The database in words, without its password."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(found["NAME"])
    where = found["HOST"] or "localhost"
    return f"{found['NAME']} on {where}:{found['PORT'] or 5432}"


def expected() -> set[tuple[str, str]]:
    """(app, migration) for each migration file of the installed apps."""
    found: set[tuple[str, str]] = set()
    for app in apps.get_app_configs():
        folder = Path(app.path) / "migrations"
        if folder.is_dir():
            found.update((app.label, file.stem) for file in folder.glob("[0-9]*.py"))
    return found


def applied() -> set[tuple[str, str]]:
    """(app, migration) for what this database has; empty without its table. Raises SchemaError, when unreachable."""
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
        raise SchemaError(f"{place()} cannot be read as a database: {first_line(error)}. {RESTORE}") from error


def is_current() -> bool:
    """Whether every migration is applied. Raises SchemaError: unreachable, foreign, or newer than this program can work
    with."""
    have, want = applied(), expected()
    refuse_newer(have)
    if not want <= have:
        return False
    refuse_other_columns(apps.get_models())
    return True


def newer(have: Iterable[tuple[str, str]]) -> list[str]:
    """Of these migrations those of our apps that this program does not know: "app.name", in order."""
    ours = {app.label for app in apps.get_app_configs()}
    return sorted(f"{app}.{name}" for app, name in set(have) - expected() if app in ours)


def refuse_newer(have: Iterable[tuple[str, str]]) -> None:
    """Raise SchemaError for one of these migrations that this program does not know, nor survives."""
    for name in newer(have):
        if not EXPANDING_NAME.match(name.partition(".")[2]):
            raise SchemaError(
                f"The database {place()} was written by a newer Interlock (it has {name}). "
                "Start that version, or restore a backup."
            )


def migrate() -> bool:
    """Bring the schema up to date; whether anything had to be done. Raises SchemaError."""
    if is_current():
        return False
    with alone():
        if is_current():
            return False
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except CommandError as error:
            # `engine.apps` refuses before anything is changed.
            raise SchemaError(str(error)) from error
        except DatabaseError as error:
            # SQLite's word for a damaged file.
            remedy = RESTORE if "malformed" in str(error) else "Mend the cause and start again."
            raise SchemaError(
                f"The database {place()} could not be brought up to date: {first_line(error)}. Nothing of this step "
                f"was kept. {remedy}"
            ) from error
    return True


def require() -> None:
    """Raise SchemaError unless the schema is current: for commands that must not migrate by themselves."""
    if not is_current():
        raise SchemaError(
            f"The database {place()} is not set up or not up to date. Start `up` once, or use the command migrate."
        )


def unreachable(error: Exception) -> SchemaError:
    """What to tell people when the database does not answer."""
    if connection.vendor == "sqlite":
        return SchemaError(
            f"The database {place()} cannot be opened: {first_line(error)}. Check that its folder exists, that you "
            "may write there, and that the disk is not full."
        )
    return SchemaError(f"The database {place()} cannot be reached: {first_line(error)}. {advice(error)}")


def _refuse_foreign(tables: set[str]) -> None:
    """Raise SchemaError for tables of another application and none of ours.

    Those of Django itself prove nothing: an interrupted first migration leaves them alone, and so does another
    Django project, which then has a table that we do not know.
    """
    known = {*connection.introspection.django_table_names(include_views=False), "django_migrations"}
    framework = ("django_", "auth_")
    ours = {name for name in known if not name.startswith(framework)}
    strangers = sorted(tables - known)
    if strangers and not tables & ours:
        raise SchemaError(
            f'The database {place()} belongs to another application (it has a table "{strangers[0]}" and none of '
            "Interlock's). Give DATABASE_URL a database of its own; nothing was changed."
        )


def refuse_other_columns(models: Iterable[type[Model]]) -> None:
    """Raise SchemaError unless the tables of `models` have their columns, and no others that an insert must fill.

    The names of applied migrations do not tell: the first ones were rewritten until there were installations to keep.
    """
    wanted = {(model._meta.db_table, field.column) for model in models for field in model._meta.local_fields}
    tables = {table for table, _ in wanted}
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS[connection.vendor])
        found = {(table, column): bool(free) for table, column, free in cursor.fetchall() if table in tables}
    missing = wanted - found.keys()
    must = {key for key, free in found.items() if not free} - wanted
    if not missing and not must:
        return
    table, column = min(missing or must)
    wrong = f'no column "{column}"' if missing else f'an unknown column "{column}" that no row may leave empty'
    raise SchemaError(
        f"The database {place()} is of an early Interlock and cannot be brought up to date ({table} has {wrong}). "
        "Start the version that made it, or set INTERLOCK_HOME to another folder (DATABASE_URL to another database); "
        "nothing was changed."
    )


@contextmanager
def alone() -> Iterator[None]:
    """One migration at a time: two first starts on one database must not meet. On PostgreSQL it may be held twice."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Who waited inside a statement would be waited for by an index that is made concurrently.
            while not _locked(cursor):
                time.sleep(LOCK_LOOK_SECONDS)
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


def _locked(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
    return bool(cursor.fetchone()[0])
