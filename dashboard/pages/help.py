"""Help: how to use and operate this installation, with its own paths and commands."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard import access
from dashboard.access import Right
from dashboard.pages.base import page, render


@require_safe
@page(Right.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """Show the help. Paths on the server are only for users who can run code there anyway."""
    context: dict[str, Any] = {"nav": "help", "address": request.build_absolute_uri("/").rstrip("/")}
    if access.can(request.user, Right.EDIT):
        config = settings.INTERLOCK
        context |= {
            "places": True,
            "home": str(config.home),
            "files": str(config.files),
            "logs": str(config.home / "log"),
            "artifacts": config.artifacts,
            "sqlite": connection.vendor == "sqlite",
            "data_roots": [str(root) for root in config.data_roots],
            "node_python": config.node_python or sys.executable,
            "own_python": not config.node_python,
            "command": _command(),
        }
    return render(request, "help/index.html", context)


def _command() -> str:
    """Return how `interlock` is called in a terminal of this machine."""
    beside = Path(sys.executable).with_name("interlock")
    return str(beside) if beside.exists() else f"{sys.executable} {settings.BASE_DIR / 'manage.py'}"
