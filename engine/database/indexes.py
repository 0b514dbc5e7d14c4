"""How migrations make an index on a table in which others write meanwhile."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations import AddIndex

from engine.database.postgres import LOCK_SECONDS, bound_locks


class AddIndexConcurrently(AddIndex):
    """AddIndex that locks nobody out on PostgreSQL, and on SQLite is the same. Its migration says `atomic = False` and
    holds nothing else, for what was done is not undone when it fails; the next try begins by dropping what was left."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # It waits for the transactions that others have open, and nobody waits behind it.
        bound_locks(schema_editor.connection, 0)
        schema_editor.remove_index(model, self.index, concurrently=True)
        schema_editor.add_index(model, self.index, concurrently=True)
        bound_locks(schema_editor.connection, LOCK_SECONDS)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, concurrently=True)
