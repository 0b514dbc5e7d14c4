"""Migrations that homes have are not rewritten: their tables would differ from what the same names then say. Those that
come after them leave older processes alone that run meanwhile (docs/several-hosts.md, Upgrade)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.models.functions import Now

from engine.database.indexes import AddIndexConcurrently
from engine.database.postgres import EXPANDING_NAME
from tests.support.expansion import dangers
from tests.support.product import ROOT
from tests.support.release import HEAD, MIGRATIONS

MADE = {
    "dashboard/migrations/0001_initial.py": "3e022f82ed4b9effb959888d49bb37b9",
    "engine/migrations/0001_initial.py": "d88496c7805075d8181bdbaff546c63a",
    "engine/migrations/0002_indexes_with_states.py": "5983d3f5871177a80db4bc39f70f25b4",
    "engine/migrations/0003_remote.py": "0c75881498fa6b44b97c386e00a7a546",
    "engine/migrations/0004_expand_host.py": "70582559d7da98c3ed259646d5052d70",
    "versions/migrations/0001_initial.py": "a4bc7282a393da2313289ccf61da169b",
}
"""The first half of the SHA-256 of each."""
BASELINE = {
    "dashboard": "0001_initial",
    "engine": "0003_remote",
    "versions": "0001_initial",
}
"""The last of each app that no older process runs beside."""
JUDGED: dict[str, str] = {}
"""Path of a later one that is no mere expansion -> why the release before survives it. Beside such a one no older
process starts."""


@pytest.mark.parametrize("path", MADE)
def test_a_migration_that_homes_have_is_as_it_was(path: str) -> None:
    found = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:32]
    assert found == MADE[path], "put what is new into a migration of its own (docs/decisions/0028)"


def test_every_migration_is_among_them() -> None:
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("*/migrations/0*.py")} == set(MADE)


def after_baseline() -> list[tuple[str, Migration]]:
    loader = MigrationLoader(None)
    return [
        (f"{app}/migrations/{name}.py", migration)
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in BASELINE and name > BASELINE[app]
    ]


def before(migration: Migration) -> Any:
    return MigrationLoader(None).project_state((migration.app_label, migration.name), at_end=False)


def test_what_comes_after_the_first_release_leaves_older_processes_alone() -> None:
    for path, migration in after_baseline():
        if path in JUDGED:
            assert not EXPANDING_NAME.match(Path(path).name), f"{path}: older processes would start beside it"
            continue
        assert EXPANDING_NAME.match(Path(path).name), f'{path}: its name says neither "_expand_", nor is it in JUDGED'
        assert dangers(migration, before(migration)) == [], path


def found(*operations: Any, atomic: bool = True) -> list[str]:
    made = type("Migration", (Migration,), {"operations": list(operations), "atomic": atomic})
    state = MigrationLoader(None).project_state(("engine", "0003_remote"))
    return dangers(made("0999_expand_x", "engine"), state)


def to(model: str, **more: Any) -> Any:
    return models.ForeignKey(model, models.CASCADE, **more)


TABLE = migrations.CreateModel("Fashion", [("id", models.BigAutoField(primary_key=True))])
INDEX = models.Index(fields=["state"], name="run_fashion")
HELP = models.PositiveIntegerField(help_text="Other words.")
UNUSED = models.CharField(max_length=9, db_default="")


@pytest.mark.parametrize(
    "operations",
    [
        [migrations.AddField("run", "fashion", models.IntegerField(null=True))],
        [migrations.AddField("run", "fashion", models.IntegerField(db_default=3))],
        [migrations.AddField("run", "fashion", models.BooleanField(default=False, db_default=models.Value(False)))],
        [migrations.AddField("run", "fashion", to("engine.Pool", null=True, db_constraint=False, db_index=False))],
        [
            TABLE,
            migrations.AddField("fashion", "of", to("engine.Fashion")),
            migrations.AddIndex("fashion", models.Index(fields=["of"], name="fashion_of")),
            migrations.AlterUniqueTogether("fashion", {("of",)}),
            migrations.RemoveField("fashion", "of"),
            migrations.DeleteModel("fashion"),
        ],
        [migrations.CreateModel("Fashion", [("run", to("engine.Run", db_constraint=False, primary_key=True))])],
        [migrations.AlterField("pool", "slots", HELP)],
        [migrations.AddField("run", "fashion", UNUSED), migrations.AddField("run", "colour", UNUSED)],
        [migrations.AlterModelOptions("pool", {"ordering": ["name"]})],
        [
            migrations.AddField("run", "fashion", UNUSED),
            migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("run", "fashion")]),
        ],
    ],
)  # fmt: skip
def test_what_only_adds_is_let_through(operations: list[Any]) -> None:
    assert found(*operations) == []


def test_an_index_that_locks_nobody_out_is_let_through_where_it_can_be_made() -> None:
    assert found(AddIndexConcurrently("run", INDEX), atomic=False) == []
    assert found(AddIndexConcurrently("run", INDEX)) != []


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.AddField("run", "fashion", models.IntegerField(default=3)), "default is not enough"),
        (migrations.AddField("run", "fashion", models.DateTimeField(db_default=Now())), "computed"),
        (migrations.AddField("run", "fashion", models.IntegerField(null=True, db_index=True)), "has an index"),
        (migrations.AddField("run", "fashion", models.IntegerField(null=True, unique=True)), "has an index"),
        (migrations.AddField("run", "pool", to("engine.Pool", null=True, db_index=False)), "keeps older processes"),
        (migrations.AddField("run", "pools", models.ManyToManyField("engine.Pool")), "would not delete"),
        (
            migrations.AddField(
                "run",
                "fashion",
                models.GeneratedField(
                    expression=models.F("seq") + 1, output_field=models.IntegerField(), db_persist=True
                ),
            ),
            "computed for each row",
        ),
        (migrations.CreateModel("Fashion", [("run", to("engine.Run", primary_key=True))]), "keeps older processes"),
        (migrations.RemoveField("run", "targets"), "takes away"),
        (migrations.RenameField("run", "targets", "goals"), "takes away"),
        (migrations.DeleteModel("checkpoint"), "takes away"),
        (migrations.RenameModel("pool", "basin"), "takes away"),
        (migrations.AlterModelTable("pool", "basin"), "takes away"),
        (migrations.AlterField("run", "state", models.CharField(max_length=8)), "changes the column"),
        (migrations.AlterField("run", "targets", models.TextField(default="")), "changes the column"),
        (migrations.AddIndex("run", INDEX), "AddIndexConcurrently"),
        (migrations.RemoveIndex("run", "run_workflow"), "takes away"),
        (migrations.AddConstraint("run", models.CheckConstraint(condition=models.Q(seq__gte=0), name="c")), "forbids"),
        (migrations.RemoveConstraint("noderun", "node_run_once"), "takes away"),
        (migrations.AlterUniqueTogether("run", {("seq",)}), "takes away"),
        (migrations.RunSQL("UPDATE engine_run SET reason = ''"), "cannot be told"),
        (migrations.RunPython(migrations.RunPython.noop), "cannot be told"),
        (migrations.SeparateDatabaseAndState([migrations.RunSQL("DROP TABLE engine_run")]), "cannot be told"),
        (
            migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("run", "workflow")]),
            "neither null nor has a db_default",
        ),
    ],
)
def test_what_an_older_process_would_not_survive_is_found(operation: Any, words: str) -> None:
    (why,) = found(operation)
    assert words in why


def test_two_tables_that_are_locked_together_are_found() -> None:
    (why,) = found(migrations.AddField("run", "fashion", UNUSED), migrations.AddField("pool", "fashion", UNUSED))
    assert "pool and run are locked by one transaction" in why


def test_what_the_upgrade_under_load_applies_is_let_through() -> None:
    before = "0003_remote"
    state = MigrationLoader(None).project_state(("engine", before))
    for name, does in MIGRATIONS.items():
        space: dict[str, Any] = {}
        exec(HEAD.format(before=before) + does, space)
        migration: Migration = space["Migration"](name, "engine")
        assert EXPANDING_NAME.match(name)
        assert dangers(migration, state) == []
        state, before = migration.mutate_state(state), name
