"""Commands of the contract that are not built yet. They are refused by name, whatever their arguments."""

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from engine.errors import NotAvailableYet


class NotYetCommand(BaseCommand):
    help = "Not available yet."
    requires_system_checks = []
    name: ClassVar[str]

    def run_from_argv(self, argv: list[str]) -> None:
        wants_help = not {"-h", "--help"}.isdisjoint(argv)
        super().run_from_argv(argv if wants_help else argv[:2])

    def handle(self, *args: Any, **options: Any) -> None:
        refusal = NotAvailableYet(f"The command {self.name}")
        raise CommandError(f"{refusal} ({refusal.code})")
