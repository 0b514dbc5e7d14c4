from typing import Any

from django.apps import AppConfig


class VersionsConfig(AppConfig):
    name = "versions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engine.scheduler.signals import run_set_aside

        run_set_aside.connect(_record_set_aside, dispatch_uid="versions.audit")


def _record_set_aside(run: Any, message: str, **_: Any) -> None:
    from versions.actions import audit

    audit.record("run_set_aside", by="scheduler", workflow=run.workflow, run=run.pk, reason=message)
