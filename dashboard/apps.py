from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from engine.bench import parts

        for name in ("page", "paint", "history", "idle", "live", "load", "remote"):
            parts.register(name, f"dashboard.bench.{name}")
