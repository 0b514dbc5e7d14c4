"""Checks that a migration does not break running processes of the previous release: the rule of docs/several-hosts.md.

Pure: it reads the operations, not a database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations import operations as ops
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field, GeneratedField, ManyToManyField, Value
from django.db.models.fields import NOT_PROVIDED

from engine.database.indexes import AddIndexConcurrently

STATE_ONLY = (ops.AlterModelOptions, ops.AlterModelManagers)


def dangers(migration: Migration, before: ProjectState) -> list[str]:
    """Return why processes that know `before` might break; empty if they do not."""
    state = before.clone()
    made: set[str] = set()
    locked: set[str] = set()
    found = []
    for operation in migration.operations:
        found += [f"{type(operation).__name__}: {why}" for why in _of(operation, migration, state, made)]
        if isinstance(operation, ops.AddField) and _model(operation) not in made:
            locked.add(_model(operation))
        operation.state_forwards(migration.app_label, state)
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name_lower)
    if len(locked) > 1:
        names = " and ".join(sorted(locked))
        found.append(f"AddField: {names} are locked by one transaction, which deadlocks with statements on both")
    return found


def _of(operation: Operation, migration: Migration, state: ProjectState, made: set[str]) -> Iterator[str]:
    if isinstance(operation, STATE_ONLY):
        return
    if isinstance(operation, ops.SeparateDatabaseAndState):
        yield from _separate(operation, migration, state, made)
    elif isinstance(operation, ops.CreateModel):
        for name, field in operation.fields:
            yield from _reference(name, field, migration, {*made, operation.name_lower})
    elif isinstance(operation, AddIndexConcurrently):
        if migration.atomic:
            yield "needs a migration of its own with atomic = False"
    elif _model(operation) in made:
        # No process uses the table yet.
        return
    elif isinstance(operation, ops.AddField):
        yield from _column(operation.name, operation.field)
        yield from _reference(operation.name, operation.field, migration, made)
    elif isinstance(operation, ops.AlterField):
        old = state.models[migration.app_label, operation.model_name_lower].fields[operation.name]
        if _in_database(old) != _in_database(operation.field):
            yield f"changes the column of {operation.name}, which older processes read and write"
    elif isinstance(operation, ops.AddIndex):
        yield "keeps others from writing while the index is made: use engine.database.indexes.AddIndexConcurrently"
    elif isinstance(operation, ops.AddConstraint):
        yield "older processes may write what it forbids"
    elif isinstance(operation, ops.RunPython | ops.RunSQL):
        yield "what it does cannot be seen from it"
    else:
        yield "takes away, or renames, what older processes use"


def _model(operation: Operation) -> str:
    """Return the operation's model, or an empty string."""
    return str(getattr(operation, "model_name_lower", "") or getattr(operation, "name_lower", ""))


def _separate(
    operation: ops.SeparateDatabaseAndState, migration: Migration, state: ProjectState, made: set[str]
) -> Iterator[str]:
    for one in operation.database_operations:
        yield from _of(one, migration, state, made)
    for one in operation.state_operations:
        # The column stays, and no code uses it from this release on. The next one may remove it.
        if isinstance(one, ops.RemoveField):
            field = state.models[migration.app_label, one.model_name_lower].fields[one.name]
            if not _may_be_left_out(field):
                yield f"{one.name} would be left out by inserts, and is neither null nor has a db_default"


def _may_be_left_out(field: Field[Any, Any]) -> bool:
    return bool(field.null) or field.db_default is not NOT_PROVIDED


def _column(name: str, field: Any) -> Iterator[str]:
    """Check a column of an existing table."""
    if isinstance(field, ManyToManyField):
        yield f"{name} makes a table whose rows older processes would not delete"
        return
    if isinstance(field, GeneratedField):
        yield f"{name} is computed for each existing row while writes are blocked"
        return
    if not _may_be_left_out(field):
        yield f"{name} is left out by what older processes insert: null=True, or a db_default (default is not enough)"
    default = field.db_default
    if hasattr(default, "resolve_expression") and not isinstance(default, Value):
        yield f"the db_default of {name} is computed, maybe for each row that is there"
    if field.unique or field.db_index:
        yield f"{name} has an index, which blocks writes while it is built: add it with AddIndexConcurrently"


def _reference(name: str, field: Any, migration: Migration, made: set[str]) -> Iterator[str]:
    """A referenced row cannot be deleted by processes that do not know the reference."""
    if not (field.many_to_one or field.one_to_one):
        return
    model = field.remote_field.model
    label, _, target = (model if isinstance(model, str) else model._meta.label).lower().rpartition(".")
    within = target in made and label in ("", migration.app_label)
    if field.db_constraint and not within:
        yield f"{name} keeps older processes from deleting what it refers to: db_constraint=False"


def _in_database(field: Field[Any, Any]) -> tuple[Any, ...]:
    _, path, args, kwargs = field.deconstruct()
    return path, args, {key: value for key, value in kwargs.items() if key not in field.non_db_attrs}
