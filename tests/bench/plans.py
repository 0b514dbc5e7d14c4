"""How the database finds what pages ask for: the queries of a request, and which indexes their plans use.

Run as a module in the environment of a product. It reads {name: [address, headers]} as JSON, asks for each as a client
would, and writes {name: {cpu_ms, database_ms, queries}}: what the page takes in this process and in the database, at
best, which says more than a clock where others work as well; and how each query about runs was read (see `told`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from django.test import Client

HISTORY: Final = tuple(
    f"engine_{name}" for name in ("run", "noderun", "attempt", "eventbatch", "logbatch", "sample", "stack", "command")
)
"""Tables that grow with every run."""
REPEAT: Final = 3
SORTS: Final = ("Sort", "Incremental Sort")


class Step(NamedTuple):
    """One node of a plan of PostgreSQL, as it went."""

    how: str
    """`Index Scan`, `Seq Scan`, `Sort` ..."""
    table: str
    used: str
    rows: int
    """What it read (or sorted) in all, with what a condition then left out."""
    left_out: int


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


class Plan(NamedTuple):
    milliseconds: float
    """What the database took, planning and all."""
    steps: list[Step]
    """From the top."""


def plan(sql: str, params: Any) -> Plan:
    """How the query goes: it is made once more."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        ((found,),) = cursor.fetchone()
    return Plan(found["Planning Time"] + found["Execution Time"], list(_steps(found["Plan"])))


def _steps(node: Mapping[str, Any]) -> Iterator[Step]:
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    loops = node["Actual Loops"]
    rows, left_out = round(loops * (node["Actual Rows"] + dropped)), round(loops * dropped)
    yield Step(node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", ""), rows, left_out)
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
    json.dump({name: _asked(client, *page) for name, page in json.load(sys.stdin).items()}, sys.stdout)


def _asked(client: Client, address: str, headers: Mapping[str, str]) -> dict[str, Any]:
    def ask() -> None:
        answer = client.get(address, headers=headers)
        if answer.status_code != 200:
            raise SystemExit(f"GET {address}: {answer.status_code}")
        # Also what it asks for while it is sent.
        b"".join(answer)

    with queries() as asked:
        ask()
    seconds = []
    for _ in range(REPEAT):
        begun = time.process_time()
        ask()
        seconds.append(time.process_time() - begun)
    took = [min((plan(*one) for _ in range(REPEAT)), key=lambda found: found.milliseconds) for one in asked]
    return {
        "cpu_ms": min(seconds) * 1000,
        "database_ms": sum(found.milliseconds for found in took),
        "queries": [told(found.steps) for found, (sql, _) in zip(took, asked, strict=True) if about_history(sql)],
    }


if __name__ == "__main__":
    main()
