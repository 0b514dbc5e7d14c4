"""`export`: not built yet."""

from dashboard.management.not_available import NotYetCommand


class Command(NotYetCommand):
    name = "export"
