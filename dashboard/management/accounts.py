"""What the commands about accounts share."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dashboard import accounts
from dashboard.models import User
from engine.database import schema
from engine.errors import InterlockError, NotFound


class AccountCommand(BaseCommand):
    """A command that needs the database as it is and turns refusals into one line on stderr."""

    requires_system_checks = []

    def handle(self, *arguments: Any, **options: Any) -> None:
        try:
            schema.require()
            self.do(options)
        except (InterlockError, schema.SchemaError) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"The database {schema.place()} cannot be used: {error}") from None

    def do(self, options: dict[str, Any]) -> None:
        raise NotImplementedError

    @staticmethod
    def operator() -> str:
        """Who the audit log names for what is done in a terminal."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = "?"
        return f"{name} (terminal)"[:150]

    @staticmethod
    def account(username: str) -> User:
        """Raises NotFound, naming the accounts that there are."""
        try:
            return accounts.find_user(username)
        except NotFound as error:
            known = list(User.objects.order_by("username").values_list("username", flat=True)[:10])
            names = f" There are: {', '.join(known)}." if known else " There is none yet: start `up` once."
            raise NotFound(f"{error}{names}") from None
