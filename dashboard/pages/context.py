"""Context of the frame around every page, including error pages that Django renders."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dashboard import access
from dashboard.access import Right
from engine import clock

THEME_COOKIE = "interlock_theme"
THEMES = ("light", "dark")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the theme of this browser, the server's time and the user's rights.

    The database is asked only for the account, and only if a template uses it.
    """
    theme = request.COOKIES.get(THEME_COOKIE, "")
    user = getattr(request, "user", None)
    return {
        "theme": theme if theme in THEMES else "",
        "server_time": clock.iso(clock.now()),
        "may": SimpleLazyObject(lambda: {right.value: access.can(user, right) for right in Right}),
    }
