"""A database that other versions made: brought up to date, or refused before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from engine import schema

NEWEST = ("engine", "0003_remote")


@pytest.fixture
def database(transactional_db: None) -> Iterator[None]:
    """One whose tables a test may change: they are put back."""
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
    """The columns of each index of runs, by its name."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "engine_run")
    return {name: ",".join(one["columns"]) for name, one in found.items() if one["index"] and name.startswith("run_")}


def _forget(app: str, name: str) -> None:
    MigrationRecorder.Migration.objects.filter(app=app, name=name).delete()


def _undo_newest() -> None:
    """As if it was still to come."""
    for table in ("engine_hostreport", "engine_dispatch", "engine_host"):
        _change(f"DROP TABLE {table}")
    _forget(*NEWEST)


def _change(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_indexes_of_before_they_held_states_are_renewed(database: None) -> None:
    now = _indexes()
    for name in ("run_version", "run_no_success", "run_workflow", "run_finished"):
        _change(f"DROP INDEX {name}")
    _change("CREATE INDEX run_workflow ON engine_run (workflow, id DESC)")
    _change("CREATE INDEX run_finished ON engine_run (finished_at) WHERE finished_at IS NOT NULL")
    _change("CREATE INDEX run_failed ON engine_run (finished_at DESC) WHERE state IN ('failed', 'timed_out')")
    _undo_newest()
    _forget("engine", "0002_indexes_with_states")
    assert schema.migrate()
    assert _indexes() == now
    assert schema.is_current()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE engine_run DROP COLUMN targets", 'engine_run has no column "targets"'),
        ("ALTER TABLE engine_run ADD COLUMN fashion integer", 'engine_run has an unknown column "fashion"'),
    ],
)
@pytest.mark.parametrize("applied", [True, False], ids=["all migrations applied", "one to go"])
def test_tables_that_the_migrations_do_not_know_are_refused_and_left(
    database: None, change: str, words: str, applied: bool
) -> None:
    _change(change)
    if not applied:
        _undo_newest()
    before = schema.applied()
    with pytest.raises(schema.SchemaError, match=f"early Interlock.*{words}.*nothing was changed"):
        schema.migrate()
    if not applied:
        # Django's own command is not let at it either.
        with pytest.raises(CommandError, match=words):
            call_command("migrate", verbosity=0)
    assert schema.applied() == before
