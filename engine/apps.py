from typing import Any

from django.apps import AppConfig
from django.core.management import CommandError
from django.db.models.signals import pre_migrate


class EngineConfig(AppConfig):
    name = "engine"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        pre_migrate.connect(_refuse_foreign_database, sender=self, dispatch_uid="engine.schema")


def _refuse_foreign_database(sender: AppConfig, **_: Any) -> None:
    """Django's own `migrate` would put our tables beside those of another application."""
    from engine import schema

    try:
        schema.applied()
    except schema.SchemaError as error:
        raise CommandError(str(error)) from error
