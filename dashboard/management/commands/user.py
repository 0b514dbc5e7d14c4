"""`user`: create an account or change its role."""

import sys
from argparse import ArgumentParser
from typing import Any

from dashboard import accounts
from dashboard.management.accounts import AccountCommand
from dashboard.models import Role, User


class Command(AccountCommand):
    help = "Create an account with a role, or change an account's role. It signs in with `login-link` or a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="user name")
        parser.add_argument("--role", required=True, choices=Role.values, help="permissions of the account")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from stdin (one line)")

    def do(self, options: dict[str, Any]) -> None:
        name, role, by = options["name"], options["role"], self.operator()
        password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None
        existing = User.objects.filter(username=name).first()
        if existing is None:
            user = accounts.create_user(name, role, password=password, by=by)
            self.stderr.write(f'Created the account "{user.username}" with the role {user.role}.')
            if password is None:
                self.stderr.write(f"It has no password. Sign in with: interlock login-link --user {user.username}")
            return
        previous = existing.role
        user = accounts.change_user(existing, role=role, password=password, by=by)
        changed = f"was {previous}" if previous != user.role else "unchanged"
        self.stderr.write(f'"{user.username}" has the role {user.role} ({changed}).')
        if password is not None:
            self.stderr.write("Password changed. Its sessions, tokens and login links are void.")
