"""Whether a request changed anything: rows or files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction

READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "WITH", "PRAGMA")


class Watch:
    """Knows what there is, says whether it still is, and puts it back."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rows, self.files = digest(), contents(home)
        self.wrote = False

    def _note(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().upper().startswith(READS):
            self.wrote = True
        return execute(sql, params, many, context)

    @contextmanager
    def request(self) -> Iterator[None]:
        """What is asked inside is undone at the end."""
        self.wrote = False
        with transaction.atomic(), connection.execute_wrapper(self._note):
            yield
            transaction.set_rollback(True)
        found = contents(self.home)
        for path in found.keys() - self.files.keys():
            path.unlink()
        for path, content in self.files.items():
            if found.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def changed(self) -> str:
        """What is not as it was; inside `request`."""
        if self.wrote and digest() != self.rows:
            return "rows"
        return "files" if contents(self.home) != self.files else ""


def digest() -> str:
    """Of all rows of all tables."""
    found = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True)):
            cursor.execute(f'SELECT * FROM "{table}"')
            found.update(repr((table, sorted(map(repr, cursor.fetchall())))).encode())
    return found.hexdigest()


def contents(home: Path) -> dict[Path, bytes]:
    """Of every file below."""
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
