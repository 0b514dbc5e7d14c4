"""An operation for migrations that creates an index while other processes write to the table."""

from typing import Any

from django.db.migrations.operations import AddIndex

from engine.database.postgres import LOCK_SECONDS, set_lock_timeout


class AddIndexConcurrently(AddIndex):
    """AddIndex that blocks no other process on PostgreSQL; on SQLite it is the same as AddIndex.

    Its migration sets `atomic = False` and contains nothing else, because nothing is undone when it fails. The next try
    first drops what the failed one left.
    """

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # It waits for open transactions of other processes, but no statement waits behind it.
        set_lock_timeout(schema_editor.connection, 0)
        schema_editor.remove_index(model, self.index, concurrently=True)
        schema_editor.add_index(model, self.index, concurrently=True)
        set_lock_timeout(schema_editor.connection, LOCK_SECONDS)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, concurrently=True)
