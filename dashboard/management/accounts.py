"""Base of the commands about accounts."""

import getpass
from abc import ABC, abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dashboard import accounts
from dashboard.models import User
from engine.database import schema
from engine.errors import InterlockError, NotFound


class AccountCommand(BaseCommand, ABC):
    """A command that needs a migrated database and prints errors as one line on stderr."""

    requires_system_checks = []

    def handle(self, *arguments: Any, **options: Any) -> None:
        try:
            schema.require()
            self.do(options)
        except (InterlockError, schema.SchemaError) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"The database {schema.location()} cannot be used: {error}") from None

    @abstractmethod
    def do(self, options: dict[str, Any]) -> None:
        """Run the command."""

    @staticmethod
    def operator() -> str:
        """Return the name that the audit log gives to somebody at a terminal."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = "?"
        return f"{name} (terminal)"[:150]

    @staticmethod
    def account(username: str) -> User:
        """Return the account. Raises NotFound, which names the existing accounts."""
        try:
            return accounts.find_user(username)
        except NotFound as error:
            names = list(User.objects.order_by("username").values_list("username", flat=True)[:10])
            hint = f" Accounts: {', '.join(names)}." if names else " There are no accounts yet: start `up` once."
            raise NotFound(f"{error}{hint}") from None
