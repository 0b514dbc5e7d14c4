"""`export`: not built yet."""

from __future__ import annotations

from dashboard.notyet import NotYetCommand


class Command(NotYetCommand):
    name = "export"
