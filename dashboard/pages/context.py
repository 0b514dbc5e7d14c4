"""What the frame around every page needs, also of error pages that Django itself renders."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dashboard import access
from dashboard.access import Right
from engine import clock

THEME_COOKIE = "interlock_theme"
THEMES = ("light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    """The theme chosen in this browser, the server's time and the rights of who is signed in. Asks the database for
    no more than that account, and only when a template uses it."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    user = getattr(request, "user", None)
    return {
        "theme": theme if theme in THEMES else "",
        "server_time": clock.iso(clock.now()),
        "may": SimpleLazyObject(lambda: {right.value: access.can(user, right) for right in Right}),
    }
