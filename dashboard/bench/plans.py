"""How the database finds what pages ask for: the queries of a request, and which indexes their plans use.

Run as a module in the environment of a product. It reads {name: [address, headers]} as JSON, asks for each as a client
would, and writes {name: [line for each query about runs]}. See `Step` and `told` for what a line says.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from django.db import connection

HISTORY: Final = tuple(
    f"engine_{name}" for name in ("run", "noderun", "attempt", "eventbatch", "logbatch", "sample", "stack", "command")
)
"""Tables that grow with every run."""
SORTS: Final = ("Sort", "Incremental Sort")


class Step(NamedTuple):
    """One node of a plan of PostgreSQL, as it went."""

    how: str
    """`Index Scan`, `Seq Scan`, `Sort` ..."""
    table: str
    used: str
    rows: int
    """What it read (or sorted) in all, with what a condition then left out."""


@contextmanager
def queries() -> Iterator[list[tuple[str, Any]]]:
    """(statement, parameters) of each read that is asked inside."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


def about_history(sql: str) -> bool:
    return any(f'"{table}"' in sql or f" {table} " in sql for table in HISTORY)


def steps(sql: str, params: Any) -> list[Step]:
    """The plan, from the top. The query is made once more."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    whole = json.loads(found) if isinstance(found, str) else found
    return list(_steps(whole[0]["Plan"]))


def _steps(node: Mapping[str, Any]) -> Iterator[Step]:
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    rows = node["Actual Loops"] * (node["Actual Rows"] + dropped)
    yield Step(node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", ""), round(rows))
    for below in node.get("Plans", ()):
        yield from _steps(below)


def told(found: list[Step]) -> str:
    """`Index Only Scan run_workflow 51, Sort 51`: how tables were read, and what was sorted."""
    shown = (step for step in found if step.used or step.table or step.how in SORTS)
    return ", ".join(" ".join(filter(None, (step.how, step.used or step.table, f"{step.rows:,}"))) for step in shown)


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    from django.test import Client

    client = Client()
    found: dict[str, list[str]] = {}
    for name, (address, headers) in json.load(sys.stdin).items():
        with queries() as asked:
            answer = client.get(address, headers=headers)
            if answer.status_code != 200:
                raise SystemExit(f"GET {address}: {answer.status_code}")
            # Also what it asks for while it is sent.
            b"".join(answer)
        found[name] = [told(steps(*one)) for one in asked if about_history(one[0])]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
