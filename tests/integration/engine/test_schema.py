"""Databases of other versions are migrated, or refused before anything is changed."""

from collections.abc import Callable, Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from engine.actions import runs
from engine.database import schema
from tests.support.factories import chain

NEWEST = ("0007_expand_run", "0006_expand_leader", "0005_expand_noderun", "0004_expand_host")


@pytest.fixture
def database(transactional_db: None) -> Iterator[None]:
    """A database whose tables a test may change; they are restored."""
    yield
    with connection.cursor() as cursor:
        if "targets" not in _columns("engine_run"):
            cursor.execute("ALTER TABLE engine_run ADD COLUMN targets text NULL")
        if "fashion" in _columns("engine_run"):
            cursor.execute("ALTER TABLE engine_run DROP COLUMN fashion")
    call_command("migrate", verbosity=0)


def _columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        return {column.name for column in connection.introspection.get_table_description(cursor, table)}


def _indexes() -> dict[str, str]:
    """Return the columns of each index of runs, by its name."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "engine_run")
    return {name: ",".join(one["columns"]) for name, one in found.items() if one["index"] and name.startswith("run_")}


def _forget(app: str, name: str) -> None:
    MigrationRecorder.Migration.objects.filter(app=app, name=name).delete()


def _undo_newest() -> None:
    """Leave the database as it was before the newest migrations."""
    _change("ALTER TABLE engine_host DROP COLUMN silent_seconds")
    _change("ALTER TABLE engine_leader DROP COLUMN pruned_at")
    _change("ALTER TABLE engine_run DROP COLUMN rerun_of")
    for name in NEWEST:
        _forget("engine", name)


def _change(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_indexes_from_before_they_contained_states_are_replaced(database: None) -> None:
    now = _indexes()
    for name in ("run_version", "run_no_success", "run_workflow", "run_finished"):
        _change(f"DROP INDEX {name}")
    _change("CREATE INDEX run_workflow ON engine_run (workflow, id DESC)")
    _change("CREATE INDEX run_finished ON engine_run (finished_at) WHERE finished_at IS NOT NULL")
    _change("CREATE INDEX run_failed ON engine_run (finished_at DESC) WHERE state IN ('failed', 'timed_out')")
    for table in ("engine_hostreport", "engine_dispatch", "engine_host"):
        _change(f"DROP TABLE {table}")
    _change("ALTER TABLE engine_leader DROP COLUMN pruned_at")
    _change("ALTER TABLE engine_run DROP COLUMN rerun_of")
    for name in ("0002_indexes_with_states", "0003_remote", *NEWEST):
        _forget("engine", name)
    assert schema.migrate()
    assert _indexes() == now
    assert schema.is_current()


def test_a_migration_that_is_killed_before_it_is_recorded_leaves_nothing(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _undo_newest()
    with monkeypatch.context() as patched:
        patched.setattr(MigrationRecorder, "record_applied", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            schema.migrate()
    assert "silent_seconds" not in _columns("engine_host")
    assert schema.migrate()
    assert "silent_seconds" in _columns("engine_host")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _drop_column() -> None:
    _change("ALTER TABLE engine_run DROP COLUMN targets")


def _add_required_column() -> None:
    if connection.vendor == "postgresql":
        _change("ALTER TABLE engine_run ADD COLUMN fashion integer NOT NULL")
        return
    # SQLite cannot add such a column to an existing table.
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'engine_run' ORDER BY type DESC")
        statements = [row[0] for row in cursor.fetchall() if row[0]]
    _change("PRAGMA foreign_keys = OFF")
    _change("DROP TABLE engine_run")
    for statement in statements:
        _change(
            statement.replace("(", '("fashion" integer NOT NULL, ', 1) if "CREATE TABLE" in statement else statement
        )
    _change("PRAGMA foreign_keys = ON")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop_column, 'engine_run has no column "targets"'),
        (_add_required_column, 'engine_run has an unknown required column "fashion"'),
    ],
)
@pytest.mark.parametrize("applied", [True, False], ids=["all migrations applied", "one to go"])
def test_tables_that_differ_from_the_migrations_are_refused_and_not_changed(
    database: None, change: Callable[[], None], words: str, applied: bool
) -> None:
    change()
    if not applied:
        _undo_newest()
    before = schema.applied_migrations()
    with pytest.raises(schema.SchemaError, match=f"early version of Interlock.*{words}.*Nothing was changed"):
        schema.migrate()
    if not applied:
        # Django's own command refuses them as well.
        with pytest.raises(CommandError, match=words):
            call_command("migrate", verbosity=0)
    assert schema.applied_migrations() == before


@pytest.mark.parametrize(
    "column", ["fashion integer", "fashion integer DEFAULT 3 NOT NULL"], ids=["may be null", "has a default"]
)
def test_this_release_starts_migrates_and_writes_with_what_a_newer_release_added(database: None, column: str) -> None:
    _change(f"ALTER TABLE engine_run ADD COLUMN {column}")
    _change("CREATE TABLE engine_fashion (id integer)")
    try:
        MigrationRecorder.Migration.objects.create(app="engine", name="0999_expand_fashion")
        assert schema.is_current()
        assert not schema.migrate()
        call_command("migrate", verbosity=0)
        assert runs.start(runs.store_definition(chain(1)), workflow="w", by="me").state == "queued"
    finally:
        _change("DROP TABLE engine_fashion")
        _forget("engine", "0999_expand_fashion")


def test_this_release_does_not_start_with_a_newer_migration_that_is_no_expansion(database: None) -> None:
    MigrationRecorder.Migration.objects.create(app="engine", name="0998_expand_fashion")
    MigrationRecorder.Migration.objects.create(app="engine", name="0999_fashion_is_required")
    try:
        with pytest.raises(schema.SchemaError, match=r"newer Interlock \(it has engine\.0999_fashion_is_required\)"):
            schema.require()
    finally:
        _forget("engine", "0998_expand_fashion")
        _forget("engine", "0999_fashion_is_required")
