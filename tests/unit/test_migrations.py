"""Existing migrations are not rewritten, because the tables of existing homes would differ from them. Later ones do
not break older processes that are still running (docs/several-hosts.md, Upgrade)."""

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

DIGESTS = {
    "dashboard/migrations/0001_initial.py": "6239fe9cc88f32db046e8528d9207e12",
    "engine/migrations/0001_initial.py": "d88496c7805075d8181bdbaff546c63a",
    "engine/migrations/0002_indexes_with_states.py": "5983d3f5871177a80db4bc39f70f25b4",
    "engine/migrations/0003_remote.py": "0c75881498fa6b44b97c386e00a7a546",
    "engine/migrations/0004_expand_host.py": "70582559d7da98c3ed259646d5052d70",
    "engine/migrations/0005_expand_noderun.py": "6a65c36f15b61ab3d8dacf9d067632c1",
    "engine/migrations/0006_expand_leader.py": "a07c24653f45fdb1401b3e8000f2f442",
    "engine/migrations/0007_expand_run.py": "5d2b37c806109a20fe0a2792b212a2a7",
    "versions/migrations/0001_initial.py": "a4bc7282a393da2313289ccf61da169b",
}
"""The first half of each file's SHA-256."""
BASELINE = {
    "dashboard": "0001_initial",
    "engine": "0003_remote",
    "versions": "0001_initial",
}
"""The last migration of each app beside which no older process runs."""
REVIEWED: dict[str, str] = {}
"""Path of a later one that does not only add -> why the previous release tolerates it. Older processes do not start
beside it."""


@pytest.mark.parametrize("path", DIGESTS)
def test_an_existing_migration_is_unchanged(path: str) -> None:
    found = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:32]
    assert found == DIGESTS[path], "add a new migration instead (docs/decisions/0028)"


def test_every_migration_has_a_digest() -> None:
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("*/migrations/0*.py")} == set(DIGESTS)


def after_baseline() -> list[tuple[str, Migration]]:
    loader = MigrationLoader(None)
    return [
        (f"{app}/migrations/{name}.py", migration)
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in BASELINE and name > BASELINE[app]
    ]


def before(migration: Migration) -> Any:
    return MigrationLoader(None).project_state((migration.app_label, migration.name), at_end=False)


def test_later_migrations_do_not_break_older_processes() -> None:
    for path, migration in after_baseline():
        if path in REVIEWED:
            assert not EXPANDING_NAME.match(Path(path).name), f"{path}: older processes would start beside it"
            continue
        assert EXPANDING_NAME.match(Path(path).name), f"{path}: neither _expand_ in its name nor in REVIEWED"
        assert dangers(migration, before(migration)) == [], path


def found(*operations: Any, atomic: bool = True) -> list[str]:
    migration = type("Migration", (Migration,), {"operations": list(operations), "atomic": atomic})
    state = MigrationLoader(None).project_state(("engine", "0003_remote"))
    return dangers(migration("0999_expand_x", "engine"), state)


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
def test_a_migration_that_only_adds_is_accepted(operations: list[Any]) -> None:
    assert found(*operations) == []


def test_a_concurrent_index_is_accepted_outside_a_transaction() -> None:
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
            "computed for each existing row",
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
        (migrations.RunSQL("UPDATE engine_run SET reason = ''"), "cannot be seen from it"),
        (migrations.RunPython(migrations.RunPython.noop), "cannot be seen from it"),
        (migrations.SeparateDatabaseAndState([migrations.RunSQL("DROP TABLE engine_run")]), "cannot be seen from it"),
        (
            migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("run", "workflow")]),
            "neither null nor has a db_default",
        ),
    ],
)
def test_a_migration_that_breaks_older_processes_is_refused(operation: Any, words: str) -> None:
    (why,) = found(operation)
    assert words in why


def test_a_migration_that_locks_two_tables_is_refused() -> None:
    (why,) = found(migrations.AddField("run", "fashion", UNUSED), migrations.AddField("pool", "fashion", UNUSED))
    assert "pool and run are locked by one transaction" in why


def test_the_migrations_of_the_upgrade_test_are_accepted() -> None:
    before = "0003_remote"
    state = MigrationLoader(None).project_state(("engine", before))
    for name, does in MIGRATIONS.items():
        space: dict[str, Any] = {}
        exec(HEAD.format(before=before) + does, space)
        migration: Migration = space["Migration"](name, "engine")
        assert EXPANDING_NAME.match(name)
        assert dangers(migration, state) == []
        state, before = migration.mutate_state(state), name
