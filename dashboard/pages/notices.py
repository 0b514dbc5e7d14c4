"""Storage of messages to the user until the next page: a cookie."""

from django.contrib.messages.storage.cookie import CookieStorage


class Notices(CookieStorage):
    """Has its own cookie name, because cookies of localhost are shared between ports."""

    cookie_name = "interlock_notices"
