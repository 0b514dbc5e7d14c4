"""`token`: create an API token."""

from argparse import ArgumentParser
from typing import Any

from dashboard import tokens
from dashboard.management.accounts import AccountCommand


class Command(AccountCommand):
    help = "Create an API token and print it once. Only the token goes to stdout; the rest to stderr."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="owner of the token; it has the same permissions")
        parser.add_argument("--name", default="created in a terminal", help="what it is for, as listed in the account")
        parser.add_argument(
            "--scope",
            action="append",
            choices=tokens.SCOPES,
            default=[],
            help="limit it to a scope (default: no limit)",
        )

    def do(self, options: dict[str, Any]) -> None:
        user = self.account(options["user"])
        raw = tokens.create_token(user, options["name"], options["scope"], by=self.operator())
        limit = f", limited to {', '.join(options['scope'])}" if options["scope"] else ""
        self.stderr.write(f'Token of "{user.username}" ({user.role}){limit}, shown only once:')
        self.stderr.flush()
        self.stdout.write(raw)
