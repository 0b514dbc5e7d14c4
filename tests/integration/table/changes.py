"""Detects whether a request changed rows or files, and undoes it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction

READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "WITH", "PRAGMA")


class ChangeDetector:
    """Compares rows and files with those at the start, and restores them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rows, self.files = digest(), contents(home)
        self.wrote = False

    def _detect_write(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().upper().startswith(READS):
            self.wrote = True
        return execute(sql, params, many, context)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Roll back the rows and restore the files at the end."""
        self.wrote = False
        with transaction.atomic(), connection.execute_wrapper(self._detect_write):
            yield
            transaction.set_rollback(True)
        current = contents(self.home)
        for path in current.keys() - self.files.keys():
            path.unlink()
        for path, content in self.files.items():
            if current.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def changed(self) -> str:
        """Return what differs from the start: "rows", "files" or "". Call it inside `request`."""
        if self.wrote and digest() != self.rows:
            return "rows"
        return "files" if contents(self.home) != self.files else ""


def digest() -> str:
    """Return a digest of all rows of all tables."""
    hashed = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True)):
            cursor.execute(f'SELECT * FROM "{table}"')
            hashed.update(repr((table, sorted(map(repr, cursor.fetchall())))).encode())
    return hashed.hexdigest()


def contents(home: Path) -> dict[Path, bytes]:
    """Return the content of every file below a folder."""
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
