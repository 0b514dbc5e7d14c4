from typing import Any

from django.apps import AppConfig
from django.core.management import CommandError
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate


class EngineConfig(AppConfig):
    name = "engine"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engine.actions import retention
        from engine.database import postgres
        from engine.scheduler import periodic

        periodic.register("retention", retention.LOOK_SECONDS, retention.prune_daily)
        connection_created.connect(postgres.on_connection, dispatch_uid="engine.postgres")
        pre_migrate.connect(_refuse_other_databases, sender=self, dispatch_uid="engine.schema")
        pre_migrate.connect(_wait_briefly, sender=self, dispatch_uid="engine.postgres.before")
        post_migrate.connect(_wait, sender=self, dispatch_uid="engine.postgres.after")


def _wait_briefly(**_: Any) -> None:
    from engine.database import postgres

    postgres.set_lock_timeout(connection, postgres.LOCK_SECONDS)


def _wait(**_: Any) -> None:
    from engine.database import postgres

    postgres.set_lock_timeout(connection, 0)


def _refuse_other_databases(sender: AppConfig, apps: Any, **_: Any) -> None:
    """Refuse to migrate a database of another application, or tables that differ from what the migrations say, because
    Django would not. `apps` are the models before the migration. Raises CommandError."""
    from engine.database import schema

    try:
        schema.applied_migrations()
        schema.refuse_other_columns(apps.get_models())
    except schema.SchemaError as error:
        raise CommandError(str(error)) from error
