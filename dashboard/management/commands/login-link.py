"""`login-link`: create a link that signs a user in once."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from dashboard import accounts
from dashboard.management.accounts import AccountCommand
from dashboard.up import listen
from dashboard.up.home import running_up, running_webs
from engine.errors import InvalidValue


class Command(AccountCommand):
    help = "Create a link that signs a user in once, within minutes. Only the link goes to stdout; the rest to stderr."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="user name")
        parser.add_argument(
            "--url", default="", help="base URL (default: that of the running `up` or `web`, or of the proxy)"
        )

    def do(self, options: dict[str, Any]) -> None:
        user = self.account(options["user"])
        if not user.is_active:
            raise InvalidValue(f'The account "{user.username}" is closed.')
        address = options["url"] or _address()
        if not address:
            address = "http://127.0.0.1:8000"
            self.stderr.write(f"Nothing serves this home, so {address} is a guess. Give the address with --url.")
        link = accounts.create_login_link(user, address, by=self.operator())
        minutes = int(accounts.LINK_LIFETIME.total_seconds() // 60)
        self.stderr.write(f'Signs in "{user.username}" ({user.role}) once, within {minutes} minutes:')
        self.stderr.flush()
        self.stdout.write(link)


def _address() -> str:
    """Return the URL at which people reach what serves this home, else that of the proxy; empty if it is not known."""
    folder = settings.INTERLOCK.run_folder
    for one in (running_up(folder), *running_webs(folder)):
        if one is not None and one.address:
            return one.public or one.address
    return listen.public_address(" ".join(settings.ALLOWED_HOSTS)) if settings.INTERLOCK.trust_proxy else ""
