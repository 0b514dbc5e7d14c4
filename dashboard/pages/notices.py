"""Where messages to people wait for the next page: a cookie with a name of the product's own."""

from __future__ import annotations

from django.contrib.messages.storage.cookie import CookieStorage


class Notices(CookieStorage):
    """Cookies of localhost are shared over ports: the usual name would mix with other products' messages."""

    cookie_name = "interlock_notices"
