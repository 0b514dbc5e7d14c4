"""Builds of the product that can be killed at each statement, round trip and commit; and mutants of what commits do."""

import sys
from types import ModuleType
from typing import Any

from sitecustomize import change  # type: ignore[import-not-found] # it lies beside this file


def _pass(point: str) -> None:
    from engine import faults

    faults.point(point)


class Statements:
    """The scheduler's connection of SQLite, with a fault point before each statement of a tick."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self.number = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    def _pass(self, sql: str) -> None:
        self.number = 1 if sql.startswith("BEGIN") else self.number + 1
        _pass("statement.commit" if sql == "COMMIT" else f"statement.{self.number}")

    def execute(self, sql: str, *parameters: Any) -> Any:
        self._pass(sql)
        return self.db.execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> Any:
        self._pass(sql)
        return self.db.executemany(sql, *parameters)


class RoundTrips:
    """The scheduler's connection of PostgreSQL, with a fault point before and after each round trip of a tick."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    def cursor(self) -> "Trips":
        return Trips(self.db.cursor())


class Trips:
    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def __enter__(self) -> "Trips":
        return self

    def __exit__(self, *error: object) -> None:
        self.cursor.close()

    def execute(self, sql: str | bytes, *parameters: Any) -> None:
        text = sql.encode() if isinstance(sql, str) else sql
        trip = "begin" if text.startswith(b"BEGIN") else "commit" if text.endswith(b"COMMIT") else "runs"
        if text == b"ROLLBACK":
            trip = "rollback"
        _pass(f"before_{trip}.trip")
        self.cursor.execute(sql, *parameters)
        _pass(f"after_{trip}.trip")


@change("engine.scheduler.dialects")
def statements(module: ModuleType) -> None:
    """The scheduler may be killed at each statement of a tick, on PostgreSQL at each round trip."""
    for dialect, wrapper in ((module.SQLite, Statements), (module.PostgreSQL, RoundTrips)):
        _wrap(dialect, wrapper)


def _wrap(dialect: Any, wrapper: type) -> None:
    made = dialect.__init__

    def make(self: Any, *arguments: Any) -> None:
        made(self, *arguments)
        self.db = wrapper(self.db)

    dialect.__init__ = make


@change("django.db.backends.base.base")
def commits(module: ModuleType) -> None:
    """A web process may be killed before and after each commit."""
    commit = module.BaseDatabaseWrapper.commit

    def passed(self: Any) -> None:
        web = "web" in sys.argv
        if web:
            _pass("web.before_commit")
        commit(self)
        if web:
            _pass("web.after_commit")

    module.BaseDatabaseWrapper.commit = passed


@change("dashboard.files")
def uploads(module: ModuleType) -> None:
    """A web process may be killed before and after an upload gets its name, as at a commit."""
    copy, write = module._copy, module.Files.write

    def copied(*arguments: Any) -> None:
        copy(*arguments)
        _pass("web.before_commit")

    def written(self: Any, *arguments: Any) -> Any:
        found = write(self, *arguments)
        _pass("web.after_commit")
        return found

    module._copy, module.Files.write = copied, written  # type: ignore[attr-defined]


@change("versions.actions.deploy")
def deployed_in_two_steps(module: ModuleType) -> None:
    """A mutant: the live version is replaced in a separate transaction."""
    create = module.Deployment.objects.create

    def after_a_commit(**fields: Any) -> Any:
        from django.db import connection

        connection.connection.commit()
        _pass("web.between_steps")
        return create(**fields)

    module.Deployment.objects.create = after_a_commit


@change("dashboard.files")
def uploaded_in_place(module: ModuleType) -> None:
    """A mutant: readers see half a file."""
    import os

    def write(self: Any, path: str, body: Any, length: int) -> Any:
        target = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            while length > 0 and (chunk := body.read(min(65536, length))):
                file.write(chunk)
                file.flush()
                length -= len(chunk)
        return module._entry(path, os.stat(target)), True

    module.Files.write = write
