"""`validate FILE`: list every problem of a definition, without running or storing anything."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from engine.database import schema
from engine.problems import Problem
from versions import checking, queries
from versions.definition_file import UnreadableFile, read


class Command(BaseCommand):
    help = "List all problems of a definition (JSON). Exit code 0: valid; 1: errors; 2: unreadable."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the definition file; - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        name = str(options["file"])
        try:
            document = read(name)
        except UnreadableFile as error:
            raise CommandError(str(error), returncode=2) from None
        if name == "-":
            name = "standard input"
        found = checking.check(document, pools=_pools()).problems
        errors = [problem for problem in found if problem.severity == "error"]
        for problem in found:
            self.stdout.write(line_of(problem))
        if errors:
            self.stdout.write(f"{name} is not valid: {_count(len(errors), 'problem')}.")
            sys.exit(1)
        nodes, edges = len(document["nodes"]), len(document["edges"])
        self.stdout.write(f"{name} is valid: {_count(nodes, 'node')}, {_count(edges, 'edge')}.")


def line_of(problem: Problem) -> str:
    """Format one problem: where it is, what is wrong, and what to change."""
    place = problem.path or "the document"
    if problem.line is not None:
        place += f", line {problem.line}"
    if problem.node is not None:
        place += f" (node {problem.node})"
    severity = "" if problem.severity == "error" else f"{problem.severity}: "
    text = f"{place}: {severity}{problem.message} [{problem.code}]"
    if problem.fix is not None:
        text += f"\n    Fix: {problem.fix.label}"
    return text


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _pools() -> dict[str, int] | None:
    """Return the pools of this installation, to check names and sizes; None if there is no installation yet."""
    if not settings.INTERLOCK.database_url and not settings.INTERLOCK.database_file.exists():
        return None
    try:
        return queries.pool_sizes() if schema.is_current() else None
    except (schema.SchemaError, DatabaseError):
        return None
