"""`import`: not built yet."""

from __future__ import annotations

from dashboard.management.not_available import NotYetCommand


class Command(NotYetCommand):
    name = "import"
