from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from engine.models import Run


class VersionsConfig(AppConfig):
    name = "versions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engine.scheduler import set_aside

        set_aside.listen(_record_set_aside)


def _record_set_aside(run: Run, message: str) -> None:
    from versions.actions import audit

    audit.record("run_set_aside", by="scheduler", workflow=run.workflow, run=run.pk, reason=message)
