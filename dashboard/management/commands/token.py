"""`token`: a new API token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from dashboard import accounts
from dashboard.management.accounts import AccountCommand


class Command(AccountCommand):
    help = "Make an API token. It stands alone on stdout, once; all else goes to stderr."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="whose token it is; it may do what they may")
        parser.add_argument(
            "--name", default="made in a terminal", help="what it is for, as the list of tokens shows it"
        )
        parser.add_argument(
            "--scope", action="append", choices=accounts.SCOPES, default=[], help="limit it to this (default: no limit)"
        )

    def do(self, options: dict[str, Any]) -> None:
        user = self.account(options["user"])
        raw = accounts.create_token(user, options["name"], options["scope"], by=self.operator())
        limit = f", good for {', '.join(options['scope'])} only" if options["scope"] else ""
        self.stderr.write(f'A token of "{user.username}" ({user.role}){limit}. It is shown this once:')
        self.stderr.flush()
        self.stdout.write(raw)
